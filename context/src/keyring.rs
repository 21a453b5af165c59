//! The keyring: finds the key of an entity. The vault's root key opens 256 bucket keys, a
//! bucket key opens the keys of its entities; forgetting one entity then costs its bucket,
//! not the whole store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use crate::codec::{Decoder, Encoder};
use crate::key::{self, ScopeId};
use crate::seal::{Entropy, Key, Part};
use crate::siphash::IndexKey;
use crate::store::Reader;
use crate::vault::{RootKey, Vault, VaultError};
use crate::writer::Stage;
use crate::{ContextError, EntityId};

/// The bucket after the last one holds the key of the indexes.
const INDEX_BUCKET: u16 = 256;
/// Entity keys that are kept in memory; about 4 MB.
const CACHED_SUBJECTS_MAX: usize = 32_768;

/// The keys in use, shared by the writer and all readers.
pub(crate) struct Keyring {
    /// The writer changes the root; readers and the writer fill the caches.
    state: RwLock<State>,
    index: IndexKey,
}

struct State {
    root: RootKey,
    buckets: BTreeMap<u16, Key>,
    subjects: BTreeMap<EntityId, Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    /// Makes the first keys of a new store. The vault has the root key before the store has
    /// anything that needs it.
    pub(crate) fn create(
        stage: &mut Stage<'_>,
        vault: &dyn Vault,
        entropy: &mut Entropy,
    ) -> Result<Self, ContextError> {
        let root = match vault.load()? {
            Some(root) => root,
            None => {
                let root = RootKey {
                    generation: 1,
                    key: Key::from_bytes(entropy.draw()),
                };
                vault.replace(&root)?;
                root
            }
        };
        let index = Key::from_bytes(entropy.draw());
        let wrap = BucketWrap::new(&root, INDEX_BUCKET, &index);
        stage.put(key::bucket_key(INDEX_BUCKET), encode_wraps(&[wrap]));
        Ok(Self::with(root, &index))
    }

    /// Opens the keys of a store that has been used.
    pub(crate) fn open(rows: &dyn Reader, vault: &dyn Vault) -> Result<Self, ContextError> {
        let root = vault.load()?.ok_or(VaultError::Missing)?;
        let index = open_bucket(rows, &root, INDEX_BUCKET)?.ok_or(VaultError::WrongKey)?;
        Ok(Self::with(root, &index))
    }

    fn with(root: RootKey, index: &Key) -> Self {
        let half = index.as_bytes()[..16].try_into();
        Self {
            index: IndexKey::from_bytes(half.expect("16 of 32 bytes")),
            state: RwLock::new(State {
                root,
                buckets: BTreeMap::new(),
                subjects: BTreeMap::new(),
            }),
        }
    }

    pub(crate) fn index(&self) -> IndexKey {
        self.index
    }

    /// Returns the key of an entity; `None` when it was forgotten. The rows are durable, so
    /// that the key may stay in memory.
    pub(crate) fn subject(
        &self,
        rows: &dyn Reader,
        scope: ScopeId,
        entity: EntityId,
    ) -> Result<Option<Key>, ContextError> {
        let key = self.staged_subject(rows, scope, entity)?;
        if let Some(key) = &key {
            self.remember(entity, key);
        }
        Ok(key)
    }

    /// Returns the key of an entity from rows that may still be taken back, together with the
    /// entity's id: such a key must not stay in memory.
    pub(crate) fn staged_subject(
        &self,
        rows: &dyn Reader,
        scope: ScopeId,
        entity: EntityId,
    ) -> Result<Option<Key>, ContextError> {
        if let Some(key) = self.read().subjects.get(&entity) {
            return Ok(Some(key.clone()));
        }
        let bucket = bucket_of(entity);
        let Some(row) = rows.get(&key::subject_key(bucket, scope, entity))? else {
            return Ok(None);
        };
        let bucket_key = self
            .bucket(rows, u16::from(bucket))?
            .ok_or(VaultError::WrongKey)?;
        let key = open_subject(&bucket_key, entity, &row).ok_or(VaultError::WrongKey)?;
        Ok(Some(key))
    }

    /// Makes the key of a new entity.
    pub(crate) fn create_subject(
        &self,
        stage: &mut Stage<'_>,
        scope: ScopeId,
        entity: EntityId,
        entropy: &mut Entropy,
    ) -> Result<Key, ContextError> {
        let bucket = bucket_of(entity);
        let bucket_key = match self.bucket(stage, u16::from(bucket))? {
            Some(key) => key,
            None => {
                let key = Key::from_bytes(entropy.draw());
                let wrap = BucketWrap::new(&self.read().root, u16::from(bucket), &key);
                stage.put(key::bucket_key(u16::from(bucket)), encode_wraps(&[wrap]));
                key
            }
        };
        let key = Key::from_bytes(entropy.draw());
        let wrapped = bucket_key.seal(entity.number(), Part::Wrapped(0), key.as_bytes());
        stage.put(
            key::subject_key(bucket, scope, entity),
            encode_subject(&wrapped),
        );
        Ok(key)
    }

    fn bucket(&self, rows: &dyn Reader, bucket: u16) -> Result<Option<Key>, ContextError> {
        if let Some(key) = self.read().buckets.get(&bucket) {
            return Ok(Some(key.clone()));
        }
        open_bucket(rows, &self.read().root, bucket)
    }

    fn remember(&self, entity: EntityId, key: &Key) {
        if self.read().subjects.contains_key(&entity) {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.subjects.len() >= CACHED_SUBJECTS_MAX {
            state.subjects.clear();
        }
        state.subjects.insert(entity, key.clone());
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bucket_of(entity: EntityId) -> u8 {
    let number = entity.number();
    (number ^ (number >> 16)) as u8
}

/// One bucket key, wrapped under one root key. While the root key is being replaced there are
/// two: one under the old and one under the new root key.
struct BucketWrap {
    generation: u32,
    wrapped: Vec<u8>,
}

impl BucketWrap {
    fn new(root: &RootKey, bucket: u16, key: &Key) -> Self {
        let part = Part::Wrapped(root.generation);
        Self {
            generation: root.generation,
            wrapped: root.key.seal(u64::from(bucket), part, key.as_bytes()),
        }
    }
}

fn encode_wraps(wraps: &[BucketWrap]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.number(wraps.len() as u64);
    for wrap in wraps {
        out.number(u64::from(wrap.generation)).blob(&wrap.wrapped);
    }
    out.finish()
}

fn open_bucket(
    rows: &dyn Reader,
    root: &RootKey,
    bucket: u16,
) -> Result<Option<Key>, ContextError> {
    let Some(row) = rows.get(&key::bucket_key(bucket))? else {
        return Ok(None);
    };
    let mut input = Decoder::new(&row);
    let damaged = || ContextError::damaged(format!("key bucket {bucket}"));
    for _ in 0..input.number().ok_or_else(damaged)? {
        let generation: u32 = input.small().ok_or_else(damaged)?;
        let wrapped = input.blob().ok_or_else(damaged)?;
        if generation == root.generation {
            let part = Part::Wrapped(generation);
            let plain = root.key.open(u64::from(bucket), part, wrapped);
            return Ok(Some(key_of(plain).ok_or(VaultError::WrongKey)?));
        }
    }
    Err(VaultError::WrongKey.into())
}

/// The number before the wrapped key tells which bucket key wrapped it; it is 0 except while a
/// bucket key is being replaced.
fn encode_subject(wrapped: &[u8]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.number(1).number(0).blob(wrapped);
    out.finish()
}

fn open_subject(bucket_key: &Key, entity: EntityId, row: &[u8]) -> Option<Key> {
    let mut input = Decoder::new(row);
    for _ in 0..input.number()? {
        let version: u32 = input.small()?;
        let wrapped = input.blob()?;
        let plain = bucket_key.open(entity.number(), Part::Wrapped(version), wrapped);
        if let Some(key) = key_of(plain) {
            return Some(key);
        }
    }
    None
}

fn key_of(plain: Option<Vec<u8>>) -> Option<Key> {
    Some(Key::from_bytes(plain?.try_into().ok()?))
}
