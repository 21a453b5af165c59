//! Brings a run into memory: its snapshot, and the records after it.

use super::EngineError;
use serde_json::{Map, Value};

use super::core::Core;
use super::ledger::Ledger;
use crate::journal::{JournalReads, RunRow, Trouble};
use crate::{Definition, Phase, Record, ReplayError, Run, RunId, RunKind};

/// A run that was brought into memory.
#[derive(Debug)]
pub(super) enum Loaded {
    /// It can go on.
    Ready(Box<(Run, Ledger)>),
    /// It has ended; nothing can happen to it.
    Over,
    /// It exists, but must not go on.
    Troubled(Box<RunRow>, Trouble),
}

/// Loads a run.
pub(super) fn load(core: &Core, id: RunId) -> Result<Loaded, EngineError> {
    let Some(row) = core.journal.row(id)? else {
        return Err(EngineError::UnknownRun(id));
    };
    if row.kind != RunKind::Routine {
        return Err(EngineError::NotARoutine(id));
    }
    if row.phase.is_final() {
        return Ok(Loaded::Over);
    }
    if row.phase == Phase::Pending {
        return Err(EngineError::Queued(id));
    }
    let definition = match core.definitions.of_digest(row.definition) {
        Ok(Some(definition)) => definition,
        Ok(None) => return Ok(unreadable(row, "its definition is not stored".to_owned())),
        Err(EngineError::Definition(diagnostics)) => {
            let first = diagnostics.first().map(ToString::to_string);
            return Ok(unreadable(row, first.unwrap_or_default()));
        }
        Err(error) => return Err(error),
    };
    let (run, tail, snapshot_seq) = match rebuild(core, id, definition)? {
        Ok(rebuilt) => rebuilt,
        Err(error) => {
            let trouble = trouble_of(&error);
            return Ok(Loaded::Troubled(row, trouble));
        }
    };
    let open = core.journal.inbox(Some(id), usize::MAX)?;
    let questions = open.iter().map(|item| item.id).collect();
    let mut ledger = Ledger::resume(*row, questions, snapshot_seq);
    ledger.absorb(&tail);
    Ok(Loaded::Ready(Box::new((run, ledger))))
}

type Rebuilt = Result<(Run, Vec<Record>, u64), ReplayError>;

/// Rebuilds a run from its snapshot and the records after it, or from all records.
fn rebuild(core: &Core, id: RunId, definition: Definition) -> Result<Rebuilt, EngineError> {
    if let Some(snapshot) = core.journal.snapshot(id)? {
        match Run::restore(&snapshot.state, definition.clone()) {
            Ok(mut run) if run.last_seq() == snapshot.seq => {
                let tail = core.journal.records(id, snapshot.seq + 1, usize::MAX)?;
                let replayed = run.replay_tail(tail.iter().cloned());
                return Ok(replayed.map(|()| (run, tail, snapshot.seq)));
            }
            Ok(_) => tracing::warn!(run_id = %id, "a snapshot is not where it claims to be"),
            Err(error) => tracing::warn!(run_id = %id, %error, "a snapshot is of no use"),
        }
    }
    let records = core.journal.records(id, 1, usize::MAX)?;
    let replayed = Run::replay(definition, records.iter().cloned());
    Ok(replayed.map(|run| (run, records, 0)))
}

fn unreadable(row: Box<RunRow>, message: String) -> Loaded {
    Loaded::Troubled(row, Trouble::Unreadable { message })
}

/// Says side by side what is stored and what the machine gives.
fn trouble_of(error: &ReplayError) -> Trouble {
    match error {
        ReplayError::Diverged(divergence) => {
            let expected = fields_of(divergence.expected.as_ref());
            let actual = fields_of(divergence.actual.as_ref());
            Trouble::Blocked {
                seq: divergence.seq,
                expected: differing(&expected, &actual),
                actual: differing(&actual, &expected),
            }
        }
        ReplayError::Refused { seq, reason } => Trouble::Blocked {
            seq: *seq,
            expected: "an input that is taken".to_owned(),
            actual: reason.to_string(),
        },
        other => Trouble::Blocked {
            seq: 0,
            expected: "a log that can be replayed".to_owned(),
            actual: other.to_string(),
        },
    }
}

/// Returns the fields of a record; nothing when there is no record.
fn fields_of(record: Option<&Record>) -> Map<String, Value> {
    match record.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        Some(_) | None => Map::new(),
    }
}

/// Writes the fields of one record that are not the same in the other, and what it is about.
fn differing(fields: &Map<String, Value>, other: &Map<String, Value>) -> String {
    if fields.is_empty() {
        return "nothing".to_owned();
    }
    let shown = fields
        .iter()
        .filter(|(name, value)| *name == "task" || other.get(*name) != Some(value));
    let shown: Map<String, Value> = shown.map(|(k, v)| (k.clone(), v.clone())).collect();
    Value::Object(shown).to_string()
}
