//! Runs in the audit trail: taking over what a journal has, and the proof that both agree,
//! record by record.

use std::collections::BTreeMap;
use std::fmt;

use super::{AuditLog, Flaw, Leaf, Origin};
use crate::key;
use crate::store::{Order, Reader};
use crate::writer::run_hash;
use crate::{ContextError, Scope};

/// Records that are asked of a journal at once.
const PAGE: usize = 1_024;

/// A journal of runs, as the audit trail sees it: every model call, tool call, change of state,
/// approval and access to a secret is a record, and gives a leaf. The program that keeps the
/// runs implements it; nothing here knows how.
pub trait RunLog: fmt::Debug {
    /// Returns all runs, each with its scope.
    ///
    /// # Errors
    /// When the journal cannot be read; the text says why.
    fn runs(&self) -> Result<Vec<(Scope, String)>, String>;

    /// Returns the leaves of a run's records from a number on, in order and without gaps, at
    /// most so many. The same record gives the same leaf, always.
    ///
    /// # Errors
    /// As [`RunLog::runs`].
    fn leaves(&self, run: &str, from: u64, max: usize) -> Result<Vec<Leaf>, String>;
}

impl AuditLog {
    /// Takes over every record of a journal that has no leaf yet, and returns how many there
    /// were. To be repeated at any time: a record never gets a second leaf.
    ///
    /// # Errors
    /// When either side cannot be read, or a record has changed since it got its leaf.
    pub fn follow(&self, runs: &dyn RunLog) -> Result<u64, ContextError> {
        let mut taken = 0;
        for (scope, run) in runs.runs().map_err(unreadable)? {
            let mut next = self.last_of(&scope, &run)? + 1;
            loop {
                let leaves = runs.leaves(&run, next, PAGE).map_err(unreadable)?;
                let count = leaves.len() as u64;
                if count == 0 {
                    break;
                }
                self.append(leaves)?;
                next += count;
                taken += count;
            }
        }
        Ok(taken)
    }

    /// Returns the number of the last record of a run that has a leaf; 0 when none has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_of(&self, scope: &Scope, run: &str) -> Result<u64, ContextError> {
        let hash = run_hash(scope, run);
        let rows = self.reader()?;
        let (from, to) = (key::audit_run(&hash, 0), key::audit_run(&hash, u64::MAX));
        let mut last = 0;
        rows.range(&from, &to, Order::Descending, &mut |key, _| {
            last = key::last_number(key).unwrap_or_default();
            std::ops::ControlFlow::Break(())
        })?;
        Ok(last)
    }

    /// Compares the trail with a journal: every record has exactly one leaf, every leaf of a run
    /// has its record, and they say the same. Nothing was left out, and nothing was added.
    ///
    /// # Errors
    /// When either side cannot be read.
    pub fn verify_runs(&self, runs: &dyn RunLog) -> Result<Vec<Flaw>, ContextError> {
        let mut found = self.run_leaves()?;
        let mut flaws = Vec::new();
        for (scope, run) in runs.runs().map_err(unreadable)? {
            let mut leaves = found.remove(&(scope, run.clone())).unwrap_or_default();
            let mut next = 1;
            loop {
                let records = runs.leaves(&run, next, PAGE).map_err(unreadable)?;
                let count = records.len() as u64;
                for (record, seq) in records.into_iter().zip(next..) {
                    let kept = leaves.remove(&seq).unwrap_or_default();
                    let origin = Origin::Run {
                        run: run.clone(),
                        seq,
                    };
                    if record.origin != origin || kept.len() != 1 || kept[0] != record {
                        flaws.push(Flaw::Record {
                            run: run.clone(),
                            seq,
                            leaves: kept.len() as u64,
                        });
                    }
                }
                if count == 0 {
                    break;
                }
                next += count;
            }
            flaws.extend(leaves.into_keys().map(|seq| Flaw::NoRecord {
                run: run.clone(),
                seq,
            }));
        }
        for ((_, run), leaves) in found {
            let unknown = leaves.into_keys().map(|seq| Flaw::NoRecord {
                run: run.clone(),
                seq,
            });
            flaws.extend(unknown);
        }
        Ok(flaws)
    }

    /// Returns all leaves of runs, by run and number.
    fn run_leaves(&self) -> Result<RunLeaves, ContextError> {
        let mut found = RunLeaves::new();
        for position in 0..self.size()? {
            let leaf = self.leaf(position)?;
            if let Origin::Run { run, seq } = &leaf.origin {
                let name = (leaf.scope.clone(), run.clone());
                let of_run = found.entry(name).or_default();
                of_run.entry(*seq).or_default().push(leaf);
            }
        }
        Ok(found)
    }
}

type RunLeaves = BTreeMap<(Scope, String), BTreeMap<u64, Vec<Leaf>>>;

fn unreadable(why: String) -> ContextError {
    ContextError::Journal { why }
}
