//! Which runs are in memory, and how something reaches a run that may be or not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::EngineError;
use crate::{Digest, Input, Outcome, RunId};

/// Something for a run.
#[derive(Debug)]
pub(super) enum Message {
    /// An input from outside; the answer comes when it is durable, or refused.
    Input {
        input: Box<Input>,
        /// A mark: the same input with the same mark is taken in once.
        once: Option<Digest>,
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    /// A child ended.
    ChildEnded { child: RunId, outcome: Box<Outcome> },
    /// Time has passed, or the engine was opened: see what there is to do. The permit bounds
    /// how many runs are loaded at once, and is held until the run has nothing to do but wait.
    Wake(Option<OwnedSemaphorePermit>),
}

/// How many requests from outside may wait for one run: whoever sends more is told to come
/// back, instead of filling the memory.
const REQUESTS_MAX: usize = 1024;

/// The runs in memory, each with the way to its mailbox.
///
/// Everything is sent and taken out under one lock, so that a run can leave memory exactly
/// when nothing waits for it. Nothing slow happens under it.
#[derive(Debug, Default)]
pub(super) struct Registry {
    runs: Mutex<BTreeMap<RunId, Entry>>,
}

/// The way to a run in memory.
#[derive(Debug)]
struct Entry {
    sender: UnboundedSender<Message>,
    /// Requests that wait in the mailbox. Counted up here, counted down by the mailbox.
    requests: Arc<AtomicUsize>,
}

/// What is waiting for a run in memory.
#[derive(Debug)]
pub(super) struct Mailbox {
    receiver: UnboundedReceiver<Message>,
    requests: Arc<AtomicUsize>,
}

/// What became of a message.
pub(super) enum Sent {
    /// The run is in memory and has it.
    Delivered,
    /// The run is now registered, with this mailbox; the caller brings it into memory.
    Register(Mailbox),
    /// Too many requests wait for the run; here is the message back.
    Busy(Message),
}

impl Mailbox {
    fn new() -> (Entry, Self) {
        let (sender, receiver) = unbounded_channel();
        let requests = Arc::new(AtomicUsize::new(0));
        let entry = Entry {
            sender,
            requests: Arc::clone(&requests),
        };
        (entry, Self { receiver, requests })
    }

    /// Waits for a message.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken nothing out.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let message = self.receiver.recv().await?;
        self.count(&message);
        Some(message)
    }

    /// Takes a message that waits already.
    pub(super) fn take(&mut self) -> Option<Message> {
        let message = self.receiver.try_recv().ok()?;
        self.count(&message);
        Some(message)
    }

    fn count(&self, message: &Message) {
        if matches!(message, Message::Input { .. }) {
            self.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Entry {
    /// Sends a message, or gives it back with the reason.
    fn send(&self, message: Message) -> Result<(), Sent> {
        let is_request = matches!(message, Message::Input { .. });
        if is_request && self.requests.load(Ordering::Relaxed) >= REQUESTS_MAX {
            return Err(Sent::Busy(message));
        }
        self.requests
            .fetch_add(usize::from(is_request), Ordering::Relaxed);
        // The caller has seen that the mailbox is there, under the lock that it leaves under.
        drop(self.sender.send(message));
        Ok(())
    }
}

impl Registry {
    /// Sends a message to a run; registers the run when it is not in memory.
    pub(super) fn send(&self, run: RunId, message: Message) -> Sent {
        let mut runs = self.runs();
        if let Some(entry) = runs.get(&run).filter(|entry| !entry.sender.is_closed()) {
            return match entry.send(message) {
                Ok(()) => Sent::Delivered,
                Err(sent) => sent,
            };
        }
        let (entry, mailbox) = Mailbox::new();
        if let Err(sent) = entry.send(message) {
            return sent;
        }
        runs.insert(run, entry);
        Sent::Register(mailbox)
    }

    /// Registers a new run; nothing when there is one of that id in memory already.
    pub(super) fn register(&self, run: RunId) -> Option<Mailbox> {
        let mut runs = self.runs();
        if runs.contains_key(&run) {
            return None;
        }
        let (entry, mailbox) = Mailbox::new();
        runs.insert(run, entry);
        Some(mailbox)
    }

    /// Takes a run out, unless something waits for it.
    pub(super) fn leave_if_idle(&self, run: RunId, mailbox: &Mailbox) -> bool {
        let mut runs = self.runs();
        if mailbox.receiver.is_empty() {
            runs.remove(&run);
            return true;
        }
        false
    }

    /// Takes a run out in any case, and tells everybody whose message was not taken.
    pub(super) fn leave(&self, run: RunId, mailbox: &mut Mailbox, refusal: &EngineError) {
        let mut left = Vec::new();
        {
            let mut runs = self.runs();
            runs.remove(&run);
            while let Some(message) = mailbox.take() {
                left.push(message);
            }
        }
        for message in left {
            if let Message::Input { reply, .. } = message {
                drop(reply.send(Err(refusal.clone())));
            }
        }
    }

    /// Returns how many runs are in memory.
    pub(super) fn len(&self) -> usize {
        self.runs().len()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
