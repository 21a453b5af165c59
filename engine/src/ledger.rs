//! What runs cost, and for what: one entry for each billable attempt, counted once, where it was
//! made. An unknown price is unknown, not zero.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Actor, CostCause, EffectId, EffectRequest, Record, RecordKind, RunId, RunTree, Sequence,
    TaskKey, Timestamp,
};

/// One billable attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The run that made it.
    pub run: RunId,
    /// What runs: a routine or an agent, by name.
    pub name: String,
    /// The record that tells of it.
    pub seq: Sequence,
    /// When it was told.
    pub at: Timestamp,
    /// The task that it was made for.
    pub task: TaskKey,
    /// The attempt of the task.
    pub attempt: u32,
    /// Who made it.
    pub actor: Actor,
    /// The model, as reported.
    pub model: String,
    /// What it was spent for.
    pub cause: CostCause,
    /// Tokens by class; the classes add up to the whole.
    pub tokens: BTreeMap<String, u64>,
    /// The amount in US dollars; nothing when the price is unknown.
    pub usd: Option<Decimal>,
}

/// A sum of entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// The known part, in US dollars; a lower bound when it is not exact.
    pub usd: Decimal,
    /// Whether every price was known.
    pub exact: bool,
    /// Billable attempts.
    pub calls: u64,
    /// Attempts without a known price.
    pub unpriced: u64,
    /// Tokens by class.
    pub tokens: BTreeMap<String, u64>,
}

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// What it was spent for.
    Cause,
    /// The model, as reported.
    Model,
    /// The task.
    Task,
    /// The routine or the agent.
    Name,
    /// The day, in UTC.
    Day,
}

/// Effort that is not money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overhead {
    /// Records that were kept.
    pub records: u64,
    /// How long people were waited for, in milliseconds; waits at the same time count each.
    pub human_wait_ms: u64,
    /// How long timers were waited for, in milliseconds; waits at the same time count each.
    pub timer_wait_ms: u64,
    /// How long calls of models and tools took, in milliseconds, each counted.
    pub work_ms: u64,
}

/// Everything that was spent in some runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The entries, log by log.
    pub entries: Vec<Entry>,
    /// Effort that is not money.
    pub overhead: Overhead,
}

impl Ledger {
    /// Reads what a run and everything below it spent.
    pub fn of(tree: &RunTree) -> Self {
        let mut ledger = Self::default();
        for log in &tree.logs {
            ledger.add(log);
        }
        ledger
    }

    /// Adds what one log tells of.
    pub fn add(&mut self, log: &[Record]) {
        let name = match log.first().map(|first| &first.kind) {
            Some(RecordKind::RunStarted(start)) => start.name.clone(),
            _ => String::new(),
        };
        let mut open: BTreeMap<EffectId, (Wait, Timestamp)> = BTreeMap::new();
        for record in log {
            self.overhead.records += 1;
            self.entries.extend(record.costs.iter().map(|cost| Entry {
                run: record.run,
                name: name.clone(),
                seq: record.seq,
                at: record.at,
                task: record.task.clone(),
                attempt: record.attempt,
                actor: record.actor.clone(),
                model: cost.model.clone(),
                cause: cost.cause,
                tokens: cost.tokens.clone(),
                usd: cost.usd,
            }));
            self.overhead.note(record, &mut open);
        }
    }

    /// Returns the sum of all entries.
    pub fn total(&self) -> Sum {
        let mut sum = Sum::zero();
        self.entries.iter().for_each(|entry| sum.add(entry));
        sum
    }

    /// Returns the sums along an axis, the largest first.
    pub fn by(&self, axis: Axis) -> Vec<(String, Sum)> {
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        for entry in &self.entries {
            sums.entry(axis.of(entry))
                .or_insert_with(Sum::zero)
                .add(entry);
        }
        let mut sums: Vec<(String, Sum)> = sums.into_iter().collect();
        sums.sort_by(|(_, a), (_, b)| b.usd.cmp(&a.usd).then(b.calls.cmp(&a.calls)));
        sums
    }

    /// Returns what share of the known money was not the work itself, in percent; nothing when
    /// no money was spent.
    pub fn orchestration_percent(&self) -> Option<Decimal> {
        let total = self.total().usd;
        let entries = self.entries.iter();
        let work: Decimal = entries
            .filter(|entry| entry.cause == CostCause::Productive)
            .filter_map(|entry| entry.usd)
            .sum();
        (!total.is_zero()).then(|| ((total - work) * Decimal::ONE_HUNDRED / total).round_dp(1))
    }
}

impl Sum {
    fn zero() -> Self {
        Self {
            usd: Decimal::ZERO,
            exact: true,
            calls: 0,
            unpriced: 0,
            tokens: BTreeMap::new(),
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.usd += entry.usd.unwrap_or_default();
        self.exact &= entry.usd.is_some();
        self.calls += 1;
        self.unpriced += u64::from(entry.usd.is_none());
        for (class, count) in &entry.tokens {
            *self.tokens.entry(class.clone()).or_default() += count;
        }
    }
}

impl Axis {
    fn of(self, entry: &Entry) -> String {
        match self {
            Self::Cause => word(entry.cause).to_owned(),
            Self::Model => entry.model.clone(),
            Self::Task => format!("{}:{}", entry.name, entry.task),
            Self::Name => entry.name.clone(),
            Self::Day => entry.at.to_string().chars().take(10).collect(),
        }
    }
}

/// Returns the word for what money was spent for.
pub fn word(cause: CostCause) -> &'static str {
    match cause {
        CostCause::Productive => "productive",
        CostCause::Retry => "retry",
        CostCause::Fallback => "fallback",
        CostCause::Compaction => "compaction",
        CostCause::Memory => "memory",
        CostCause::Evaluator => "evaluator",
        CostCause::Planner => "planner",
        CostCause::ApprovalRedo => "approval-redo",
        CostCause::ReplayLive => "replay-live",
        CostCause::Abandoned => "abandoned",
    }
}

/// What an effect waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Person,
    Work,
}

impl Overhead {
    fn note(&mut self, record: &Record, open: &mut BTreeMap<EffectId, (Wait, Timestamp)>) {
        match &record.kind {
            RecordKind::EffectIntended(effect) => match &effect.request {
                EffectRequest::Approval(_) => {
                    open.insert(effect.id, (Wait::Person, record.at));
                }
                EffectRequest::Call(_) => {
                    open.insert(effect.id, (Wait::Work, record.at));
                }
                EffectRequest::Timer { due } => self.timer_wait_ms += between(record.at, *due),
                EffectRequest::Run { .. } => {}
            },
            RecordKind::EffectFinished { effect, .. }
            | RecordKind::EffectAbandoned { effect }
            | RecordKind::Decided { effect, .. } => {
                if let Some((wait, since)) = open.remove(effect) {
                    let millis = between(since, record.at);
                    match wait {
                        Wait::Person => self.human_wait_ms += millis,
                        Wait::Work => self.work_ms += millis,
                    }
                }
            }
            _ => {}
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    to.as_millis().saturating_sub(from.as_millis())
}

#[cfg(test)]
mod tests;
