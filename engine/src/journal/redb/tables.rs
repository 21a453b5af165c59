//! The tables on disk. `engine/docs/format.md` describes every one; change both together.

use redb::TableDefinition;

use crate::{Digest, EffectId, Phase, RunId, Sequence, Timestamp};

/// `format`, `epoch`, `generation`, `complete` → number.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// run, last sequence → the records of one step.
pub(super) const RECORDS: TableDefinition<'_, [u8; 24], &[u8]> = TableDefinition::new("records");
/// run → row.
pub(super) const ROWS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("rows");
/// phase, run.
pub(super) const PHASES: TableDefinition<'_, [u8; 17], ()> = TableDefinition::new("phases");
/// run; those that the engine takes up when it opens the store.
pub(super) const ACTIVE: TableDefinition<'_, [u8; 16], ()> = TableDefinition::new("active");
/// moment, run.
pub(super) const TIMERS: TableDefinition<'_, [u8; 24], ()> = TableDefinition::new("timers");
/// parent, child.
pub(super) const CHILDREN: TableDefinition<'_, [u8; 32], ()> = TableDefinition::new("children");
/// run; those that do not advance although nothing is missing.
pub(super) const TROUBLED: TableDefinition<'_, [u8; 16], ()> = TableDefinition::new("troubled");
/// attribute name, zero, value, zero, run.
pub(super) const ATTRIBUTES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("attributes");
/// idempotency key → run.
pub(super) const KEYS: TableDefinition<'_, &str, [u8; 16]> = TableDefinition::new("keys");
/// run, effect → open question.
pub(super) const INBOX: TableDefinition<'_, [u8; 48], &[u8]> = TableDefinition::new("inbox");
/// effect → run that asks.
pub(super) const QUESTIONS: TableDefinition<'_, [u8; 32], [u8; 16]> =
    TableDefinition::new("questions");
/// run → sequence, state.
pub(super) const SNAPSHOTS: TableDefinition<'_, [u8; 16], &[u8]> =
    TableDefinition::new("snapshots");
/// run, mark of something that it took in.
pub(super) const TAKEN: TableDefinition<'_, [u8; 48], ()> = TableDefinition::new("taken");
/// digest → value.
pub(super) const PAYLOADS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("payloads");
/// digest, run that refers to it.
pub(super) const REFERENCES: TableDefinition<'_, [u8; 48], ()> = TableDefinition::new("references");
/// digest → text of a definition.
pub(super) const DEFINITIONS: TableDefinition<'_, [u8; 32], &str> =
    TableDefinition::new("definitions");
/// `namespace/name@version` → publication.
pub(super) const ROUTINES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("routines");

/// Name of the format version in [`META`].
pub(super) const FORMAT_KEY: &str = "format";
/// Name of the owner's epoch in [`META`].
pub(super) const EPOCH_KEY: &str = "epoch";

/// Number of the last checkpoint in [`META`]: the log's entries after it carry it.
pub(super) const GENERATION_KEY: &str = "generation";
/// Whether the tables have all that the log has, in [`META`]: 1 if they do, 0 otherwise.
pub(super) const COMPLETE_KEY: &str = "complete";

/// Joins two fixed parts into a key that sorts by the first, then by the second.
fn join<const A: usize, const B: usize, const C: usize>(a: [u8; A], b: [u8; B]) -> [u8; C] {
    const { assert!(A + B == C) };
    let mut key = [0; C];
    key[..A].copy_from_slice(&a);
    key[A..].copy_from_slice(&b);
    key
}

pub(super) fn record_key(run: RunId, last: Sequence) -> [u8; 24] {
    join(run.to_bytes(), last.to_be_bytes())
}

/// Returns the sequence in a key of [`RECORDS`].
pub(super) fn last_of(key: [u8; 24]) -> Sequence {
    let (_, tail) = key.split_at(16);
    Sequence::from_be_bytes(tail.try_into().expect("the tail has 8 bytes"))
}

/// Returns the run at the end of a key.
pub(super) fn run_at_end(key: &[u8]) -> RunId {
    let tail = key.last_chunk::<16>().copied();
    RunId::from_bytes(tail.expect("every key with a run has at least its 16 bytes"))
}

/// Returns the run at the beginning of a key.
pub(super) fn run_at_start(key: &[u8]) -> RunId {
    let head = key.first_chunk::<16>().copied();
    RunId::from_bytes(head.expect("every key with a run has at least its 16 bytes"))
}

pub(super) fn phase_key(phase: Phase, run: RunId) -> [u8; 17] {
    join([phase_code(phase)], run.to_bytes())
}

pub(super) fn timer_key(due: Timestamp, run: RunId) -> [u8; 24] {
    join(due.as_millis().to_be_bytes(), run.to_bytes())
}

/// Returns the moment in a key of [`TIMERS`].
pub(super) fn due_of(key: [u8; 24]) -> Timestamp {
    let (head, _) = key.split_at(8);
    let millis = u64::from_be_bytes(head.try_into().expect("the head has 8 bytes"));
    Timestamp::from_millis(millis)
}

pub(super) fn child_key(parent: RunId, child: RunId) -> [u8; 32] {
    join(parent.to_bytes(), child.to_bytes())
}

pub(super) fn question_key(run: RunId, effect: EffectId) -> [u8; 48] {
    join(run.to_bytes(), *effect.digest().as_bytes())
}

pub(super) fn taken_key(run: RunId, mark: Digest) -> [u8; 48] {
    join(run.to_bytes(), *mark.as_bytes())
}

pub(super) fn reference_key(digest: Digest, run: RunId) -> [u8; 48] {
    join(*digest.as_bytes(), run.to_bytes())
}

/// The end of a name or value in a key of [`ATTRIBUTES`]; neither may contain it.
const END: u8 = 0;

/// Returns the part of an attribute's key before the run.
pub(super) fn attribute_prefix(name: &str, value: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + value.len() + 18);
    key.extend(name.bytes().filter(|byte| *byte != END));
    key.push(END);
    key.extend(value.bytes().filter(|byte| *byte != END));
    key.push(END);
    key
}

pub(super) fn attribute_key(name: &str, value: &str, run: RunId) -> Vec<u8> {
    let mut key = attribute_prefix(name, value);
    key.extend_from_slice(&run.to_bytes());
    key
}

/// Returns the stored number of a phase. Never reuse one.
fn phase_code(phase: Phase) -> u8 {
    match phase {
        Phase::Pending => 1,
        Phase::Running => 2,
        Phase::Waiting => 3,
        Phase::Suspended => 4,
        Phase::Cancelled => 5,
        Phase::Faulted => 6,
        Phase::Completed => 7,
    }
}
