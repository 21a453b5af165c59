//! The one thread that writes: it commits together whatever is queued, with one flush, and
//! acknowledges after it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::EngineError;
use crate::journal::{Epoch, Journal, JournalError, Write};

/// The most requests that are committed together: beyond it, the first ones would wait for
/// longer than the flush that they share saves.
const GROUP_REQUESTS_MAX: usize = 256;

/// How long nothing may happen until the journal is settled, in milliseconds.
const IDLE_MS: u64 = 50;

/// For how long the thread looks for the next request before it goes to sleep, in
/// microseconds. A run that advances step by step comes back within that time, and waking a
/// thread takes as long; with nothing at work the thread sleeps.
const LOOK_MICROS: u64 = 100;

/// The pause before a failed commit is tried again, in milliseconds.
const RETRY_MS: u64 = 100;

/// A hand on the thread that writes.
#[derive(Debug)]
pub(super) struct Committer {
    /// Nothing after [`Committer::stop`].
    queue: Mutex<Option<Sender<Request>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Request {
    writes: Vec<Write>,
    done: oneshot::Sender<Acknowledgement>,
}

/// The writes, when they are durable.
type Acknowledgement = Result<Vec<Write>, Arc<JournalError>>;

impl Committer {
    /// Starts the thread.
    ///
    /// A commit that fails is tried again for `patience`; then the journal counts as failed,
    /// and nothing is written any more.
    pub(super) fn start(
        journal: Arc<dyn Journal>,
        epoch: Epoch,
        patience: Duration,
    ) -> std::io::Result<Self> {
        let (queue, requests) = channel();
        let thread = std::thread::Builder::new()
            .name("layercake-journal".to_owned())
            .spawn(move || {
                let writer = Writer {
                    journal,
                    epoch,
                    patience,
                    failure: None,
                };
                writer.run(&requests);
            })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Writes, and returns the writes when they are durable.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the writes back: they become durable or not.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Write>, EngineError> {
        let (done, acknowledged) = oneshot::channel();
        {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let sent = queue
                .as_ref()
                .map(|queue| queue.send(Request { writes, done }));
            match sent {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return Err(EngineError::Stopped),
            }
        }
        match acknowledged.await {
            Ok(result) => result.map_err(EngineError::from),
            Err(_) => Err(EngineError::Stopped),
        }
    }

    /// Lets the thread finish what is queued, and waits for its end.
    pub(super) fn stop(&self) {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(queue);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread panicked");
        }
    }
}

/// Looks for a request for a short while, giving way to whoever else wants to run.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a thread looks before it sleeps is no input of any run"
)]
fn look(requests: &Receiver<Request>, idle: bool) -> Option<Request> {
    if idle {
        return None;
    }
    let start = Instant::now();
    loop {
        if let Ok(request) = requests.try_recv() {
            return Some(request);
        }
        if start.elapsed() >= Duration::from_micros(LOOK_MICROS) {
            return None;
        }
        std::thread::yield_now();
    }
}

struct Writer {
    journal: Arc<dyn Journal>,
    epoch: Epoch,
    patience: Duration,
    /// Why nothing is written any more.
    failure: Option<Arc<JournalError>>,
}

impl Writer {
    fn run(mut self, requests: &Receiver<Request>) {
        let mut idle = true;
        loop {
            let first = if let Some(request) = look(requests, idle) {
                Some(request)
            } else if idle {
                requests.recv().ok()
            } else {
                match requests.recv_timeout(Duration::from_millis(IDLE_MS)) {
                    Ok(request) => Some(request),
                    Err(RecvTimeoutError::Timeout) => {
                        self.settle();
                        idle = true;
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            };
            let Some(first) = first else { break };
            idle = false;
            let mut group = vec![first];
            while group.len() < GROUP_REQUESTS_MAX
                && let Ok(next) = requests.try_recv()
            {
                group.push(next);
            }
            self.commit(group);
        }
        self.settle();
    }

    fn settle(&self) {
        if self.failure.is_none()
            && let Err(error) = self.journal.settle()
        {
            tracing::warn!(%error, "the journal could not be settled");
        }
    }

    /// Commits a group; when it is refused, each request on its own, to find the culprit.
    fn commit(&mut self, mut group: Vec<Request>) {
        let mut writes: Vec<Write> = Vec::with_capacity(group.len());
        let mut counts = Vec::with_capacity(group.len());
        for request in &mut group {
            counts.push(request.writes.len());
            writes.append(&mut request.writes);
        }
        let result = self.append(&writes);
        let mut writes = writes.into_iter();
        let split_up = matches!(&result, Err(error) if error.is_refusal()) && group.len() > 1;
        for (request, count) in group.into_iter().zip(counts) {
            let own: Vec<Write> = writes.by_ref().take(count).collect();
            let result = if split_up {
                self.append(&own)
            } else {
                result.clone()
            };
            // Whoever asked may have gone; the writes stand all the same.
            drop(request.done.send(result.map(|()| own)));
        }
    }

    fn append(&mut self, writes: &[Write]) -> Result<(), Arc<JournalError>> {
        if let Some(failure) = &self.failure {
            return Err(Arc::clone(failure));
        }
        let mut waited = Duration::ZERO;
        loop {
            let error = match self.journal.append(self.epoch, writes) {
                Ok(()) => return Ok(()),
                // Nobody else writes, so the failed append before this one must have stored them.
                Err(error) if !waited.is_zero() && error.is_refusal() && self.stores(writes) => {
                    return Ok(());
                }
                Err(error) => error,
            };
            let fenced = matches!(error, JournalError::Fenced { .. });
            if error.is_refusal() && !fenced {
                return Err(Arc::new(error));
            }
            if fenced || waited >= self.patience {
                tracing::error!(%error, "the journal failed; nothing is written any more");
                let error = Arc::new(error);
                self.failure = Some(Arc::clone(&error));
                return Err(error);
            }
            tracing::warn!(%error, "the journal failed; trying again");
            let pause = Duration::from_millis(RETRY_MS);
            std::thread::sleep(pause);
            waited += pause;
        }
    }

    /// Says whether the records of every run among the writes are stored.
    fn stores(&self, writes: &[Write]) -> bool {
        let mut any = false;
        for write in writes {
            let Write::Run(batch) = write else { continue };
            if let Some(first) = batch.records.first() {
                any = true;
                match self.journal.records(batch.run, first.seq, 1) {
                    Ok(stored) if !stored.is_empty() => {}
                    Ok(_) | Err(_) => return false,
                }
            }
        }
        any
    }
}
