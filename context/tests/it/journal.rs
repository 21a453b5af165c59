//! A journal of runs for tests: what a program that keeps runs tells the audit trail.

use std::collections::BTreeMap;

use layercake_context::audit::{Commitment, Hash, Leaf, Origin, RunLog};
use layercake_context::{Actor, Scope};

use crate::fixture::{agent, moment};

/// Runs and their records, as leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    pub(crate) runs: BTreeMap<String, Vec<Leaf>>,
}

/// What happens in a run, in turns: everything that an operator may ask about.
const EVENTS: [(&str, &str); 6] = [
    ("model-call", "prompt"),
    ("tool-call", "arguments"),
    ("state-changed", "record"),
    ("approval-asked", "shown"),
    ("approval-granted", "shown"),
    ("secret-read", "name"),
];

impl Journal {
    pub(crate) fn of(runs: &[(&str, u64)]) -> Self {
        let mut journal = Self::default();
        for &(run, records) in runs {
            let leaves = (1..=records).map(|seq| record(run, seq)).collect();
            journal.runs.insert(run.to_owned(), leaves);
        }
        journal
    }
}

pub(crate) fn record(run: &str, seq: u64) -> Leaf {
    let (kind, of) = EVENTS[(seq as usize - 1) % EVENTS.len()];
    let granted = kind == "approval-granted";
    Leaf {
        origin: Origin::Run {
            run: run.into(),
            seq,
        },
        scope: agent().scope().clone(),
        at: moment(1_000 + seq as i64),
        kind: kind.into(),
        actor: match granted {
            true => Actor::Person("grace".into()),
            false => Actor::Agent("clerk".into()),
        },
        task: "triage/classify[2]".into(),
        attempt: 1,
        caused_by: vec![seq - 1],
        decision: granted.then(|| "granted".to_owned()),
        commitments: vec![Commitment {
            name: of.into(),
            hash: Hash::from_bytes([seq as u8; 32]),
        }],
    }
}

impl RunLog for Journal {
    fn runs(&self) -> Result<Vec<(Scope, String)>, String> {
        let scope = agent().scope().clone();
        Ok(self
            .runs
            .keys()
            .map(|run| (scope.clone(), run.clone()))
            .collect())
    }

    fn leaves(&self, run: &str, from: u64, max: usize) -> Result<Vec<Leaf>, String> {
        let leaves = self.runs.get(run).ok_or("no such run")?;
        Ok(leaves
            .iter()
            .skip(from as usize - 1)
            .take(max)
            .cloned()
            .collect())
    }
}
