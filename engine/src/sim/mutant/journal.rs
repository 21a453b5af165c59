//! A journal that makes a mistake now and then.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::Mutant;
use crate::journal::{
    Answer, Damage, Epoch, Journal, JournalError, Query, RunRow, Scan, Snapshot, Write,
};
use crate::{Payload, Record, RecordKind, RunId, Sequence};

/// A mistake of writing is made at every so many appends.
const EVERY: u64 = 7;

/// A journal in front of another one.
#[derive(Debug)]
pub(in crate::sim) struct MistakenJournal {
    pub(in crate::sim) inner: Arc<dyn Journal>,
    pub(in crate::sim) mutant: Mutant,
    pub(in crate::sim) appends: AtomicU64,
}

impl Journal for MistakenJournal {
    fn claim(&self) -> Result<Epoch, JournalError> {
        self.inner.claim()
    }

    fn append(&self, epoch: Epoch, writes: &[Write]) -> Result<(), JournalError> {
        let turn = self.appends.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1;
        match self.mutant {
            Mutant::AppendLost if turn => Ok(()),
            Mutant::AppendCutOff if turn => {
                let cut: Vec<Write> = writes.iter().cloned().map(cut_off).collect();
                self.inner.append(epoch, &cut)
            }
            Mutant::OwnersUnfenced => match self.inner.append(epoch, writes) {
                Err(JournalError::Fenced { current, .. }) => self.inner.append(current, writes),
                other => other,
            },
            _ => self.inner.append(epoch, writes),
        }
    }

    fn records(
        &self,
        run: RunId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError> {
        let mut records = self.inner.records(run, from, limit)?;
        let middle = records.len() / 2;
        match self.mutant {
            Mutant::RecordSkipped if records.len() > 2 => {
                records.remove(middle);
            }
            Mutant::RecordTwice if records.len() > 2 => {
                let twice = records[middle].clone();
                records.insert(middle, twice);
            }
            Mutant::RecordsSwapped if records.len() > 2 => records.swap(middle - 1, middle),
            Mutant::ValueChanged => records.iter_mut().for_each(change_value),
            _ => {}
        }
        Ok(records)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<RunRow>, JournalError> {
        self.inner.scan(scan)
    }

    fn ask(&self, query: &Query) -> Result<Answer, JournalError> {
        let answer = self.inner.ask(query)?;
        Ok(match (self.mutant, answer) {
            (Mutant::SnapshotAhead, Answer::Snapshot(Some(snapshot))) => {
                Answer::Snapshot(Some(Snapshot {
                    seq: snapshot.seq + 1,
                    ..snapshot
                }))
            }
            (_, answer) => answer,
        })
    }

    fn settle(&self) -> Result<(), JournalError> {
        self.inner.settle()
    }

    fn check(&self) -> Result<Vec<Damage>, JournalError> {
        self.inner.check()
    }

    fn copy_to(&self, target: &Path) -> Result<(), JournalError> {
        self.inner.copy_to(target)
    }
}

fn cut_off(write: Write) -> Write {
    match write {
        Write::Run(mut batch) => {
            batch.records.pop();
            Write::Run(batch)
        }
        other => other,
    }
}

/// What came back from a call is another number.
fn change_value(record: &mut Record) {
    if let RecordKind::EffectFinished { result, .. } = &mut record.kind
        && let Ok(Payload::Inline(value)) = result
        && let Some(n) = value.get("n").and_then(serde_json::Value::as_u64)
    {
        *value = json!({ "n": n + 1 });
    }
}
