//! Applies one commit: checks it, stages its rows, and leaves its leaf in the audit trail.

use crate::audit::{Commitment, Leaf, Origin};
use crate::codec::{Decoder, Encoder};
use crate::commit::{COMMIT_OPS_MAX, Commit, EntityRef, Expect, Op, Receipt, Repeated, Version};
use crate::error::{Clash, Conflict};
use crate::head::Head;
use crate::key;
use crate::keyring::Keyring;
use crate::reading::Reading;
use crate::row::LogRow;
use crate::scope::Access;
use crate::seal::Entropy;
use crate::stage::Stage;
use crate::view::{live_pair, name_of, version_of};
use crate::writer::draft::{Draft, commit_row, key_hash};
use crate::writer::fingerprint::request_bytes;
use crate::writer::trail::append_leaf;
use crate::writer::{assert, judge, lease, special};
use crate::{ContextError, ItemId, Snapshot};

/// The word for a commit in the audit trail.
const COMMIT_KIND: &str = "context-commit";

/// Applies a commit to the stage; on an error the caller takes back what was staged.
pub(crate) fn apply(
    stage: &mut Stage<'_>,
    head: &mut Head,
    keys: &Keyring,
    entropy: &mut Entropy,
    access: &Access,
    commit: Commit,
) -> Result<Receipt, ContextError> {
    check_size(&commit)?;
    let request = keys.fingerprint(&request_bytes(&commit.ops));
    let mut draft = Draft::new(stage, head, keys, entropy, access, &commit)?;
    if let Some(receipt) = earlier_receipt(&draft, &commit, &request)? {
        return Ok(receipt);
    }
    draft.begin(&commit);
    for expect in &commit.expect {
        check_expectation(&draft, expect)?;
    }
    assert::check_sources(&draft, &commit.provenance.derived_from)?;
    let mut ids = Vec::with_capacity(commit.ops.len());
    for op in &commit.ops {
        ids.push(apply_op(&mut draft, &commit, op)?);
    }
    finish(draft, head, &commit, &request, ids)
}

fn apply_op(draft: &mut Draft<'_, '_>, commit: &Commit, op: &Op) -> Result<ItemId, ContextError> {
    let actor = &commit.provenance.actor;
    match op {
        Op::Assert(statement) => {
            assert::check_predicate(&statement.predicate)?;
            assert::assert(draft, statement)
        }
        Op::Observe(observation) => assert::observe(draft, observation),
        Op::Judge { item, verdict } => judge::judge(draft, *item, *verdict),
        Op::Alias { entity, alias } => special::alias(draft, entity, alias),
        Op::Merge(merge) => special::merge(draft, merge),
        Op::Declare { predicate, policy } => {
            assert::check_predicate(predicate)?;
            special::declare(draft, predicate, *policy)
        }
        Op::TakeLease { resource, until } => lease::take(draft, actor, resource, *until),
        Op::ReleaseLease { resource, epoch } => lease::release(draft, actor, resource, *epoch),
        Op::Recommend(recommendation) => special::recommend(draft, recommendation),
        Op::RecordOutcome(outcome) => special::record_outcome(draft, outcome),
    }
}

fn check_size(commit: &Commit) -> Result<(), ContextError> {
    if commit.ops.is_empty() || commit.ops.len() > COMMIT_OPS_MAX {
        return Err(ContextError::invalid(format!(
            "a commit has 1 to {COMMIT_OPS_MAX} operations, not {}",
            commit.ops.len()
        )));
    }
    Ok(())
}

/// Writes the head of the commit, its idempotency row and its leaf.
fn finish(
    mut draft: Draft<'_, '_>,
    head: &mut Head,
    commit: &Commit,
    request: &[u8; 16],
    ids: Vec<ItemId>,
) -> Result<Receipt, ContextError> {
    if let Some(key) = commit.idempotency_key.as_deref() {
        let mut out = Encoder::new();
        out.number(draft.commit.number()).raw(request).items(&ids);
        let key = key::idempotency(draft.scope, &key_hash(key));
        draft.stage().put(key, out.finish());
    }
    let snapshot = seal_commit(draft, head, commit, COMMIT_KIND)?;
    Ok(Receipt {
        snapshot,
        ids,
        repeated: Repeated::No,
    })
}

/// Writes the head of the commit and its leaf; from then on it counts.
pub(crate) fn seal_commit(
    mut draft: Draft<'_, '_>,
    head: &mut Head,
    commit: &Commit,
    kind: &str,
) -> Result<Snapshot, ContextError> {
    let number = draft.commit;
    let row = commit_row(commit, draft.rows());
    let mut leaf = Leaf {
        origin: Origin::Context { commit: number },
        scope: draft.access.scope().clone(),
        at: commit.at,
        kind: kind.to_owned(),
        actor: row.provenance.actor.clone(),
        task: row.provenance.task.clone().unwrap_or_default(),
        attempt: row.provenance.attempt,
        caused_by: Vec::new(),
        decision: None,
        commitments: Vec::new(),
    };
    draft.put_log(ItemId::new(number, 0).number(), &LogRow::Commit(row));
    let (stage, hash) = draft.finish();
    leaf.commitments.push(Commitment {
        name: "rows".to_owned(),
        hash,
    });
    append_leaf(stage, &mut head.frontier, &leaf)?;
    head.snapshot = number;
    Ok(number)
}

/// Finds the receipt of an earlier commit with the same key.
fn earlier_receipt(
    draft: &Draft<'_, '_>,
    commit: &Commit,
    request: &[u8; 16],
) -> Result<Option<Receipt>, ContextError> {
    let Some(name) = &commit.idempotency_key else {
        return Ok(None);
    };
    let key = key::idempotency(draft.scope, &key_hash(name));
    let Some(row) = draft.reading().rows.get(&key)? else {
        return Ok(None);
    };
    let mut input = Decoder::new(&row);
    let damaged = || ContextError::damaged("an idempotency row");
    let number = input.number().ok_or_else(damaged)?;
    let asked: [u8; 16] = input.raw().ok_or_else(damaged)?;
    if asked != *request {
        return Err(ContextError::KeyReused { key: name.clone() });
    }
    Ok(Some(Receipt {
        snapshot: Snapshot::from_number(number),
        ids: input.items().ok_or_else(damaged)?,
        repeated: Repeated::Yes,
    }))
}

fn check_expectation(draft: &Draft<'_, '_>, expect: &Expect) -> Result<(), ContextError> {
    let reading = draft.reading();
    match expect {
        Expect::Unchanged {
            subject,
            predicate,
            version,
        } => check_version(&reading, subject, predicate, *version),
        Expect::Lease { resource, epoch } => lease::check(&reading, resource, *epoch, draft.at),
    }
}

fn check_version(
    reading: &Reading<'_>,
    subject: &EntityRef,
    predicate: &str,
    expected: Version,
) -> Result<(), ContextError> {
    let current = version_of(reading, subject, predicate)?;
    if current == expected {
        return Ok(());
    }
    Err(ContextError::Conflict(Box::new(Conflict {
        subject: name_of(reading, subject)?,
        predicate: predicate.to_owned(),
        clash: Clash::Version { expected, current },
        assertions: live_pair(reading, subject, predicate)?,
    })))
}
