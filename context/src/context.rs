//! The context: opening a store, committing, and taking views.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::AuditLog;
use crate::commit::{Commit, EntityRef, Receipt};
use crate::feed::{self, Changes, Filter};
use crate::head::{Head, encode_format, format_key, head_key, read_head};
use crate::keyring::Keyring;
use crate::rebuild;
use crate::scope::Access;
use crate::seal::Entropy;
use crate::stage::Stage;
use crate::store::{RedbStore, Store};
use crate::vault::{FileVault, Vault};
use crate::view::View;
use crate::writer::{Erasure, Request, Shared, WriterHandle};
use crate::{ContextError, Moment, Provenance, Snapshot};

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
        if rebuild::is_unfinished(reader.as_ref())? {
            rebuild::rebuild(store.as_ref(), &keys)?;
        }
        drop(reader);
        let (tail, indexed) = rebuild::tail(store.as_ref(), &keys)?;
        let shared = Arc::new(Shared::new(store, keys, tail, head.snapshot));
        let writer = WriterHandle::start(Arc::clone(&shared), vault, (head, indexed), entropy)?;
        Ok(Self {
            shared,
            writer: Arc::new(writer),
        })
    }

    /// Throws all indexes of a store away and makes them again from the log, then opens it. The
    /// answers do not change; this repairs a store whose indexes were damaged.
    ///
    /// # Errors
    /// As [`Context::open_folder`], and when the log itself is damaged.
    pub fn open_rebuilt(
        store: Arc<dyn Store>,
        vault: Arc<dyn Vault>,
        entropy: [u8; 32],
    ) -> Result<Self, ContextError> {
        let reader = store.reader()?;
        if read_head(reader.as_ref())?.is_some() {
            let keys = Keyring::open(reader.as_ref(), vault.as_ref())?;
            drop(reader);
            rebuild::rebuild(store.as_ref(), &keys)?;
        }
        Self::open(store, vault, entropy)
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

    /// Forgets an entity, and all that are the same: destroys its key, so that nobody can read
    /// any more what was said of it, in the file or in copies of its pages. Facts about others
    /// stay. When it returns, the vault has a new root key.
    ///
    /// Texts about others that mention the entity by name are not found this way; names of
    /// predicates, actors, runs and leases are never sealed. A backup of store and vault from
    /// before brings everything back.
    ///
    /// # Errors
    /// [`ContextError::NotAllowed`] for agents and imports, [`ContextError::UnknownEntity`],
    /// and [`ContextError::Vault`] when the vault did not take the new key: the entity is gone
    /// from all answers then, and the next opening goes on with the keys.
    pub fn forget(
        &self,
        access: &Access,
        entity: impl Into<EntityRef>,
        at: Moment,
        provenance: Provenance,
    ) -> Result<Erasure, ContextError> {
        let entity = entity.into();
        self.writer.ask(|reply| Request::Forget {
            access: access.clone(),
            entity,
            commit: Box::new(Commit::new(at, provenance, Vec::new())),
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

    /// Returns what changed in the caller's scope after a snapshot. Ask again with the cursor
    /// of the answer; an answer without changes and with the newest snapshot as its cursor
    /// means that there is nothing new.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes(
        &self,
        access: &Access,
        after: Snapshot,
        filter: &Filter,
    ) -> Result<Changes, ContextError> {
        let span = (after, self.snapshot().max(after));
        feed::changes(
            &self.shared.reader()?,
            &self.shared.keys,
            access.scope(),
            span,
            filter,
        )
    }

    /// Waits until something was committed after a snapshot, in any scope, or until patience
    /// ends; returns the newest snapshot.
    pub fn wait(&self, after: Snapshot, patience: Duration) -> Snapshot {
        self.shared.wait(after, patience)
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
    store.commit(stage.into_parts().0)?;
    Ok((head, keys))
}
