//! Rotation: after an entity's key was removed, everything that could still open an old copy
//! of it is replaced, the root key last. Old copies may lie in free pages of the file for
//! long; without the old root key nobody can read them.
//!
//! The order makes a crash harmless: first every key stands under the old and the new root
//! key, then the vault takes the new one, then what stands under the old one is dropped.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::{
    BucketWrap, Keyring, bucket_of, encode_wraps, open_bucket, open_subject, read_wraps,
    wrap_subject,
};
use crate::codec::{Decoder, Encoder};
use crate::key::{self, RowKey, ScopeId, prefix_end};
use crate::seal::{Entropy, Key};
use crate::stage::Stage;
use crate::store::{Order, Reader};
use crate::vault::{RootKey, VaultError};
use crate::{ContextError, EntityId};

/// The buckets whose keys are replaced.
pub(crate) type Buckets = BTreeSet<u8>;

impl Keyring {
    /// Removes the key of an entity. Every key is read before the rotation replaces it, so
    /// the text is out of reach from here on.
    pub(crate) fn remove_subject(
        &self,
        stage: &mut Stage<'_>,
        scope: ScopeId,
        entity: EntityId,
        buckets: &mut Buckets,
    ) {
        let bucket = bucket_of(entity);
        stage.remove(key::subject_key(bucket, scope, entity));
        buckets.insert(bucket);
    }

    /// Opens the key of every bucket.
    pub(crate) fn check(&self, rows: &dyn Reader) -> Result<(), ContextError> {
        let root = self.read().root.clone();
        for bucket in numbers(rows)? {
            open_bucket(rows, &root, bucket)?.ok_or(VaultError::WrongKey)?;
        }
        Ok(())
    }

    /// Makes the memory forget entities for good: readers that began before may still hold
    /// old rows, but their keys are not kept any more.
    pub(crate) fn forget(&self, entities: &[EntityId]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for entity in entities {
            state.subjects.remove(entity);
            state.forgotten.insert(*entity);
        }
    }

    /// Stages every key under a new root key, beside the old one. Returns the new one, and the
    /// buckets whose keys are replaced.
    pub(crate) fn begin_rotation(
        &self,
        stage: &mut Stage<'_>,
        entropy: &mut Entropy,
        mut buckets: Buckets,
    ) -> Result<(RootKey, Buckets), ContextError> {
        // A rotation that the vault refused is made up for by this one.
        buckets.extend(stage.get(&rotation_key())?.unwrap_or_default());
        let root = self.read().root.clone();
        let fresh = RootKey {
            generation: root.generation + 1,
            key: Key::from_bytes(entropy.draw()),
        };
        for bucket in numbers(stage)? {
            let old = open_bucket(stage, &root, bucket)?.ok_or(VaultError::WrongKey)?;
            let narrow = u8::try_from(bucket).ok().filter(|b| buckets.contains(b));
            let new = match narrow {
                None => old.clone(),
                Some(bucket) => {
                    let new = Key::from_bytes(entropy.draw());
                    rewrap_subjects(stage, bucket, &old, &new)?;
                    new
                }
            };
            let wraps = [
                BucketWrap::new(&root, bucket, &old),
                BucketWrap::new(&fresh, bucket, &new),
            ];
            stage.put(key::bucket_key(bucket), encode_wraps(&wraps));
        }
        stage.put(rotation_key(), buckets.iter().copied().collect::<Vec<_>>());
        Ok((fresh, buckets))
    }

    /// Takes up the root key that the vault has now.
    pub(crate) fn set_root(&self, root: RootKey) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.root = root;
        state.buckets.clear();
    }

    /// Drops everything that stands under the old root key.
    pub(crate) fn end_rotation(
        &self,
        stage: &mut Stage<'_>,
        buckets: &Buckets,
    ) -> Result<(), ContextError> {
        let root = self.read().root.clone();
        for bucket in numbers(stage)? {
            let key = open_bucket(stage, &root, bucket)?.ok_or(VaultError::WrongKey)?;
            let wrap = BucketWrap::new(&root, bucket, &key);
            stage.put(key::bucket_key(bucket), encode_wraps(&[wrap]));
            if let Ok(bucket) = u8::try_from(bucket)
                && buckets.contains(&bucket)
            {
                for (row, entity, bytes) in subjects(stage, bucket)? {
                    let subject = open_subject(&key, entity, &bytes);
                    let subject = subject.ok_or(VaultError::WrongKey)?;
                    stage.put(row, encode_subject(&[wrap_subject(&key, entity, &subject)]));
                }
            }
        }
        stage.remove(rotation_key());
        Ok(())
    }
}

/// What a crash left of a rotation.
pub(crate) enum Unfinished {
    /// The vault still has the old root key: begin again.
    Begin(Buckets),
    /// The vault has the new root key: only the end is missing.
    End(Buckets),
}

/// Looks for a rotation that was cut off.
pub(crate) fn unfinished(
    rows: &dyn Reader,
    root: &RootKey,
) -> Result<Option<Unfinished>, ContextError> {
    let Some(buckets) = rows.get(&rotation_key())? else {
        return Ok(None);
    };
    let buckets: Buckets = buckets.into_iter().collect();
    let row = rows.get(&key::bucket_key(super::INDEX_BUCKET))?;
    let wraps = read_wraps(&row.unwrap_or_default())?;
    let newest = wraps.iter().map(|wrap| wrap.generation).max();
    Ok(Some(if newest == Some(root.generation) {
        Unfinished::End(buckets)
    } else {
        Unfinished::Begin(buckets)
    }))
}

fn rotation_key() -> RowKey {
    key::meta("rotation")
}

/// Puts every key of a bucket under the new bucket key, beside the old one.
fn rewrap_subjects(
    stage: &mut Stage<'_>,
    bucket: u8,
    old: &Key,
    new: &Key,
) -> Result<(), ContextError> {
    for (row, entity, bytes) in subjects(stage, bucket)? {
        let subject = open_subject(old, entity, &bytes).ok_or(VaultError::WrongKey)?;
        let wraps = [
            wrap_subject(old, entity, &subject),
            wrap_subject(new, entity, &subject),
        ];
        stage.put(row, encode_subject(&wraps));
    }
    Ok(())
}

pub(super) fn encode_subject(wraps: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.number(wraps.len() as u64);
    for wrap in wraps {
        out.number(0).blob(wrap);
    }
    out.finish()
}

/// Returns the numbers of all buckets in use.
fn numbers(rows: &dyn Reader) -> Result<Vec<u16>, ContextError> {
    let prefix = key::bucket_keys();
    let mut numbers = Vec::new();
    rows.range(
        &prefix,
        &prefix_end(&prefix),
        Order::Ascending,
        &mut |key, _| {
            numbers.extend(key.last_chunk().copied().map(u16::from_be_bytes));
            ControlFlow::Continue(())
        },
    )?;
    Ok(numbers)
}

/// A row of a subject key: where it stands, whose it is, its bytes.
type SubjectRow = (RowKey, EntityId, Vec<u8>);

fn subjects(rows: &dyn Reader, bucket: u8) -> Result<Vec<SubjectRow>, ContextError> {
    let prefix = key::subject_keys(bucket);
    let mut subjects = Vec::new();
    rows.range(
        &prefix,
        &prefix_end(&prefix),
        Order::Ascending,
        &mut |key, value| {
            let entity = key::last_number(key).map(EntityId::from_number);
            subjects.extend(entity.map(|entity| (RowKey::from_slice(key), entity, value.to_vec())));
            ControlFlow::Continue(())
        },
    )?;
    Ok(subjects)
}

pub(super) fn decode_subject<'a>(input: &mut Decoder<'a>) -> Option<Vec<&'a [u8]>> {
    let count = input.number()?;
    (0..count)
        .map(|_| {
            (input.number()? == 0).then_some(())?;
            input.blob()
        })
        .collect()
}
