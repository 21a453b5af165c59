//! Forgetting an entity: every index row that speaks of it goes, its key is destroyed, and
//! the log keeps ciphertext that nobody can open.

use std::ops::ControlFlow;

use crate::commit::{Commit, EntityRef};
use crate::head::Head;
use crate::key::{self, HashDomain, ObjectKey, RowKey};
use crate::keyring::{Buckets, Keyring};
use crate::reading::{FoundEdge, other_entity};
use crate::reserved;
use crate::row::LogRow;
use crate::scope::{Access, Authority};
use crate::seal::Entropy;
use crate::stage::Stage;
use crate::text::{Document, Posting};
use crate::value::normalise;
use crate::writer::apply::seal_commit;
use crate::writer::document::item_words;
use crate::writer::draft::Draft;
use crate::{ContextError, EntityId, ItemId, Object, Snapshot};

/// The word for an erasure in the audit trail.
const ERASURE_KIND: &str = "context-erasure";

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The first snapshot after it. Earlier snapshots do not show the entity any more either.
    pub snapshot: Snapshot,
    /// The entity, and those that were the same.
    pub entities: Vec<EntityId>,
    /// The assertions and observations that went with them.
    pub items: Vec<ItemId>,
}

/// Stages the erasure of an entity and of all that are the same.
pub(crate) fn forget(
    stage: &mut Stage<'_>,
    head: &mut Head,
    keys: &Keyring,
    entropy: &mut Entropy,
    access: &Access,
    commit: &Commit,
    entity: &EntityRef,
) -> Result<(Erasure, Buckets), ContextError> {
    if matches!(access.authority(), Authority::Agent | Authority::Import) {
        return Err(ContextError::NotAllowed { act: "forgetting" });
    }
    let mut draft = Draft::new(stage, head, keys, entropy, access, commit)?;
    draft.begin(commit);
    let reading = draft.reading();
    let id = reading.find(entity)?;
    let id = id.ok_or_else(|| ContextError::UnknownEntity {
        name: crate::view::label(entity),
    })?;
    let entities = reading.class(id)?.to_vec();
    let mut items = Vec::new();
    let mut buckets = Buckets::new();
    for &id in &entities {
        items.extend(forget_one(&mut draft, id)?);
    }
    for &id in &entities {
        let scope = draft.scope;
        keys.remove_subject(draft.stage(), scope, id, &mut buckets);
        draft.add_log(&LogRow::Erasure(id))?;
    }
    let snapshot = seal_commit(draft, head, commit, ERASURE_KIND)?;
    let erasure = Erasure {
        snapshot,
        entities,
        items,
    };
    Ok((erasure, buckets))
}

/// Removes what the indexes say of one entity; its key is still there to read the words.
fn forget_one(draft: &mut Draft<'_, '_>, id: EntityId) -> Result<Vec<ItemId>, ContextError> {
    let name = draft.name_of(id)?;
    let mut items = Vec::new();
    for found in edges(draft, &key::forward_of(draft.scope, id))? {
        forget_assertion(draft, id, &found)?;
        items.push(found.item);
    }
    let observed = key::observed_of(draft.scope, id);
    for number in draft.reading().numbers(&observed)? {
        let item = ItemId::from_number(number);
        forget_words(draft, item)?;
        let key = key::observed(draft.scope, id, item);
        draft.stage().remove(key);
        items.push(item);
    }
    // Others may still point to the entity, but no longer by the words of its name.
    for found in edges(draft, &key::backward_of(draft.scope, id))? {
        forget_name_in(draft, &name, found.item)?;
    }
    forget_name(draft, id, &name);
    for key in keys(draft, &key::bans_of(draft.scope, id))? {
        draft.stage().remove(key);
    }
    Ok(items)
}

fn forget_assertion(
    draft: &mut Draft<'_, '_>,
    subject: EntityId,
    found: &FoundEdge,
) -> Result<(), ContextError> {
    let (scope, item, predicate) = (draft.scope, found.item, found.predicate);
    forget_words(draft, item)?;
    if predicate == reserved::ALIAS
        && let Some(alias) = draft.reading().assertion(item)?
        && let Object::Value(value) = &alias.object
    {
        let alias = value.to_string();
        forget_name(draft, subject, &alias);
    }
    let object: ObjectKey = found.edge.other;
    draft
        .stage()
        .remove(key::forward(scope, subject, predicate, item));
    draft
        .stage()
        .remove(key::by_value(scope, predicate, object, item));
    if let Some(other) = other_entity(&found.edge) {
        draft
            .stage()
            .remove(key::backward(scope, other, predicate, item));
    }
    Ok(())
}

fn forget_words(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    let document = item_words(&draft.reading(), item)?;
    for word in document.counts.keys() {
        forget_word(draft, word, item);
    }
    Ok(())
}

fn forget_word(draft: &mut Draft<'_, '_>, word: &str, item: ItemId) {
    let hash = draft.index.hash(HashDomain::Word, word);
    let key = key::word(draft.scope, hash, item);
    draft.stage().remove(key);
}

/// Takes the words of a name out of those of an item; words that it has besides stay.
fn forget_name_in(draft: &mut Draft<'_, '_>, name: &str, item: ItemId) -> Result<(), ContextError> {
    let document = item_words(&draft.reading(), item)?;
    for (word, of_name) in Document::of(name).counts {
        let Some(&count) = document.counts.get(&word) else {
            continue;
        };
        match count.saturating_sub(of_name) {
            0 => forget_word(draft, &word, item),
            count => {
                let length = document.length;
                draft.index.posting(
                    &word,
                    Posting {
                        item,
                        count,
                        length,
                    },
                );
            }
        }
    }
    Ok(())
}

fn forget_name(draft: &mut Draft<'_, '_>, id: EntityId, name: &str) {
    let hash = draft.index.hash(HashDomain::Name, &normalise(name));
    let key = key::name(draft.scope, hash, id);
    draft.stage().remove(key);
}

fn edges(draft: &Draft<'_, '_>, prefix: &[u8]) -> Result<Vec<FoundEdge>, ContextError> {
    let mut edges = Vec::new();
    draft.reading().edges(prefix, &mut |found| {
        edges.push(found);
        ControlFlow::Continue(())
    })?;
    Ok(edges)
}

fn keys(draft: &Draft<'_, '_>, prefix: &[u8]) -> Result<Vec<RowKey>, ContextError> {
    let mut keys = Vec::new();
    draft.reading().each(prefix, &mut |key, _| {
        keys.push(RowKey::from_slice(key));
        ControlFlow::Continue(())
    })?;
    Ok(keys)
}
