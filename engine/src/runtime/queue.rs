//! Queues: how many runs of a routine are at work at once and how fast they begin. Who has to
//! wait is on disk, as a run that is `pending` and has nothing but its first record.
//!
//! The order: by priority, then in turn between shares (for instance tenants), then by age.
//! Runs that another run asks for never wait here: their parent waits for them, and would wait
//! for ever if they waited for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::EngineError;
use super::core::Core;
use crate::journal::{Journal, RunRow, Scan};
use crate::{Phase, RunId, Timestamp};

/// How many runs of a routine may be at work, begin, and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The most runs that have begun and not ended; any number when there is none.
    pub concurrency: Option<usize>,
    /// How fast runs begin; as fast as they can when there is none.
    pub rate: Option<Rate>,
    /// The most runs that wait. Whoever asks for one more is told to come back.
    pub queued_max: usize,
}

/// So many runs in any span of so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many runs.
    pub runs: usize,
    /// In how long, in milliseconds.
    pub per_ms: u64,
}

/// How many runs may wait unless somebody says otherwise: enough for a burst, little enough
/// to be held in memory by name (a hundred bytes each).
const QUEUED_MAX: usize = 10_000;

impl Limit {
    /// Makes a limit on how many runs are at work at once.
    pub fn concurrency(runs: usize) -> Self {
        Self {
            concurrency: Some(runs),
            rate: None,
            queued_max: QUEUED_MAX,
        }
    }

    /// Makes a limit on how fast runs begin.
    pub fn rate(runs: usize, per_ms: u64) -> Self {
        Self {
            concurrency: None,
            rate: Some(Rate { runs, per_ms }),
            queued_max: QUEUED_MAX,
        }
    }
}

/// The attribute that holds the priority of a queued run.
pub(super) const PRIORITY: &str = "queue.priority";

/// The attribute that holds the share of a queued run.
pub(super) const SHARE: &str = "queue.share";

/// The attribute that says when a run left its queue, in milliseconds since 1970.
pub(super) const RELEASED: &str = "queue.released";

/// The queues of an engine, by the name of the routine without its version.
#[derive(Debug, Default)]
pub(super) struct Queues {
    limits: BTreeMap<String, Limit>,
    queues: Mutex<BTreeMap<String, Queue>>,
    /// Somebody ended, or somebody came: see whether another may begin.
    pub(super) news: Notify,
}

/// One queue. Runs are in exactly one of `waiting` and `begun`.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeSet<(u8, u64, RunId)>,
    begun: BTreeSet<RunId>,
    /// When the last runs began, as far as the rate needs to know.
    starts: VecDeque<Timestamp>,
    /// The turn that was served last, and the last turn that each share has.
    turn: u64,
    turns: BTreeMap<String, u64>,
}

/// What becomes of a run that somebody asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It begins; it has its place among those at work.
    Begins,
    /// It waits.
    Waits,
}

impl Queues {
    pub(super) fn new(limits: BTreeMap<String, Limit>) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Finds out who is at work and who waits. Called before anything runs.
    pub(super) fn load(&self, journal: &dyn Journal, now: Timestamp) -> Result<(), EngineError> {
        let waiting = journal.scan(&Scan {
            phases: [Phase::Pending].into(),
            ..Scan::newest(usize::MAX)
        })?;
        let mut queues = self.queues();
        for row in waiting.iter().rev() {
            let queue = queues.entry(routine_of(&row.name).to_owned()).or_default();
            queue.add(row.run, priority_of(row), share_of(row));
        }
        for (name, limit) in &self.limits {
            let queue = queues.entry(name.clone()).or_default();
            let named = Scan {
                name_prefix: Some(format!("{name}@")),
                ..Scan::newest(usize::MAX)
            };
            let begun = journal.scan(&Scan {
                phases: [Phase::Running, Phase::Waiting, Phase::Suspended].into(),
                ..named.clone()
            })?;
            let roots = begun.iter().filter(|row| row.parent.is_none());
            queue.begun.extend(roots.map(|row| row.run));
            if let Some(rate) = limit.rate {
                let since = now.as_millis().saturating_sub(rate.per_ms);
                // Who began in the last span may have been asked for long before.
                let rows = journal.scan(&Scan {
                    limit: rate
                        .runs
                        .saturating_mul(2)
                        .saturating_add(queue.waiting.len()),
                    ..named
                })?;
                let mut starts: Vec<Timestamp> = rows.iter().filter_map(start_of).collect();
                starts.retain(|start| start.as_millis() > since);
                starts.sort_unstable();
                queue.starts = starts.into();
            }
        }
        Ok(())
    }

    /// Decides about a new run; whoever waits is put in the queue by [`Queues::enter`].
    pub(super) fn admit(
        &self,
        routine: &str,
        run: RunId,
        now: Timestamp,
    ) -> Result<Admission, EngineError> {
        let Some(limit) = self.limits.get(routine) else {
            return Ok(Admission::Begins);
        };
        let mut queues = self.queues();
        let queue = queues.entry(routine.to_owned()).or_default();
        if queue.waiting.is_empty() && queue.opens(limit, now).is_none() {
            queue.begin(run, limit, now);
            return Ok(Admission::Begins);
        }
        if queue.waiting.len() >= limit.queued_max {
            return Err(EngineError::QueueFull(routine.to_owned()));
        }
        Ok(Admission::Waits)
    }

    /// Puts a run that waits in its queue; its row is durable.
    pub(super) fn enter(&self, routine: &str, run: RunId, priority: u8, share: &str) {
        let mut queues = self.queues();
        let queue = queues.entry(routine.to_owned()).or_default();
        queue.add(run, priority, share);
        drop(queues);
        self.news.notify_one();
    }

    /// Takes the runs that may begin now; returns when the next one may, if that is known.
    pub(super) fn take(&self, now: Timestamp) -> (Vec<RunId>, Option<Timestamp>) {
        let mut queues = self.queues();
        let (mut taken, mut next): (Vec<RunId>, Option<Timestamp>) = (Vec::new(), None);
        for (name, queue) in queues.iter_mut() {
            let limit = self.limits.get(name).copied().unwrap_or(UNLIMITED);
            while let Some((_, turn, run)) = queue.waiting.first().copied() {
                if let Some(opens) = queue.opens(&limit, now) {
                    next = match (next, opens) {
                        (Some(next), Some(opens)) => Some(next.min(opens)),
                        (next, opens) => next.or(opens),
                    };
                    break;
                }
                queue.waiting.pop_first();
                queue.turn = queue.turn.max(turn);
                queue.begin(run, &limit, now);
                taken.push(run);
            }
        }
        (taken, next)
    }

    /// Takes one run out of its queue, wherever it stands; it counts as begun.
    pub(super) fn take_one(&self, routine: &str, run: RunId) -> bool {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(routine) else {
            return false;
        };
        let Some(entry) = queue.waiting.iter().find(|entry| entry.2 == run).copied() else {
            return false;
        };
        queue.waiting.remove(&entry);
        queue.begun.insert(run);
        true
    }

    /// Gives the place of a run free: it has ended, or it never came to be.
    pub(super) fn note_end(&self, name: &str, run: RunId) {
        if self.limits.is_empty() {
            return;
        }
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(routine_of(name)) else {
            return;
        };
        if queue.begun.remove(&run) {
            drop(queues);
            self.news.notify_one();
        }
    }

    /// Returns how many runs of a routine wait.
    pub(super) fn waiting(&self, routine: &str) -> usize {
        let queues = self.queues();
        queues.get(routine).map_or(0, |queue| queue.waiting.len())
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For queues whose limit was taken away while somebody waited.
const UNLIMITED: Limit = Limit {
    concurrency: None,
    rate: None,
    queued_max: QUEUED_MAX,
};

impl Queue {
    /// Says when another run may begin: `None` is now, `Some(None)` is when one ends.
    fn opens(&mut self, limit: &Limit, now: Timestamp) -> Option<Option<Timestamp>> {
        if limit
            .concurrency
            .is_some_and(|most| self.begun.len() >= most)
        {
            return Some(None);
        }
        let rate = limit.rate?;
        while let Some(first) = self.starts.front()
            && first.plus_millis(rate.per_ms) <= now
        {
            self.starts.pop_front();
        }
        if self.starts.len() < rate.runs {
            return None;
        }
        Some(
            self.starts
                .front()
                .map(|first| first.plus_millis(rate.per_ms)),
        )
    }

    fn begin(&mut self, run: RunId, limit: &Limit, now: Timestamp) {
        self.begun.insert(run);
        if limit.rate.is_some() {
            self.starts.push_back(now);
        }
    }

    /// Gives a run its turn: the next one that its share does not have yet.
    fn add(&mut self, run: RunId, priority: u8, share: &str) {
        let current = self.turn;
        self.turns.retain(|_, turn| *turn > current);
        let turn = self.turns.get(share).copied().unwrap_or(current) + 1;
        self.turns.insert(share.to_owned(), turn);
        self.waiting.insert((u8::MAX - priority, turn, run));
    }
}

impl Core {
    /// Lets runs begin as places come free, until the engine ends.
    pub(super) async fn serve_queues(self: std::sync::Arc<Self>) {
        let mut stage = self.stage.subscribe();
        loop {
            let (runs, next) = self.queues.take(self.clock.now());
            for run in runs {
                if let Err(error) = self.release(run, None).await {
                    tracing::error!(run_id = %run, %error, "a queued run could not begin");
                    if let Ok(Some(row)) = crate::journal::JournalReads::row(&*self.journal, run) {
                        self.queues.note_end(&row.name, run);
                    }
                }
            }
            let time = async {
                match next {
                    Some(next) => self.clock.sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.queues.news.notified() => {}
                () = time => {}
                _ = stage.wait_for(|stage| *stage > super::core::Stage::Running) => return,
            }
        }
    }
}

/// Returns the name of a routine without its version.
pub(super) fn routine_of(name: &str) -> &str {
    name.split_once('@').map_or(name, |(routine, _)| routine)
}

fn priority_of(row: &RunRow) -> u8 {
    let text = row.attributes.get(PRIORITY);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn share_of(row: &RunRow) -> &str {
    row.attributes.get(SHARE).map_or("", String::as_str)
}

/// Returns when a run began, if it has.
fn start_of(row: &RunRow) -> Option<Timestamp> {
    if row.phase == Phase::Pending || row.parent.is_some() {
        return None;
    }
    let released = row.attributes.get(RELEASED);
    let released = released.and_then(|text| text.parse().ok());
    Some(released.map_or(row.started_at, Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    use super::{Admission, Limit, Queues, Rate};
    use crate::{RunId, Timestamp};

    const ROUTINE: &str = "test/trial";

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn run(number: u128) -> RunId {
        RunId::from_parts(at(1), number)
    }

    fn queues(limit: Limit) -> Queues {
        Queues::new([(ROUTINE.to_owned(), limit)].into())
    }

    #[test]
    fn shares_take_turns_and_priority_comes_first() {
        let queues = queues(Limit::concurrency(1));
        assert_eq!(
            queues.admit(ROUTINE, run(0), at(0)).ok(),
            Some(Admission::Begins)
        );
        for (number, priority, share) in [
            (1, 0, "busy"),
            (2, 0, "busy"),
            (3, 0, "busy"),
            (4, 0, "quiet"),
            (5, 9, "busy"),
        ] {
            assert_eq!(
                queues.admit(ROUTINE, run(number), at(0)).ok(),
                Some(Admission::Waits)
            );
            queues.enter(ROUTINE, run(number), priority, share);
        }
        let mut order = Vec::new();
        let mut last = 0;
        while queues.waiting(ROUTINE) > 0 {
            queues.note_end("test/trial@1.0.0", run(last));
            let (taken, _) = queues.take(at(0));
            assert_eq!(taken.len(), 1, "one place, one run");
            last = (1..=5).find(|n| run(*n) == taken[0]).expect("one of them");
            order.push(last);
        }
        assert_eq!(order, [5, 1, 4, 2, 3]);
    }

    #[test]
    fn a_rate_lets_so_many_begin_in_any_span() {
        let queues = queues(Limit {
            rate: Some(Rate {
                runs: 2,
                per_ms: 100,
            }),
            ..Limit::rate(0, 0)
        });
        assert_eq!(
            queues.admit(ROUTINE, run(0), at(0)).ok(),
            Some(Admission::Begins)
        );
        assert_eq!(
            queues.admit(ROUTINE, run(1), at(50)).ok(),
            Some(Admission::Begins)
        );
        assert_eq!(
            queues.admit(ROUTINE, run(2), at(60)).ok(),
            Some(Admission::Waits)
        );
        queues.enter(ROUTINE, run(2), 0, "");
        queues.enter(ROUTINE, run(3), 0, "");
        assert_eq!(queues.take(at(99)), (vec![], Some(at(100))));
        assert_eq!(queues.take(at(100)), (vec![run(2)], Some(at(150))));
    }

    #[test]
    fn a_full_queue_says_so() {
        let queues = queues(Limit {
            queued_max: 1,
            ..Limit::concurrency(0)
        });
        assert_eq!(
            queues.admit(ROUTINE, run(0), at(0)).ok(),
            Some(Admission::Waits)
        );
        queues.enter(ROUTINE, run(0), 0, "");
        assert!(queues.admit(ROUTINE, run(1), at(0)).is_err());
    }
}
