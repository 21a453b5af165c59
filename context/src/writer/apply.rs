//! Applies one commit: checks it, stages its rows, and leaves its leaf in the audit trail.

use sha2::{Digest, Sha256};

use crate::assertion::Trust;
use crate::audit::{Commitment, Leaf, Origin};
use crate::codec::Encoder;
use crate::commit::{
    COMMIT_OPS_MAX, Commit, Expect, ObjectRef, Observation, Op, Receipt, Repeated, SOURCES_MAX,
    Statement, Verdict,
};
use crate::error::Conflict;
use crate::head::Head;
use crate::key::{self, HashDomain, ObjectKey};
use crate::keyring::Keyring;
use crate::reading::Reading;
use crate::row::{
    AssertionRow, CommitRow, Content, Edge, Lifecycle, LogRow, ObservationRow, TransitionRow,
    encode_value,
};
use crate::scope::{Access, Authority};
use crate::seal::Entropy;
use crate::value::VALUE_BYTES_MAX;
use crate::writer::Stage;
use crate::writer::draft::Draft;
use crate::writer::fingerprint::fingerprint;
use crate::writer::trail::append_leaf;
use crate::{ContextError, EntityId, ItemId, Snapshot, Value};

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
    let request = fingerprint(&commit.ops);
    let mut draft = Draft::new(stage, head, keys, entropy, access)?;
    if let Some(receipt) = earlier_receipt(&draft, &commit, &request)? {
        return Ok(receipt);
    }
    for expect in &commit.expect {
        check_expectation(&draft.reading(), expect)?;
    }
    check_sources(&draft, &commit.provenance.derived_from)?;
    let mut ids = Vec::with_capacity(commit.ops.len());
    for op in &commit.ops {
        ids.push(match op {
            Op::Assert(statement) => assert(&mut draft, statement, &commit)?,
            Op::Observe(observation) => observe(&mut draft, observation)?,
            Op::Judge { item, verdict } => judge(&mut draft, *item, *verdict)?,
        });
    }
    finish(draft, head, access, commit, &request, ids)
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
    access: &Access,
    commit: Commit,
    request: &[u8; 16],
    ids: Vec<ItemId>,
) -> Result<Receipt, ContextError> {
    let number = draft.commit;
    let key_hash = commit.idempotency_key.as_deref().map(hash_of);
    let row = CommitRow {
        at: commit.at,
        provenance: commit.provenance,
        key_hash: key_hash.map(|hash| *hash.first_chunk().expect("16 of 32 bytes")),
        rows: draft.rows(),
    };
    if let Some(hash) = key_hash {
        let mut out = Encoder::new();
        out.number(number.number()).raw(request).items(&ids);
        let key = key::idempotency(draft.scope, &hash);
        draft.stage.put(key, out.finish());
    }
    let actor = row.provenance.actor.clone();
    let task = row.provenance.task.clone().unwrap_or_default();
    let attempt = row.provenance.attempt;
    draft.put_log(ItemId::new(number, 0).number(), &LogRow::Commit(row));
    let leaf = |hash| Leaf {
        origin: Origin::Context { commit: number },
        scope: access.scope().clone(),
        at: commit.at,
        kind: COMMIT_KIND.to_owned(),
        actor,
        task,
        attempt,
        caused_by: Vec::new(),
        decision: None,
        commitments: vec![Commitment {
            name: "rows".to_owned(),
            hash,
        }],
    };
    let (stage, hash) = draft.finish();
    append_leaf(stage, &mut head.frontier, &leaf(hash))?;
    head.snapshot = number;
    Ok(Receipt {
        snapshot: number,
        ids,
        repeated: Repeated::No,
    })
}

fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
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
    let reading = draft.reading();
    let Some(row) = reading
        .rows
        .get(&key::idempotency(draft.scope, &hash_of(name)))?
    else {
        return Ok(None);
    };
    let mut input = crate::codec::Decoder::new(&row);
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

fn check_expectation(reading: &Reading<'_>, expect: &Expect) -> Result<(), ContextError> {
    let current = crate::view::version_of(reading, &expect.subject, &expect.predicate)?;
    if current == expect.version {
        return Ok(());
    }
    Err(ContextError::Conflict(Box::new(Conflict {
        subject: crate::view::name_of(reading, &expect.subject)?,
        predicate: expect.predicate.clone(),
        expected: expect.version,
        current,
        assertions: crate::view::live_pair(reading, &expect.subject, &expect.predicate)?,
    })))
}

fn check_sources(draft: &Draft<'_, '_>, sources: &[ItemId]) -> Result<(), ContextError> {
    if sources.len() > SOURCES_MAX {
        return Err(ContextError::invalid(format!(
            "an assertion is derived from at most {SOURCES_MAX} items"
        )));
    }
    let reading = draft.reading();
    for &id in sources {
        let known = reading.assertion_row(id)?.is_some() || reading.observation_row(id)?.is_some();
        if !known {
            return Err(ContextError::UnknownItem { id });
        }
    }
    Ok(())
}

fn assert(
    draft: &mut Draft<'_, '_>,
    statement: &Statement,
    commit: &Commit,
) -> Result<ItemId, ContextError> {
    check_sources(draft, &statement.derived_from)?;
    let subject = draft.entity(&statement.subject)?;
    let predicate = draft.predicate(&statement.predicate)?;
    if let Some(old) = statement.replaces {
        retract(draft, old)?;
    }
    let object = match &statement.object {
        ObjectRef::Entity(entity) => Side::Entity(draft.entity(entity)?),
        ObjectRef::Value(value) => Side::Value(value),
    };
    let item = draft.next_item()?;
    let content = seal_object(draft, subject, item, &object)?;
    let trust = draft.access.authority().first_trust();
    let row = AssertionRow {
        subject,
        predicate,
        polarity: statement.polarity,
        valid: statement.valid,
        trust,
        confidence: statement.confidence,
        replaces: statement.replaces,
        derived_from: statement.derived_from.clone(),
        content,
    };
    let object_key = object.key(draft);
    put_edges(draft, item, &row, object_key);
    let sources = row.derived_from.iter();
    for &source in sources.chain(&commit.provenance.derived_from) {
        let key = key::lineage(draft.scope, source, item);
        draft.stage.put(key, Vec::new());
    }
    draft.put_log(item.number(), &LogRow::Assertion(row));
    let text = format!(
        "{} {} {}",
        draft.name_of(subject)?,
        statement.predicate,
        object.text(draft)?
    );
    draft.index_words(item, &text)?;
    Ok(item)
}

/// The other side of a predicate, with entities found.
enum Side<'a> {
    Entity(EntityId),
    Value(&'a Value),
}

impl Side<'_> {
    fn key(&self, draft: &Draft<'_, '_>) -> ObjectKey {
        match self {
            Self::Entity(id) => ObjectKey::Entity(*id),
            Self::Value(value) => {
                let normalised = value.normalised();
                ObjectKey::Value(draft.reading().hash(HashDomain::Value, &normalised))
            }
        }
    }

    fn text(&self, draft: &mut Draft<'_, '_>) -> Result<String, ContextError> {
        match self {
            Self::Entity(id) => draft.name_of(*id),
            Self::Value(value) => Ok(value.to_string()),
        }
    }
}

fn seal_object(
    draft: &Draft<'_, '_>,
    subject: EntityId,
    item: ItemId,
    object: &Side<'_>,
) -> Result<Content, ContextError> {
    match object {
        Side::Entity(id) => Ok(Content::Entity(*id)),
        Side::Value(value) => {
            check_value(value)?;
            let mut plain = Encoder::new();
            encode_value(value, &mut plain);
            Ok(Content::Value(draft.seal(
                subject,
                item,
                &plain.finish(),
            )?))
        }
    }
}

fn check_value(value: &Value) -> Result<(), ContextError> {
    if value.size_bytes() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(ContextError::invalid(format!(
        "a value takes at most {VALUE_BYTES_MAX} bytes, not {}",
        value.size_bytes()
    )))
}

fn put_edges(draft: &mut Draft<'_, '_>, item: ItemId, row: &AssertionRow, object: ObjectKey) {
    let (scope, subject, predicate) = (draft.scope, row.subject, row.predicate);
    let mut edge = Edge {
        other: object,
        polarity: row.polarity,
        valid: row.valid,
        life: Lifecycle::new(item, row.trust),
    };
    let forward = key::forward(scope, subject, predicate, item);
    draft.stage.put(forward, edge.encode(item));
    let by_value = key::by_value(scope, predicate, object, item);
    let subject_bytes = subject.number().to_be_bytes().to_vec();
    draft.stage.put(by_value, subject_bytes);
    if let ObjectKey::Entity(id) = object {
        edge.other = ObjectKey::Entity(subject);
        let backward = key::backward(scope, id, predicate, item);
        draft.stage.put(backward, edge.encode(item));
    }
}

fn observe(draft: &mut Draft<'_, '_>, observation: &Observation) -> Result<ItemId, ContextError> {
    check_value(&observation.content)?;
    let about = draft.entity(&observation.about)?;
    let item = draft.next_item()?;
    let mut plain = Encoder::new();
    plain.text(&observation.source);
    encode_value(&observation.content, &mut plain);
    let row = ObservationRow {
        about,
        observed_at: observation.observed_at,
        sealed: draft.seal(about, item, &plain.finish())?,
    };
    draft.put_log(item.number(), &LogRow::Observation(row));
    let text = format!("{} {}", draft.name_of(about)?, observation.content);
    draft.index_words(item, &text)?;
    Ok(item)
}

fn judge(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    verdict: Verdict,
) -> Result<ItemId, ContextError> {
    let person = draft.access.authority() == Authority::Person;
    match verdict {
        Verdict::Accept if !person => Err(ContextError::NotAllowed { act: "accepting" }),
        Verdict::Reject if !person => Err(ContextError::NotAllowed { act: "rejecting" }),
        Verdict::Accept => change_trust(draft, item, Trust::Accepted),
        Verdict::Reject => change_trust(draft, item, Trust::Rejected),
        Verdict::Dispute => change_trust(draft, item, Trust::Disputed),
        Verdict::Retract => retract(draft, item),
    }?;
    Ok(item)
}

fn retract(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    let trust = own_trust(draft, item)?;
    if !draft.may_end(trust) {
        return Err(ContextError::NotAllowed {
            act: "retracting what was accepted",
        });
    }
    change_trust(draft, item, Trust::Retracted)
}

fn own_trust(draft: &Draft<'_, '_>, item: ItemId) -> Result<Trust, ContextError> {
    let reading = draft.reading();
    let row = reading.assertion_row(item)?;
    let row = row.ok_or(ContextError::UnknownItem { id: item })?;
    let edge = reading.edge_of(item, &row)?;
    Ok(edge
        .ok_or(ContextError::UnknownItem { id: item })?
        .life
        .trust())
}

/// Appends a state to the life of an assertion, in the log and in both edges. A judgement
/// that changes nothing writes nothing.
fn change_trust(draft: &mut Draft<'_, '_>, item: ItemId, trust: Trust) -> Result<(), ContextError> {
    let unknown = || ContextError::UnknownItem { id: item };
    let reading = draft.reading();
    let row = reading.assertion_row(item)?.ok_or_else(unknown)?;
    let mut edge = reading.edge_of(item, &row)?.ok_or_else(unknown)?;
    if edge.life.trust() == trust {
        return Ok(());
    }
    let commit = draft.commit;
    edge.life.push(commit, trust);
    let ordinal = draft.next_ordinal()?;
    let number = ItemId::new(commit, ordinal).number();
    draft.put_log(number, &LogRow::Transition(TransitionRow { item, trust }));
    let forward = key::forward(draft.scope, row.subject, row.predicate, item);
    draft.stage.put(forward, edge.encode(item));
    if let Content::Entity(object) = row.content {
        edge.other = ObjectKey::Entity(row.subject);
        let backward = key::backward(draft.scope, object, row.predicate, item);
        draft.stage.put(backward, edge.encode(item));
    }
    Ok(())
}
