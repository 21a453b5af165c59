//! The keyring: finds the key of an entity. The vault's root key opens 256 bucket keys, a
//! bucket key opens the keys of its entities; forgetting one entity then costs its bucket,
//! not the whole store.

mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{PoisonError, RwLock};

pub(crate) use rotation::{Buckets, Unfinished, unfinished};
use rotation::{decode_subject, encode_subject};

use crate::codec::{Decoder, Encoder};
use crate::key::{self, IndexKey, ScopeId};
use crate::seal::{Entropy, Key, Part, keyed_hash};
use crate::stage::Stage;
use crate::store::Reader;
use crate::vault::{RootKey, Vault, VaultError};
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
    /// The secret of fingerprints, so that they do not confirm a guess at a text.
    fingerprint: [u8; 16],
    /// The secret that signs checkpoints. It stays when the root key is replaced.
    signing: [u8; 32],
}

struct State {
    root: RootKey,
    buckets: BTreeMap<u16, Key>,
    subjects: BTreeMap<EntityId, Key>,
    /// Entities that were forgotten since the store was opened. Readers that began before
    /// could otherwise bring their keys back.
    forgotten: BTreeSet<EntityId>,
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
        let (first, second) = index.as_bytes().split_at(16);
        let half = |bytes: &[u8]| bytes.try_into().expect("16 of 32 bytes");
        Self {
            index: IndexKey::from_bytes(half(first)),
            fingerprint: half(second),
            signing: keyed_hash(index.as_bytes(), &[b"checkpoints"]),
            state: RwLock::new(State {
                root,
                buckets: BTreeMap::new(),
                subjects: BTreeMap::new(),
                forgotten: BTreeSet::new(),
            }),
        }
    }

    pub(crate) fn index(&self) -> IndexKey {
        self.index
    }

    /// Returns the secret key of checkpoints.
    pub(crate) fn signing(&self) -> &[u8; 32] {
        &self.signing
    }

    /// Returns the root key in use.
    pub(crate) fn root(&self) -> RootKey {
        self.read().root.clone()
    }

    /// Hashes what a commit asks for.
    pub(crate) fn fingerprint(&self, request: &[u8]) -> [u8; 16] {
        let hash = keyed_hash(&self.fingerprint, &[request]);
        *hash.first_chunk().expect("16 of 32 bytes")
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
        {
            let state = self.read();
            if state.forgotten.contains(&entity) {
                return Ok(None);
            }
            if let Some(key) = state.subjects.get(&entity) {
                return Ok(Some(key.clone()));
            }
        }
        self.stored_subject(rows, scope, entity)
    }

    /// Returns the key of an entity as the rows have it, whatever is in memory.
    pub(crate) fn stored_subject(
        &self,
        rows: &dyn Reader,
        scope: ScopeId,
        entity: EntityId,
    ) -> Result<Option<Key>, ContextError> {
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
        let wrapped = wrap_subject(&bucket_key, entity, &key);
        stage.put(
            key::subject_key(bucket, scope, entity),
            encode_subject(&[wrapped]),
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
        if state.forgotten.contains(&entity) {
            return;
        }
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

fn read_wraps(row: &[u8]) -> Result<Vec<BucketWrap>, ContextError> {
    let mut input = Decoder::new(row);
    let mut read = || -> Option<Vec<BucketWrap>> {
        let count = input.number()?;
        (0..count)
            .map(|_| {
                Some(BucketWrap {
                    generation: input.small()?,
                    wrapped: input.blob()?.to_vec(),
                })
            })
            .collect()
    };
    read().ok_or_else(|| ContextError::damaged("a key bucket"))
}

fn open_bucket(
    rows: &dyn Reader,
    root: &RootKey,
    bucket: u16,
) -> Result<Option<Key>, ContextError> {
    let Some(row) = rows.get(&key::bucket_key(bucket))? else {
        return Ok(None);
    };
    let wraps = read_wraps(&row)?;
    let wrap = wraps
        .iter()
        .find(|wrap| wrap.generation == root.generation)
        .ok_or(VaultError::WrongKey)?;
    let part = Part::Wrapped(root.generation);
    let plain = root.key.open(u64::from(bucket), part, &wrap.wrapped);
    Ok(Some(key_of(plain).ok_or(VaultError::WrongKey)?))
}

fn wrap_subject(bucket_key: &Key, entity: EntityId, key: &Key) -> Vec<u8> {
    bucket_key.seal(entity.number(), Part::Wrapped(0), key.as_bytes())
}

/// While a bucket key is being replaced there are two wrappings; one of them opens.
fn open_subject(bucket_key: &Key, entity: EntityId, row: &[u8]) -> Option<Key> {
    decode_subject(&mut Decoder::new(row))?
        .into_iter()
        .find_map(|wrapped| key_of(bucket_key.open(entity.number(), Part::Wrapped(0), wrapped)))
}

fn key_of(plain: Option<Vec<u8>>) -> Option<Key> {
    Some(Key::from_bytes(plain?.try_into().ok()?))
}
