//! The one writer: a thread that takes what is queued, applies each commit on the state that
//! the one before it left, stores all of it with one flush, and only then answers.

mod apply;
mod assert;
mod document;
mod draft;
mod fingerprint;
mod forget;
mod group;
mod index;
mod judge;
mod lease;
mod policy;
mod special;
mod trail;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use document::item_words;
pub(crate) use draft::is_predicate;
pub use forget::Erasure;
pub(crate) use index::Index;
pub(crate) use trail::{commit_digest, decode_position, run_hash};

use crate::audit::Leaf;
use crate::commit::{Commit, EntityRef, Receipt};
use crate::head::{Head, Watermark};
use crate::keyring::Keyring;
use crate::scope::Access;
use crate::seal::Entropy;
use crate::store::Store;
use crate::tail::{Rows, Tail};
use crate::vault::Vault;
use crate::writer::group::Writer;
use crate::{ContextError, Snapshot};

/// Requests that may wait; further callers wait to be let in.
const QUEUE_MAX: usize = 1_024;

/// What the writer and all readers share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Keyring,
    /// The index rows that are not in blocks yet. The writer adds to it after the flush, and
    /// replaces it when they are.
    tail: RwLock<Tail>,
    /// The last durable commit. The writer raises it after the flush; readers look at it once
    /// when a question begins.
    snapshot: AtomicU64,
    /// Held while the snapshot rises, so that nobody who waits for it misses it.
    rising: Mutex<()>,
    risen: Condvar,
}

impl Shared {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        keys: Keyring,
        tail: Tail,
        snapshot: Snapshot,
    ) -> Self {
        Self {
            store,
            keys,
            tail: RwLock::new(tail),
            snapshot: AtomicU64::new(snapshot.number()),
            rising: Mutex::new(()),
            risen: Condvar::new(),
        }
    }

    /// Begins reading all rows; the tail first, so that no row is missed that goes from it
    /// into the store meanwhile.
    pub(crate) fn reader(&self) -> Result<Rows<'_>, ContextError> {
        let tail = self
            .tail
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ok(Rows::new(tail, self.store.reader()?))
    }

    fn change_tail(&self, change: impl FnOnce(&mut Tail)) {
        change(&mut self.tail.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::from_number(self.snapshot.load(Ordering::Acquire))
    }

    fn raise(&self, snapshot: Snapshot) {
        let _rising = self.rising.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.store(snapshot.number(), Ordering::Release);
        self.risen.notify_all();
    }

    /// Waits until the snapshot is above one, or until patience ends.
    pub(crate) fn wait(&self, after: Snapshot, patience: Duration) -> Snapshot {
        let rising = self.rising.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .risen
            .wait_timeout_while(rising, patience, |()| self.snapshot() <= after);
        drop(waited);
        self.snapshot()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("store", &self.store)
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}

/// What can be asked of the writer.
pub(crate) enum Request {
    Commit {
        access: Access,
        commit: Box<Commit>,
        reply: Reply<Receipt>,
    },
    Leaves {
        leaves: Vec<Leaf>,
        reply: Reply<Vec<u64>>,
    },
    /// Needs the vault between two flushes, and so a group of its own.
    Forget {
        access: Access,
        entity: EntityRef,
        /// Time and provenance of the erasure, without operations.
        commit: Box<Commit>,
        reply: Reply<Erasure>,
    },
}

/// Where the answer to a request goes. A caller that went away does not matter.
pub(crate) type Reply<T> = SyncSender<Result<T, ContextError>>;

/// The writer's end that callers hold. Dropping it stops the thread after the last request.
#[derive(Debug)]
pub(crate) struct WriterHandle {
    /// `None` only while the handle is being dropped.
    queue: Option<SyncSender<Request>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl WriterHandle {
    /// Starts the thread.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one thread of this crate starts here and is joined when the handle drops"
    )]
    pub(crate) fn start(
        shared: Arc<Shared>,
        vault: Arc<dyn Vault>,
        start: (Head, Watermark),
        entropy: Entropy,
    ) -> Result<Self, ContextError> {
        let (queue, requests) = sync_channel(QUEUE_MAX);
        let mut writer = Writer::new(shared, vault, start, entropy);
        writer.finish_rotation()?;
        let thread = std::thread::spawn(move || writer.run(&requests));
        Ok(Self {
            queue: Some(queue),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, ContextError> {
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or(ContextError::Stopped)?;
        queue
            .send(request(reply))
            .map_err(|_| ContextError::Stopped)?;
        answer.recv().map_err(|_| ContextError::Stopped)?
    }
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        drop(self.queue.take());
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic of the writer was already seen by the callers that it left without answer.
            drop(thread.join());
        }
    }
}
