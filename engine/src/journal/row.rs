//! The row of a run: what lists, searches and recovery need to know without its records.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CostEntry, Digest, EffectId, Phase, RunId, RunKind, Sequence, TaskKey, Timestamp};

/// What is known of one run at a glance. All indexes of the journal are derived from it.
///
/// While a run is at work, its counters may lag behind its records; they are exact when it
/// waits and when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// What kind of thing runs.
    pub kind: RunKind,
    /// What runs: `namespace/name@version` of a routine, or the name of an agent profile.
    pub name: String,
    /// The digest of the definition that the run is pinned to.
    pub definition: Digest,
    /// Its phase.
    pub phase: Phase,
    /// Whether the engine must take it up when the store is opened: it is at work, or waits
    /// for a child.
    pub active: bool,
    /// The earliest moment at which time alone wakes it.
    pub due: Option<Timestamp>,
    /// Why it does not advance although nothing is missing, if that is so.
    pub trouble: Option<Trouble>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The run that asked for this one, and the task in it.
    pub parent: Option<(RunId, TaskKey)>,
    /// The caller's idempotency key: starting with the same key returns this run.
    pub key: Option<String>,
    /// Pending effects that were certainly not begun when the row was written; written when
    /// the engine stops in good order, and cleared before they are begun.
    pub unstarted: Vec<EffectId>,
    /// The open questions that it waits for.
    pub waiting_for: Vec<EffectId>,
    /// How many model calls were paid for.
    pub model_calls: u64,
    /// How many calls of functions or tools came back.
    pub tool_calls: u64,
    /// What it cost, without its children.
    pub cost: CostSummary,
    /// Names and values that it can be found by.
    pub attributes: BTreeMap<String, String>,
    /// The last record that the row takes account of.
    pub last_seq: Sequence,
}

/// The sum of a run's costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostSummary {
    /// The known part, in US dollars.
    pub usd: Decimal,
    /// Whether every price was known.
    pub exact: bool,
}

impl Default for CostSummary {
    fn default() -> Self {
        Self {
            usd: Decimal::ZERO,
            exact: true,
        }
    }
}

impl CostSummary {
    /// Adds one entry; an unknown price makes the sum inexact.
    pub fn add(&mut self, entry: &CostEntry) {
        match entry.usd {
            Some(usd) => self.usd += usd,
            None => self.exact = false,
        }
    }
}

/// Why a run does not advance although nothing that it waits for is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Its history no longer replays: the machine computes something else than is stored.
    Blocked {
        /// The first record that differs.
        seq: Sequence,
        /// What is stored.
        expected: String,
        /// What the machine computes now.
        actual: String,
    },
    /// The machinery failed too often to perform one of its effects.
    Stuck {
        /// The effect.
        effect: EffectId,
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        message: String,
    },
    /// The engine itself failed on it: a mistake of this version, which the log tells of.
    Crashed,
    /// Its definition cannot be read by this version.
    Unreadable {
        /// Why.
        message: String,
    },
}
