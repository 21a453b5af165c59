//! The one writer: a thread that takes what is queued, applies each commit on the state that
//! the one before it left, stores all of it with one flush, and only then answers.

mod apply;
mod draft;
mod fingerprint;
mod stage;
mod trail;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub(crate) use stage::{Stage, last_with_prefix};
pub(crate) use trail::commit_digest;

use crate::audit::Leaf;
use crate::commit::{Commit, Receipt};
use crate::head::{Head, head_key};
use crate::keyring::Keyring;
use crate::scope::Access;
use crate::seal::Entropy;
use crate::store::Store;
use crate::{ContextError, Snapshot};

/// Requests that share one flush. More would make the first one wait for the last.
const GROUP_MAX: usize = 256;
/// Requests that may wait; further callers wait to be let in.
const QUEUE_MAX: usize = 1_024;

/// What the writer and all readers share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Keyring,
    /// The last durable commit. The writer raises it after the flush; readers look at it once
    /// when a question begins.
    snapshot: AtomicU64,
}

impl Shared {
    pub(crate) fn new(store: Arc<dyn Store>, keys: Keyring, snapshot: Snapshot) -> Self {
        Self {
            store,
            keys,
            snapshot: AtomicU64::new(snapshot.number()),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::from_number(self.snapshot.load(Ordering::Acquire))
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
}

/// Where the answer to a request goes. A caller that went away does not matter.
pub(crate) type Reply<T> = SyncSender<Result<T, ContextError>>;

/// An answer that is given once the batch is durable, or with the error when it is not.
type Answer = Box<dyn FnOnce(Result<(), ContextError>)>;

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
    pub(crate) fn start(shared: Arc<Shared>, head: Head, entropy: Entropy) -> Self {
        let (queue, requests) = sync_channel(QUEUE_MAX);
        let writer = Writer {
            shared,
            head,
            entropy,
        };
        let thread = std::thread::spawn(move || writer.run(&requests));
        Self {
            queue: Some(queue),
            thread: Mutex::new(Some(thread)),
        }
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

struct Writer {
    shared: Arc<Shared>,
    head: Head,
    entropy: Entropy,
}

impl Writer {
    /// Ends when all handles are gone, or at the first failure of the store: what the store
    /// has then is known again only after opening it anew.
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = requests.try_recv()
            {
                group.push(next);
            }
            if self.store_group(group).is_err() {
                return;
            }
        }
    }

    fn store_group(&mut self, group: Vec<Request>) -> Result<(), ContextError> {
        let store = Arc::clone(&self.shared.store);
        let reader = store.reader()?;
        let mut stage = Stage::new(reader.as_ref());
        let mut head = self.head.clone();
        let mut answers = Vec::with_capacity(group.len());
        for request in group {
            answers.extend(self.stage_request(&mut stage, &mut head, request));
        }
        if head != self.head {
            stage.put(head_key(), head.encode());
        }
        let batch = stage.into_batch();
        let stored = if batch.is_empty() {
            Ok(())
        } else {
            store.commit(batch).map_err(ContextError::from)
        };
        if stored.is_ok() {
            let number = head.snapshot.number();
            self.shared.snapshot.store(number, Ordering::Release);
            self.head = head;
        }
        for settle in answers {
            settle(stored.clone());
        }
        stored
    }

    /// Applies one request to the stage, or takes back what it changed and answers with why.
    fn stage_request(
        &mut self,
        stage: &mut Stage<'_>,
        head: &mut Head,
        request: Request,
    ) -> Option<Answer> {
        let before = head.clone();
        match request {
            Request::Commit {
                access,
                commit,
                reply,
            } => {
                let keys = &self.shared.keys;
                let result = apply::apply(stage, head, keys, &mut self.entropy, &access, *commit);
                settle(stage, head, before, result, reply)
            }
            Request::Leaves { leaves, reply } => {
                let result = trail::append_leaves(stage, &mut head.frontier, &leaves);
                settle(stage, head, before, result, reply)
            }
        }
    }
}

fn settle<T: 'static>(
    stage: &mut Stage<'_>,
    head: &mut Head,
    before: Head,
    result: Result<T, ContextError>,
    reply: Reply<T>,
) -> Option<Answer> {
    match result {
        Ok(value) => {
            stage.keep();
            Some(Box::new(move |stored: Result<(), ContextError>| {
                answer(&reply, stored.map(|()| value));
            }))
        }
        Err(error) => {
            stage.take_back();
            *head = before;
            answer(&reply, Err(error));
            None
        }
    }
}

/// Answers a caller; one that went away meanwhile is not missed.
fn answer<T>(reply: &Reply<T>, result: Result<T, ContextError>) {
    drop(reply.send(result));
}
