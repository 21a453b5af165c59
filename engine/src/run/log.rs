//! Writing records: every envelope of a run is filled in here.

use std::collections::BTreeMap;

use super::datum::Datum;
use super::frame::Frame;
use super::state::State;
use crate::{
    Actor, CostEntry, Definition, Digest, RECORD_FORMAT, Record, RecordKind, Sequence, TaskKey,
};

/// What differs from record to record.
pub(super) struct Entry {
    pub(super) task: TaskKey,
    pub(super) attempt: u32,
    pub(super) kind: RecordKind,
    pub(super) reads: Vec<Digest>,
    pub(super) caused_by: Vec<Sequence>,
    pub(super) output: Option<Digest>,
    pub(super) actor: Actor,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) costs: Vec<CostEntry>,
}

impl Entry {
    /// Makes an entry about the run itself.
    pub(super) fn of_run(kind: RecordKind, caused_by: Vec<Sequence>) -> Self {
        Self {
            task: TaskKey::root(),
            attempt: 1,
            kind,
            reads: Vec::new(),
            caused_by,
            output: None,
            actor: Actor::Engine,
            versions: BTreeMap::new(),
            costs: Vec::new(),
        }
    }

    /// Makes an entry about an open task; what it has read since its last record goes in.
    pub(super) fn of_task(
        frame: &mut Frame<Datum>,
        kind: RecordKind,
        caused_by: Vec<Sequence>,
    ) -> Self {
        Self {
            task: frame.key.clone(),
            attempt: frame.attempt,
            reads: std::mem::take(&mut frame.reads),
            ..Self::of_run(kind, caused_by)
        }
    }

    /// Says that this was read as well.
    pub(super) fn reading(mut self, digest: Digest) -> Self {
        if !self.reads.contains(&digest) {
            self.reads.push(digest);
        }
        self
    }

    /// Says what it produced.
    pub(super) fn producing(mut self, digest: Digest) -> Self {
        self.output = Some(digest);
        self
    }

    /// Says who did it.
    pub(super) fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }
}

/// Appends a record to the run's log and returns its position.
pub(super) fn append(
    records: &mut Vec<Record>,
    state: &mut State<Datum>,
    definition: &Definition,
    entry: Entry,
) -> Sequence {
    state.last_seq += 1;
    let mut versions = entry.versions;
    versions.insert("engine".to_owned(), state.engine.clone());
    records.push(Record {
        format: RECORD_FORMAT,
        run: state.id,
        seq: state.last_seq,
        at: state.now,
        task: entry.task,
        attempt: entry.attempt,
        kind: entry.kind,
        reads: entry.reads,
        caused_by: entry.caused_by,
        output: entry.output,
        definition: definition.digest(),
        versions,
        actor: entry.actor,
        costs: entry.costs,
    });
    state.last_seq
}
