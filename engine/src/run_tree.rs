//! A run with everything below it, as data: what replay, diff, ledger, bundle and telemetry are
//! functions of. Owns how a tree is collected from a journal; knows no format but the records'.

mod strict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use strict::{ReplayOutcome, Replayed};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::{Journal, JournalError, JournalReads, Parent, Scan};
use crate::{Digest, Payload, Record, RunId, Timestamp};

/// The most runs of one tree; a tree of agents, not a runaway.
const RUNS_MAX: usize = 10_000;
/// The most records of one run that are read.
const RECORDS_MAX: usize = 1_000_000;

/// One run, all runs below it, and every value and definition that their records name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunTree {
    /// The logs, the root's first, every parent before its children.
    pub logs: Vec<Vec<Record>>,
    /// Values that records only refer to, by their hash.
    pub payloads: BTreeMap<Digest, Value>,
    /// The texts of the definitions that runs are pinned to, by their hash.
    pub definitions: BTreeMap<Digest, String>,
}

impl RunTree {
    /// Reads a run and everything below it. The tree of a run that does not exist is empty.
    ///
    /// # Errors
    ///
    /// The journal cannot be read or is damaged.
    pub fn read(journal: &dyn Journal, run: RunId) -> Result<Self, JournalError> {
        let mut tree = Self {
            logs: Vec::new(),
            payloads: BTreeMap::new(),
            definitions: BTreeMap::new(),
        };
        let mut queue = VecDeque::from([run]);
        while let Some(next) = queue.pop_front() {
            let records = journal.records(next, 1, RECORDS_MAX)?;
            tree.collect(journal, &records)?;
            if !records.is_empty() {
                tree.logs.push(records);
            }
            let room = RUNS_MAX.saturating_sub(tree.logs.len() + queue.len());
            let mut children = journal.scan(&Scan {
                parent: Parent::Run(next),
                ..Scan::newest(room)
            })?;
            children.reverse();
            queue.extend(children.iter().map(|row| row.run));
        }
        Ok(tree)
    }

    /// Fetches what records only refer to.
    fn collect(&mut self, journal: &dyn Journal, records: &[Record]) -> Result<(), JournalError> {
        let mut wanted: BTreeSet<Digest> = BTreeSet::new();
        for record in records {
            if !self.definitions.contains_key(&record.definition) {
                wanted.insert(record.definition);
            }
            for digest in record.kind.stored_payloads() {
                if let Some(value) = journal.payload(digest)? {
                    self.payloads.insert(digest, value);
                }
            }
        }
        for digest in wanted {
            if let Some(text) = journal.definition(digest)? {
                self.definitions.insert(digest, text);
            }
        }
        Ok(())
    }

    /// Returns the id of the run that the tree is of.
    pub fn root(&self) -> Option<RunId> {
        Some(self.logs.first()?.first()?.run)
    }

    /// Returns the log of a run; empty when the run is not in the tree.
    pub fn log(&self, run: RunId) -> &[Record] {
        let found = self
            .logs
            .iter()
            .find(|log| log.first().is_some_and(|first| first.run == run));
        found.map_or(&[], Vec::as_slice)
    }

    /// Returns the number of records of all runs.
    pub fn len(&self) -> usize {
        self.logs.iter().map(Vec::len).sum()
    }

    /// Says whether there is no record at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value of a payload, when it is at hand.
    pub fn value<'a>(&'a self, payload: &'a Payload) -> Option<&'a Value> {
        match payload {
            Payload::Inline(value) => Some(value),
            Payload::Stored { digest, .. } => self.payloads.get(digest),
        }
    }

    /// Returns the tree as it was when the root's record of that number had been written.
    ///
    /// Runs below are cut by time, because their logs have numbers of their own.
    #[must_use]
    pub fn until(&self, seq: crate::Sequence) -> Self {
        let mut logs = self.logs.iter();
        let mut cut = Vec::new();
        let mut at = Timestamp::default();
        if let Some(root) = logs.next() {
            let kept: Vec<Record> = root.iter().filter(|it| it.seq <= seq).cloned().collect();
            at = kept.last().map_or(at, |last| last.at);
            cut.push(kept);
        }
        for log in logs {
            let kept: Vec<Record> = log.iter().filter(|it| it.at <= at).cloned().collect();
            cut.push(kept);
        }
        cut.retain(|log| !log.is_empty());
        Self {
            logs: cut,
            payloads: self.payloads.clone(),
            definitions: self.definitions.clone(),
        }
    }
}
