//! `for-each`: a custom function for each item, several at a time, results in order.

use std::collections::BTreeSet;

use serde_json::Value;

use super::output;
use crate::definition::tree::Spread;
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::machine::{Machine, Step};
use crate::run::work::{Arm, Fork, Item, Items, Work};
use crate::{Problem, ProblemKind, canonical_json};

/// How many items are worked on at a time when nothing is said: enough to hide the latency
/// of a service, few enough not to flood it.
const CONCURRENCY: u64 = 8;

/// The most items that are worked on at a time; each is a branch in memory.
const CONCURRENCY_MAX: u64 = 10_000;

impl<'a> Machine<'a> {
    pub(super) fn begin_spread(
        &mut self,
        branch: &mut Branch<Datum>,
        spread: &'a Spread,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let items = self.evaluate(branch, &spread.items, &input)?;
        let Some(count) = items.value().as_array().map(Vec::len) else {
            return Err(wrong("`in` of `for-each` does not give an array"));
        };
        let concurrency = match &spread.concurrency {
            Some(template) => self.evaluate(branch, template, &input)?.value().as_u64(),
            None => Some(CONCURRENCY),
        };
        let at_once = concurrency
            .filter(|n| (1..=CONCURRENCY_MAX).contains(n))
            .ok_or_else(|| {
                wrong(&format!(
                    "`concurrency` of `for-each` is not a number from 1 to {CONCURRENCY_MAX}"
                ))
            })?;
        if count == 0 {
            return Ok(output(branch, Datum::new(Value::Array(Vec::new())), None));
        }
        branch.top_mut().reads.push(items.digest());
        let items = Items {
            values: items,
            keys: Vec::new(),
            at: 0,
        };
        branch.top_mut().work = Work::Fork(Box::new(Fork {
            slots: Vec::new(),
            items: Some(items),
        }));
        self.name_items(branch, spread, count, &input)?;
        for _ in 0..at_once.min(count as u64) {
            self.begin_next_item(branch);
        }
        Ok(Step::Wait)
    }

    /// Makes the names of the items. Equal names would be one stable key for two of them.
    fn name_items(
        &mut self,
        branch: &mut Branch<Datum>,
        spread: &Spread,
        count: usize,
        input: &Datum,
    ) -> Result<(), Problem> {
        let Some(template) = &spread.key else {
            return Ok(());
        };
        let mut keys = BTreeSet::new();
        for at in 0..count {
            if let Some(items) = items(branch) {
                items.at = at;
            }
            let key = match self.evaluate(branch, template, input)?.value() {
                Value::String(text) => text.clone(),
                other => canonical_json(other),
            };
            if !keys.insert(key.clone()) {
                return Err(wrong(&format!(
                    "two items of `for-each` have the key `{key}`"
                )));
            }
            if let Some(items) = items(branch) {
                items.keys.push(key);
            }
        }
        Ok(())
    }

    /// Begins to work on the next item, if there is one left.
    pub(super) fn begin_next_item(&mut self, branch: &mut Branch<Datum>) {
        let Work::Fork(fork) = &branch.top().work else {
            return;
        };
        let index = fork.slots.len();
        let Some(items) = &fork.items else { return };
        let Some(value) = items.values.value().get(index) else {
            return;
        };
        let item = Item {
            value: Datum::new(value.clone()),
            key: items.keys.get(index).cloned(),
        };
        let arm = self.begin_arm(branch, index, Some(item));
        if let Work::Fork(fork) = &mut branch.top_mut().work {
            fork.slots.push(Arm::Open(arm));
        }
    }
}

fn items(branch: &mut Branch<Datum>) -> Option<&mut Items<Datum>> {
    match &mut branch.top_mut().work {
        Work::Fork(fork) => fork.items.as_mut(),
        _ => None,
    }
}

fn wrong(title: &str) -> Problem {
    Problem::standard(ProblemKind::Expression, title)
}
