//! The writer's thread: takes what is queued as one group, stages it, flushes once, answers.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::{Reply, Request, Shared, apply, forget, trail};
use crate::ContextError;
use crate::head::{Head, Watermark, head_key, watermark_key};
use crate::keyring::{Buckets, Unfinished, unfinished};
use crate::seal::Entropy;
use crate::stage::Stage;
use crate::tail::{Rows, Tail};
use crate::vault::Vault;

/// Requests that share one flush. More would make the first one wait for the last.
const GROUP_MAX: usize = 256;

/// Leaves after which the indexes are folded even when little has changed: an opening reads all
/// leaves after the watermark.
const LEAVES_UNINDEXED_MAX: u64 = 50_000;

/// When changes of the indexes go into their blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    /// With this flush.
    Now,
    /// When there are enough of them.
    WhenFull,
}

/// An answer that is given once the batch is durable, or with the error when it is not.
type Answer = Box<dyn FnOnce(Result<(), ContextError>)>;

/// What the thread owns.
pub(super) struct Writer {
    shared: Arc<Shared>,
    vault: Arc<dyn Vault>,
    head: Head,
    /// Up to where the blocks of the indexes are complete.
    indexed: Watermark,
    entropy: Entropy,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        vault: Arc<dyn Vault>,
        (head, indexed): (Head, Watermark),
        entropy: Entropy,
    ) -> Self {
        Self {
            shared,
            vault,
            head,
            indexed,
            entropy,
        }
    }

    /// Ends when all handles are gone, or at the first failure of the store: what the store
    /// has then is known again only after opening it anew.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        let mut next = requests.recv().ok();
        while let Some(first) = next {
            let (group, alone) = gather(first, requests);
            if self.store_group(group).is_err() {
                return;
            }
            if let Some(request) = alone
                && self.store_alone(request).is_err()
            {
                return;
            }
            next = requests.recv().ok();
        }
        // What cannot be folded now is made again by the next opening.
        drop(self.close());
    }

    fn store_group(&mut self, group: Vec<Request>) -> Result<(), ContextError> {
        if group.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let rows = shared.reader()?;
        let mut stage = Stage::new(&rows);
        stage.durable = self.head.snapshot;
        let mut head = self.head.clone();
        let mut answers = Vec::with_capacity(group.len());
        for request in group {
            answers.extend(self.stage_request(&mut stage, &mut head, request));
        }
        let stored = self.flush(&rows, stage, head, Fold::WhenFull);
        for settle in answers {
            settle(stored.clone());
        }
        stored
    }

    /// Makes the stage durable, and then visible.
    fn flush(
        &mut self,
        rows: &Rows<'_>,
        mut stage: Stage<'_>,
        head: Head,
        fold: Fold,
    ) -> Result<(), ContextError> {
        if head != self.head {
            stage.put(head_key(), head.encode());
        }
        let (mut batch, index) = stage.into_parts();
        let waiting = head.frontier.size().saturating_sub(self.indexed.leaves);
        let full = rows.tail().is_full_with(&index) || waiting > LEAVES_UNINDEXED_MAX;
        if fold == Fold::Now || full {
            self.indexed = Watermark::at(&head);
            rows.fold(index, &mut batch)?;
            batch.put(watermark_key().to_vec(), self.indexed.encode());
            self.shared.store.commit(batch)?;
            self.shared.change_tail(|tail| *tail = Tail::default());
        } else {
            if !batch.is_empty() {
                self.shared.store.commit(batch)?;
            }
            self.shared.change_tail(|tail| tail.add(index));
        }
        self.shared.raise(head.snapshot);
        self.head = head;
        Ok(())
    }

    /// Puts the tail into its blocks, so that the next opening has nothing to make again.
    fn close(&mut self) -> Result<(), ContextError> {
        let shared = Arc::clone(&self.shared);
        let rows = shared.reader()?;
        if self.indexed == Watermark::at(&self.head) {
            return Ok(());
        }
        self.flush(&rows, Stage::new(&rows), self.head.clone(), Fold::Now)
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
            Request::Forget { .. } => unreachable!("gathering keeps it for a group of its own"),
        }
    }

    fn store_alone(&mut self, request: Request) -> Result<(), ContextError> {
        let Request::Forget {
            access,
            entity,
            commit,
            reply,
        } = request
        else {
            return self.store_group(vec![request]);
        };
        let shared = Arc::clone(&self.shared);
        let rows = shared.reader()?;
        let mut stage = Stage::new(&rows);
        let mut head = self.head.clone();
        let keys = &self.shared.keys;
        let staged = forget::forget(
            &mut stage,
            &mut head,
            keys,
            &mut self.entropy,
            &access,
            &commit,
            &entity,
        );
        let (erasure, buckets) = match staged {
            Ok(staged) => staged,
            Err(error) => {
                answer(&reply, Err(error));
                return Ok(());
            }
        };
        let gone = erasure.entities.clone();
        let rotated = self.rotate(&rows, stage, head, (buckets, &gone));
        // A vault that refuses leaves a healthy store; the next opening goes on.
        let (replied, go_on) = match rotated {
            Ok(()) => (Ok(erasure), Ok(())),
            Err(ContextError::Vault(error)) => (Err(error.into()), Ok(())),
            Err(error) => (Err(error.clone()), Err(error)),
        };
        answer(&reply, replied);
        go_on
    }

    /// Replaces all keys that could open an old copy of what a bucket held.
    fn rotate(
        &mut self,
        rows: &Rows<'_>,
        mut stage: Stage<'_>,
        head: Head,
        (buckets, gone): (Buckets, &[crate::EntityId]),
    ) -> Result<(), ContextError> {
        let shared = Arc::clone(&self.shared);
        let (fresh, buckets) =
            shared
                .keys
                .begin_rotation(&mut stage, &mut self.entropy, buckets)?;
        self.flush(rows, stage, head, Fold::Now)?;
        shared.keys.forget(gone);
        self.vault.replace(&fresh)?;
        shared.keys.set_root(fresh);
        self.end_rotation(&buckets)
    }

    fn end_rotation(&mut self, buckets: &Buckets) -> Result<(), ContextError> {
        let shared = Arc::clone(&self.shared);
        let rows = shared.reader()?;
        let mut stage = Stage::new(&rows);
        shared.keys.end_rotation(&mut stage, buckets)?;
        self.flush(&rows, stage, self.head.clone(), Fold::WhenFull)
    }

    /// Goes on with a rotation that a crash or a refusing vault cut off.
    pub(super) fn finish_rotation(&mut self) -> Result<(), ContextError> {
        let shared = Arc::clone(&self.shared);
        let rows = shared.reader()?;
        match unfinished(&rows, &shared.keys.root())? {
            None => Ok(()),
            Some(Unfinished::End(buckets)) => self.end_rotation(&buckets),
            Some(Unfinished::Begin(buckets)) => {
                let stage = Stage::new(&rows);
                self.rotate(&rows, stage, self.head.clone(), (buckets, &[]))
            }
        }
    }
}

/// Takes what is queued, up to a request that needs a group of its own.
fn gather(first: Request, requests: &Receiver<Request>) -> (Vec<Request>, Option<Request>) {
    let mut group = Vec::new();
    let mut next = Some(first);
    while let Some(request) = next {
        if matches!(request, Request::Forget { .. }) {
            return (group, Some(request));
        }
        group.push(request);
        if group.len() == GROUP_MAX {
            break;
        }
        next = requests.try_recv().ok();
    }
    (group, None)
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
