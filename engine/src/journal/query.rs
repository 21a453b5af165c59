//! What can be asked of a journal, and typed readers for each question.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{InboxItem, Journal, JournalError, Publication, RunRow, Snapshot};
use crate::{Digest, EffectId, Phase, RunId, RunKind, Timestamp};

/// Which runs are wanted, newest first. Conditions that are not set hold for all runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// Runs in one of these phases.
    pub phases: BTreeSet<Phase>,
    /// Runs of this kind.
    pub kind: Option<RunKind>,
    /// Runs whose name starts like this.
    pub name_prefix: Option<String>,
    /// Runs whose id starts like this.
    pub id_prefix: Option<String>,
    /// Runs by who asked for them.
    pub parent: Parent,
    /// Runs with all these attributes.
    pub attributes: BTreeMap<String, String>,
    /// Runs that do not advance although nothing is missing.
    pub troubled: bool,
    /// Runs started at this moment or later.
    pub since: Option<Timestamp>,
    /// Runs older than this one: the last of the page before.
    pub before: Option<RunId>,
    /// The most runs that are returned.
    pub limit: usize,
}

/// A condition on who asked for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parent {
    /// Anybody.
    #[default]
    Any,
    /// No other run.
    None,
    /// This run.
    Run(RunId),
}

impl Scan {
    /// Makes a scan over all runs.
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Says whether a run fulfils every condition but the limit.
    pub fn matches(&self, row: &RunRow) -> bool {
        (self.phases.is_empty() || self.phases.contains(&row.phase))
            && self.kind.is_none_or(|kind| row.kind == kind)
            && self
                .name_prefix
                .as_ref()
                .is_none_or(|prefix| row.name.starts_with(prefix.as_str()))
            && self.parent.holds(row)
            && self
                .attributes
                .iter()
                .all(|(name, value)| row.attributes.get(name) == Some(value))
            && (!self.troubled || row.trouble.is_some())
            && self.since.is_none_or(|since| row.started_at >= since)
            && self.ids().is_some_and(|(low, high)| {
                (low..=high).contains(&row.run) && self.before.is_none_or(|b| row.run < b)
            })
    }

    /// Returns the smallest and the largest id that the scan allows; nothing when the id
    /// prefix is not the beginning of an id.
    pub fn ids(&self) -> Option<(RunId, RunId)> {
        let prefix = self.id_prefix.as_deref().unwrap_or("").to_ascii_uppercase();
        let low = format!("{prefix:0<26}").parse().ok()?;
        let high = match prefix.as_str() {
            "" => format!("7{:Z<25}", ""),
            prefix => format!("{prefix:Z<26}"),
        };
        Some((low, high.parse().ok()?))
    }
}

impl Parent {
    fn holds(self, row: &RunRow) -> bool {
        match self {
            Self::Any => true,
            Self::None => row.parent.is_none(),
            Self::Run(run) => row.parent.as_ref().is_some_and(|(id, _)| *id == run),
        }
    }
}

/// A question to a journal. Each is answered by the [`Answer`] of the same name.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// The row of a run.
    Row(RunId),
    /// The run that was started with a key.
    Key(String),
    /// Runs that the engine must take up, in the order of their ids, after the given one.
    Active {
        /// The last run of the page before.
        after: Option<RunId>,
        /// The most runs that are returned.
        limit: usize,
    },
    /// Runs that time alone wakes at or before a moment, earliest first, after the given one.
    Due {
        /// The last entry of the page before.
        after: Option<(Timestamp, RunId)>,
        /// The moment.
        until: Timestamp,
        /// The most that are returned.
        limit: usize,
    },
    /// The newest snapshot of a run.
    Snapshot(RunId),
    /// Whether a run has taken something in.
    Taken {
        /// The run.
        run: RunId,
        /// The mark that it was taken in under.
        mark: Digest,
    },
    /// Open questions, of one run or of all, those of the oldest run first.
    Inbox {
        /// The run, or all.
        run: Option<RunId>,
        /// The most that are returned.
        limit: usize,
    },
    /// One open question.
    InboxItem(EffectId),
    /// A payload.
    Payload(Digest),
    /// The text of a definition.
    Definition(Digest),
    /// Published routines whose name starts like this, by name.
    Routines {
        /// The beginning of `namespace/name@version`.
        prefix: String,
        /// The most that are returned.
        limit: usize,
    },
    /// The store itself.
    Store,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The row, if there is such a run.
    Row(Option<Box<RunRow>>),
    /// The run, if the key was used.
    Key(Option<RunId>),
    /// The runs.
    Active(Vec<RunId>),
    /// The runs, with the moment each is due.
    Due(Vec<(Timestamp, RunId)>),
    /// The snapshot, if there is one.
    Snapshot(Option<Snapshot>),
    /// Whether it has.
    Taken(bool),
    /// The questions.
    Inbox(Vec<InboxItem>),
    /// The question, if it is open.
    InboxItem(Option<Box<InboxItem>>),
    /// The value, if it is stored.
    Payload(Option<Value>),
    /// The text, if it is stored.
    Definition(Option<String>),
    /// The routines.
    Routines(Vec<Publication>),
    /// What is known about the store.
    Store(StoreFacts),
}

/// What is known about a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreFacts {
    /// The format that it is written in.
    pub format: u64,
    /// The epoch of its owner.
    pub epoch: super::Epoch,
    /// How many runs it holds.
    pub runs: u64,
    /// Its size on disk, in bytes; zero in memory.
    pub size_bytes: u64,
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $variant:ident $query:expr;)*) => {
        /// Typed readers for every [`Query`]; they exist for every journal.
        pub trait JournalReads {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// Fails when the storage cannot be read or is damaged.
                fn $name(&self, $($arg: $type),*) -> Result<$answer, JournalError>;
            )*
        }

        impl<J: Journal + ?Sized> JournalReads for J {
            $(
                fn $name(&self, $($arg: $type),*) -> Result<$answer, JournalError> {
                    match self.ask(&$query)? {
                        Answer::$variant(answer) => Ok(answer),
                        other => Err(mismatch(&other)),
                    }
                }
            )*
        }
    };
}

readers! {
    /// Returns the row of a run.
    row(run: RunId) -> Option<Box<RunRow>> = Row Query::Row(run);
    /// Returns the run that was started with a key.
    run_of_key(key: &str) -> Option<RunId> = Key Query::Key(key.to_owned());
    /// Returns runs that the engine must take up.
    active(after: Option<RunId>, limit: usize) -> Vec<RunId> = Active Query::Active { after, limit };
    /// Returns runs that time alone wakes at or before a moment, earliest first.
    due(after: Option<(Timestamp, RunId)>, until: Timestamp, limit: usize) -> Vec<(Timestamp, RunId)> =
        Due Query::Due { after, until, limit };
    /// Returns the newest snapshot of a run.
    snapshot(run: RunId) -> Option<Snapshot> = Snapshot Query::Snapshot(run);
    /// Says whether a run has taken something in under this mark.
    has_taken(run: RunId, mark: Digest) -> bool = Taken Query::Taken { run, mark };
    /// Returns open questions, of one run or of all.
    inbox(run: Option<RunId>, limit: usize) -> Vec<InboxItem> = Inbox Query::Inbox { run, limit };
    /// Returns one open question.
    inbox_item(id: EffectId) -> Option<Box<InboxItem>> = InboxItem Query::InboxItem(id);
    /// Returns a payload by its hash.
    payload(digest: Digest) -> Option<Value> = Payload Query::Payload(digest);
    /// Returns the text of a definition.
    definition(digest: Digest) -> Option<String> = Definition Query::Definition(digest);
    /// Returns published routines by the beginning of their name.
    routines(prefix: &str, limit: usize) -> Vec<Publication> =
        Routines Query::Routines { prefix: prefix.to_owned(), limit };
    /// Returns what is known about the store.
    facts() -> StoreFacts = Store Query::Store;
}

fn mismatch(answer: &Answer) -> JournalError {
    JournalError::Damaged(format!("the journal answered another question: {answer:?}"))
}
