//! Which runs are in memory, and how something reaches a run that may be or not.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The runs in memory, each with the way to its mailbox.
///
/// Everything is sent and taken out under one lock, so that a run can leave memory exactly
/// when nothing waits for it. Nothing slow happens under it.
#[derive(Debug, Default)]
pub(super) struct Registry {
    runs: Mutex<BTreeMap<RunId, UnboundedSender<Message>>>,
}

/// What became of a message.
pub(super) enum Sent {
    /// The run is in memory and has it.
    Delivered,
    /// The run is now registered, with this mailbox; the caller brings it into memory.
    Register(UnboundedReceiver<Message>),
}

impl Registry {
    /// Sends a message to a run; registers the run when it is not in memory.
    pub(super) fn send(&self, run: RunId, message: Message) -> Sent {
        let mut runs = self.runs();
        let message = match runs.get(&run) {
            Some(mailbox) => match mailbox.send(message) {
                Ok(()) => return Sent::Delivered,
                Err(unsent) => unsent.0,
            },
            None => message,
        };
        let (mailbox, receiver) = unbounded_channel();
        // The receiver is alive, so this cannot fail.
        drop(mailbox.send(message));
        runs.insert(run, mailbox);
        Sent::Register(receiver)
    }

    /// Registers a new run, which nobody can have sent anything to.
    pub(super) fn register(&self, run: RunId) -> UnboundedReceiver<Message> {
        let (mailbox, receiver) = unbounded_channel();
        self.runs().insert(run, mailbox);
        receiver
    }

    /// Takes a run out, unless something waits for it.
    pub(super) fn leave_if_idle(&self, run: RunId, mailbox: &UnboundedReceiver<Message>) -> bool {
        let mut runs = self.runs();
        if mailbox.is_empty() {
            runs.remove(&run);
            return true;
        }
        false
    }

    /// Takes a run out in any case, and returns what waited for it.
    pub(super) fn leave(
        &self,
        run: RunId,
        mailbox: &mut UnboundedReceiver<Message>,
    ) -> Vec<Message> {
        let mut runs = self.runs();
        runs.remove(&run);
        let mut left = Vec::new();
        while let Ok(message) = mailbox.try_recv() {
            left.push(message);
        }
        left
    }

    /// Returns how many runs are in memory.
    pub(super) fn len(&self) -> usize {
        self.runs().len()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, UnboundedSender<Message>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
