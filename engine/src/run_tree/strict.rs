//! Strict replay of a tree: every effect is served from the record, nothing else is at hand, and
//! every record must come out as it is stored.

use super::RunTree;
use crate::{
    Catalog, Definition, Digest, Divergence, Phase, Record, RecordKind, ReplayError, Run, RunId,
    RunKind, Sequence,
};

/// What came of replaying one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The run.
    pub run: RunId,
    /// What runs.
    pub name: String,
    /// How many records it has.
    pub records: usize,
    /// What came of it.
    pub outcome: ReplayOutcome,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayOutcome {
    /// Every record came out as it is stored, up to this phase.
    Exact(Phase),
    /// The first record that did not.
    Diverged(Box<Divergence>),
    /// A stored input could not have happened.
    Refused {
        /// Its position.
        seq: Sequence,
        /// Why.
        reason: String,
    },
    /// There is not enough to replay it.
    NotReplayable(String),
    /// It is the log of an agent, which the engine keeps and does not compute.
    Agent,
}

impl RunTree {
    /// Replays every run of the tree, the root first.
    pub fn replay(&self, catalog: &Catalog) -> Vec<Replayed> {
        let logs = self.logs.iter().filter_map(|log| {
            let first = log.first()?;
            let RecordKind::RunStarted(start) = &first.kind else {
                return None;
            };
            Some(Replayed {
                run: first.run,
                name: start.name.clone(),
                records: log.len(),
                outcome: match start.run_kind {
                    RunKind::Agent => ReplayOutcome::Agent,
                    RunKind::Routine => self.replay_log(log, first, catalog),
                },
            })
        });
        logs.collect()
    }

    fn replay_log(&self, log: &[Record], first: &Record, catalog: &Catalog) -> ReplayOutcome {
        let Some(source) = self.definitions.get(&first.definition) else {
            let text = format!("the definition {} is not at hand", first.definition);
            return ReplayOutcome::NotReplayable(text);
        };
        let definition = match Definition::read(source, catalog) {
            Ok(checked) => checked.definition,
            Err(remarks) => {
                let first = remarks.first().map(ToString::to_string);
                return ReplayOutcome::NotReplayable(first.unwrap_or_default());
            }
        };
        let others = |digest: &Digest| {
            let source = self.definitions.get(digest)?;
            Some(Definition::read(source, catalog).ok()?.definition)
        };
        match Run::replay_with(definition, &others, log.iter().cloned()) {
            Ok(run) => ReplayOutcome::Exact(run.phase()),
            Err(ReplayError::Diverged(divergence)) => ReplayOutcome::Diverged(divergence),
            Err(ReplayError::Refused { seq, reason }) => ReplayOutcome::Refused {
                seq,
                reason: reason.to_string(),
            },
            Err(error) => ReplayOutcome::NotReplayable(error.to_string()),
        }
    }
}
