//! What terminals say to the process that has the store open: one JSON document a line.

use std::path::PathBuf;

use layercake_engine::{EffectId, Record, RunId, RunTree, Sequence, Verdict};
use layercake_harness::Autonomy;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{CommandError, codes};
use crate::report::inbox::InboxView;
use crate::report::list::ListView;
use crate::report::run::RunView;

/// The version of this conversation; both sides must have the same.
pub(crate) const PROTOCOL: u32 = 1;

/// The first line of both sides.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The version of the conversation.
    pub(crate) protocol: u32,
    /// The process, for messages.
    pub(crate) pid: u32,
}

impl Hello {
    /// Makes the greeting of this process.
    pub(crate) fn own() -> Self {
        Self {
            protocol: PROTOCOL,
            pid: std::process::id(),
        }
    }
}

/// What a terminal wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// All runs, the newest first.
    Runs {
        /// Only runs in this status.
        status: Option<String>,
        /// Runs that other runs started, too.
        all: bool,
        /// The most runs.
        limit: usize,
    },
    /// One run with everything below it.
    View {
        /// The run.
        run: RunId,
    },
    /// Records of a run from a number on.
    Records {
        /// The run.
        run: RunId,
        /// The first number.
        from: Sequence,
    },
    /// The open questions.
    Inbox,
    /// An answer to a question.
    Decide(Deciding),
    /// A new run of a routine, or the run that has the key.
    Start(Box<Starting>),
    /// A new run of an agent, or the run that has the key.
    StartAgent(Box<AgentStarting>),
    /// Work on a run until it ends or waits, as far as this process does not do so already.
    Resume {
        /// The run.
        run: RunId,
    },
    /// The end of a run.
    Cancel {
        /// The run.
        run: RunId,
        /// Who wants it.
        by: String,
    },
    /// A pause of a run.
    Suspend {
        /// The run.
        run: RunId,
        /// Who wants it.
        by: String,
    },
    /// Something sent to a run.
    Signal(Signalling),
    /// Another try: of a run in trouble the same run, of one that has ended a new run of the
    /// same definition with the same input.
    Retry {
        /// The run.
        run: RunId,
        /// The id of a new run, so that the request can be sent again.
        fresh: RunId,
        /// Who wants it.
        by: String,
    },
    /// A second run that shares the beginning of a first one.
    Fork(Box<Forking>),
    /// A run with everything below it, as records.
    Tree {
        /// The run.
        run: RunId,
    },
    /// A routine that shall be callable by name.
    Publish {
        /// The text of its definition.
        source: String,
        /// Folders with its skills, absolute.
        skills: Vec<PathBuf>,
    },
    /// Facts of the shared context, as the function `recall` takes what is wanted.
    Recall(Value),
    /// A fact for the shared context.
    Remember(Box<Remembering>),
    /// The published routines.
    Routines,
    /// The text of a published routine.
    Routine {
        /// `namespace/name`, with or without `@version`.
        name: String,
    },
    /// The records of a run and of those below it, as they come, until it ends or waits for a
    /// person; answered by [`Reply::Record`]s and then by a view.
    Follow {
        /// The run.
        run: RunId,
        /// Whether the view also comes when the run waits for a person.
        until: Until,
    },
}

/// How long a run is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Until {
    /// Until it has ended.
    End,
    /// Until it has ended or nothing but a person's answer can move it.
    Waiting,
}

/// A second run that shares the beginning of a first one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Forking {
    /// The first run.
    pub(crate) run: RunId,
    /// The id of the new run, so that the request can be sent again.
    pub(crate) fresh: RunId,
    /// Where it lies: the number of a record, or the key of a task.
    pub(crate) at: String,
    /// Another input, when that is the change.
    pub(crate) input: Option<Value>,
    /// Another definition, when that is the change.
    pub(crate) source: Option<String>,
    /// Whether later calls whose request is unchanged are served from the record.
    pub(crate) is_counterfactual: bool,
    /// The most money, in US dollars.
    pub(crate) budget: Option<Decimal>,
    /// Who forks it.
    pub(crate) by: String,
}

/// Something sent to a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signalling {
    /// The run.
    pub(crate) run: RunId,
    /// The type of the event.
    pub(crate) signal: String,
    /// Its data.
    pub(crate) data: Value,
    /// A name of the sender's for it; the same name is taken once.
    pub(crate) id: Option<String>,
    /// Who sends it.
    pub(crate) by: String,
}

/// An answer to a question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deciding {
    /// The question.
    pub(crate) id: EffectId,
    /// Yes or no.
    pub(crate) verdict: Verdict,
    /// Who answers.
    pub(crate) by: String,
    /// Why.
    pub(crate) comment: Option<String>,
    /// What was shown, as the person wants it instead.
    pub(crate) edited: Option<Value>,
    /// The hash of what the person saw.
    pub(crate) shown_hash: layercake_engine::Digest,
}

/// How a routine is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Starting {
    /// The id of the new run, so that the request can be sent again.
    pub(crate) id: RunId,
    /// The text of its definition.
    pub(crate) source: String,
    /// The input.
    pub(crate) input: Value,
    /// Folders with its skills, absolute.
    pub(crate) skills: Vec<PathBuf>,
    /// The idempotency key.
    pub(crate) key: Option<String>,
    /// The most money, in US dollars.
    pub(crate) budget: Option<Decimal>,
    /// Who starts it.
    pub(crate) by: String,
}

/// A fact that somebody outside wants to be remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Remembering {
    /// The fact, as the function `remember` takes it.
    pub(crate) fact: Value,
    /// The program that says so.
    pub(crate) by: String,
    /// The key under which the fact is taken once.
    pub(crate) key: String,
}

/// How an agent is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AgentStarting {
    /// The id of the new run, so that the request can be sent again.
    pub(crate) id: RunId,
    /// The goal.
    pub(crate) goal: String,
    /// What it works on; null for nothing.
    #[serde(default)]
    pub(crate) material: Value,
    /// The alias of the model.
    pub(crate) model: Option<String>,
    /// How far it may act without a person.
    pub(crate) autonomy: Option<Autonomy>,
    /// Folders with skills, absolute.
    pub(crate) skills: Vec<PathBuf>,
    /// The tools that it gets.
    pub(crate) tools: Option<Vec<String>>,
    /// The folder that it works in, absolute.
    pub(crate) cwd: Option<PathBuf>,
    /// The idempotency key.
    pub(crate) key: Option<String>,
    /// The most money, in US dollars.
    pub(crate) budget: Option<Decimal>,
    /// Who starts it.
    pub(crate) by: String,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// The answer; the last line of a request.
    Answer(Box<Answer>),
    /// It cannot be done; the last line of a request.
    Failed(Failure),
    /// A record of a followed run.
    Record(Box<Record>),
}

/// The answer to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// To [`Request::Runs`].
    Runs(ListView),
    /// To [`Request::View`] and [`Request::Follow`].
    View(Box<RunView>),
    /// To [`Request::Records`].
    Records(Vec<Record>),
    /// To [`Request::Tree`].
    Tree(Box<RunTree>),
    /// To [`Request::Inbox`].
    Inbox(InboxView),
    /// To both kinds of start and to [`Request::Retry`]: the run, new or found.
    Started(RunId),
    /// To [`Request::Publish`]: `namespace/name@version`.
    Published(String),
    /// To [`Request::Routines`]: name, digest, moment.
    Routines(Vec<RoutineView>),
    /// To [`Request::Recall`] and [`Request::Remember`]: what the functions return.
    Facts(Value),
    /// To [`Request::Routine`]: the text.
    Routine(String),
    /// It is done.
    Done,
}

/// A published routine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RoutineView {
    /// `namespace/name@version`.
    pub(crate) name: String,
    /// The name of the tool that agents call it by.
    pub(crate) tool: String,
    /// One line.
    pub(crate) title: String,
    /// The digest of its definition.
    pub(crate) digest: String,
    /// When it was published, RFC 3339.
    pub(crate) published_at: String,
}

/// An error on its way to another process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    code: String,
    happened: String,
    why: Option<String>,
    next: Vec<String>,
    exhibit: Option<String>,
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self {
            code: error.code.id.to_owned(),
            happened: error.happened,
            why: error.why,
            next: error.next,
            exhibit: error.exhibit,
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self {
            code: codes::find(&failure.code).unwrap_or(codes::INTERNAL),
            happened: failure.happened,
            why: failure.why,
            next: failure.next,
            exhibit: failure.exhibit,
        }
    }
}
