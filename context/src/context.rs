//! The context: opening a store, committing, and taking views.

use std::path::Path;
use std::sync::Arc;

use crate::audit::AuditLog;
use crate::commit::{Commit, Receipt};
use crate::head::{Head, encode_format, format_key, head_key, read_head};
use crate::keyring::Keyring;
use crate::scope::Access;
use crate::seal::Entropy;
use crate::store::{RedbStore, Store};
use crate::vault::{FileVault, Vault};
use crate::view::View;
use crate::writer::{Request, Shared, Stage, WriterHandle};
use crate::{ContextError, Snapshot};

/// The name of the store's file in its folder.
const STORE_FILE: &str = "context.redb";
/// The name of the key file beside it.
const KEY_FILE: &str = "context.key";

/// The shared memory of agents and routines.
///
/// Clones share one store and one writer; the writer stops when the last clone is gone. All
/// methods block: asynchronous callers use a thread for blocking work.
#[derive(Debug, Clone)]
pub struct Context {
    shared: Arc<Shared>,
    writer: Arc<WriterHandle>,
}

impl Context {
    /// Opens the context in a folder, as `context.redb` with its key in `context.key`; makes
    /// both when they are missing.
    ///
    /// `entropy` is 32 fresh random bytes of the operating system. New keys are derived from
    /// it, so the same bytes must never be used twice for one store.
    ///
    /// # Errors
    /// When another process has the store open, it cannot be read, its key is missing, or it
    /// was written by a newer version.
    pub fn open_folder(folder: &Path, entropy: [u8; 32]) -> Result<Self, ContextError> {
        let store = RedbStore::open(&folder.join(STORE_FILE))?;
        let vault = FileVault::at(folder.join(KEY_FILE));
        Self::open(Arc::new(store), Arc::new(vault), entropy)
    }

    /// Opens the context on a store and its vault.
    ///
    /// # Errors
    /// As [`Context::open_folder`].
    pub fn open(
        store: Arc<dyn Store>,
        vault: Arc<dyn Vault>,
        entropy: [u8; 32],
    ) -> Result<Self, ContextError> {
        let mut entropy = Entropy::new(entropy);
        let reader = store.reader()?;
        let (head, keys) = match read_head(reader.as_ref())? {
            Some(head) => (head, Keyring::open(reader.as_ref(), vault.as_ref())?),
            None => create(store.as_ref(), vault.as_ref(), &mut entropy)?,
        };
        drop(reader);
        let shared = Arc::new(Shared::new(store, keys, head.snapshot));
        let writer = WriterHandle::start(Arc::clone(&shared), head, entropy);
        Ok(Self {
            shared,
            writer: Arc::new(writer),
        })
    }

    /// Applies a commit, all of it or nothing. When it returns, the commit is on disk.
    ///
    /// # Errors
    /// [`ContextError::Conflict`] when an expectation does not hold; otherwise as the error's
    /// variants say. Nothing of a refused commit was written. After [`ContextError::Store`]
    /// it is unknown whether the commit is there: repeat it with its idempotency key once the
    /// context was opened again.
    pub fn commit(&self, access: &Access, commit: Commit) -> Result<Receipt, ContextError> {
        self.writer.ask(|reply| Request::Commit {
            access: access.clone(),
            commit: Box::new(commit),
            reply,
        })
    }

    /// Returns the newest snapshot.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Takes a view of the caller's scope at a snapshot.
    ///
    /// # Errors
    /// [`ContextError::FutureSnapshot`] when nothing was committed under that number yet.
    pub fn view(&self, access: &Access, snapshot: Snapshot) -> Result<View, ContextError> {
        View::new(Arc::clone(&self.shared), access, snapshot)
    }

    /// Takes a view of the caller's scope at the newest snapshot.
    pub fn latest(&self, access: &Access) -> View {
        View::latest(Arc::clone(&self.shared), access)
    }

    /// Returns the audit trail of this store.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(Arc::clone(&self.shared), Arc::clone(&self.writer))
    }
}

fn create(
    store: &dyn Store,
    vault: &dyn Vault,
    entropy: &mut Entropy,
) -> Result<(Head, Keyring), ContextError> {
    let reader = store.reader()?;
    let mut stage = Stage::new(reader.as_ref());
    let keys = Keyring::create(&mut stage, vault, entropy)?;
    let head = Head::default();
    stage.put(format_key(), encode_format());
    stage.put(head_key(), head.encode());
    store.commit(stage.into_batch())?;
    Ok((head, keys))
}
