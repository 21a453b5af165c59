//! One entry of a run's log: the envelope that replay, fork, diff, cost and audit are
//! functions of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effect::{CostEntry, Decision, Effect};
use crate::{Digest, EffectId, Problem, RunId, TaskKey, Timestamp};

/// The format of the records that this version writes.
pub const RECORD_FORMAT: u16 = 1;

/// The position of a record in the log of its run, from 1, without gaps.
pub type Sequence = u64;

/// One entry of the log of a run, of a routine or of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The format that it was written in.
    pub format: u16,
    /// The run that it belongs to.
    pub run: RunId,
    /// Its position in the run's log, from 1.
    pub seq: Sequence,
    /// When it was written.
    pub at: Timestamp,
    /// The task that it is about; the root key when it is about the run.
    pub task: TaskKey,
    /// The attempt of the task, from 1.
    pub attempt: u32,
    /// What happened.
    pub kind: RecordKind,
    /// Hashes of everything that the step read: input, context, variables, arguments.
    pub reads: Vec<Digest>,
    /// The records of this run that led to it.
    pub caused_by: Vec<Sequence>,
    /// The hash of what the step produced.
    pub output: Option<Digest>,
    /// The digest of the definition that the run is pinned to.
    pub definition: Digest,
    /// Versions of what took part: `engine`, `tool`, `model` (as reported).
    pub versions: BTreeMap<String, String>,
    /// Who did it.
    pub actor: Actor,
    /// What it cost, one entry for each billable attempt, each with its cause.
    pub costs: Vec<CostEntry>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The engine, by its definition.
    Engine,
    /// An agent, by name.
    Agent(String),
    /// A person, by name.
    Person(String),
    /// A tool or a function, by name.
    Tool(String),
}

/// A value in a record: small ones stand there, large ones are stored once by their hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// The value itself.
    Inline(Value),
    /// The value is in the payload table.
    Stored {
        /// Its hash.
        digest: Digest,
        /// The length of its canonical text, in bytes.
        size_bytes: u64,
    },
}

impl Payload {
    /// Returns the value, when it stands here.
    pub fn inline(&self) -> Option<&Value> {
        match self {
            Self::Inline(value) => Some(value),
            Self::Stored { .. } => None,
        }
    }

    /// Returns the hash of the value.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Inline(value) => Digest::of_value(value),
            Self::Stored { digest, .. } => *digest,
        }
    }

    /// Says whether both stand for the same value, wherever it is kept.
    pub fn is_same_value(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(a), Self::Inline(b)) => a == b,
            _ => self.digest() == other.digest(),
        }
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::Inline(value)
    }
}

/// What happened.
///
/// *Inputs* come from outside and cannot be computed; everything else is *derived*: the run
/// machine computes it again from the inputs before it, and replay compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// Input: the run was asked for.
    RunStarted(RunStart),
    /// Input: an effect came back.
    EffectFinished {
        /// The effect.
        effect: EffectId,
        /// What came back.
        result: Result<Payload, Problem>,
        /// Full requests and replies, for the operator.
        evidence: Option<Payload>,
    },
    /// Input: after a crash nobody can say whether the effect happened.
    EffectUnknown {
        /// The effect.
        effect: EffectId,
        /// What is known.
        explanation: String,
    },
    /// Input: it is this late now; everything due at or before the record's time is over:
    /// waits, delays before a retry, time limits, questions that lapse.
    TimePassed,
    /// Input: a person decided.
    Decided {
        /// The effect that asked.
        effect: EffectId,
        /// The decision.
        decision: Decision,
    },
    /// Input: something was sent to the run.
    Signalled {
        /// The signal's type.
        signal: String,
        /// Its data.
        data: Payload,
    },
    /// Input: somebody asked the run to stop for good.
    CancelRequested,
    /// Input: somebody asked the run to stop for good, and to undo first what can be undone.
    UndoRequested,
    /// Input: somebody asked a failed run to go on with the task that failed.
    RetryRequested,
    /// Input: somebody moved the run to another version of its routine; from here on its
    /// records name that one.
    Migrated {
        /// The digest of the definition so far.
        from: Digest,
        /// The digest of the definition from now on.
        to: Digest,
    },
    /// Input: somebody asked the run to pause.
    SuspendRequested,
    /// Input: somebody asked the run to go on.
    ResumeRequested,
    /// Derived: a task began.
    TaskStarted,
    /// Derived: a task was skipped because its `if` did not hold.
    TaskSkipped,
    /// Derived: an effect is wanted; durable before the effect happens.
    EffectIntended(Box<Effect>),
    /// Derived: an effect is no longer wanted: its task ran out of time or was cancelled.
    EffectAbandoned {
        /// The effect.
        effect: EffectId,
    },
    /// Derived: a task ended.
    TaskFinished,
    /// Derived: a task was given up: its run was cancelled, something around it ran out of
    /// time or ended, or another branch won.
    TaskCancelled,
    /// Derived: a task failed.
    TaskFaulted {
        /// Why.
        problem: Problem,
    },
    /// Derived: a failed task will be tried again.
    TaskRetried {
        /// Why it had failed.
        problem: Problem,
        /// How many attempts have failed by now.
        failed: u32,
        /// When it is tried again.
        due: Timestamp,
    },
    /// Derived: the run's phase changed without an end.
    PhaseChanged {
        /// The new phase.
        phase: Phase,
    },
    /// Derived: the run ended.
    RunFinished {
        /// How: `completed`, `faulted` or `cancelled`.
        phase: Phase,
        /// The output of a completed run.
        output: Option<Payload>,
        /// The problem of a faulted run.
        problem: Option<Problem>,
    },
    /// One event of an agent's session, in the harness's words.
    Session {
        /// The event's name, for instance `model-settled`.
        event: String,
        /// The event.
        body: Payload,
    },
}

/// What a run was started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStart {
    /// The kind of run.
    pub run_kind: RunKind,
    /// What runs: `namespace/name@version` of a routine, or the name of an agent profile.
    pub name: String,
    /// The input.
    pub input: Payload,
    /// The run that asked for this one, and the task in it.
    pub parent: Option<(RunId, TaskKey)>,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// Who asked for the run.
    pub by: Actor,
}

/// What kind of thing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// A routine, executed by the engine.
    Routine,
    /// An agent, kept by the harness.
    Agent,
}

/// The phase of a run, in the standard's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Asked for, not begun.
    Pending,
    /// At work.
    Running,
    /// Waiting for time, a person or an event.
    Waiting,
    /// Paused by somebody.
    Suspended,
    /// Stopped for good by somebody.
    Cancelled,
    /// Ended with a problem.
    Faulted,
    /// Ended with an output.
    Completed,
}

impl RecordKind {
    /// Returns the hashes of the payloads that the record refers to instead of holding them.
    pub(crate) fn stored_payloads(&self) -> Vec<Digest> {
        let mut found = Vec::new();
        let mut see = |payload: &Payload| {
            if let Payload::Stored { digest, .. } = payload {
                found.push(*digest);
            }
        };
        match self {
            Self::RunStarted(start) => see(&start.input),
            Self::EffectFinished {
                result, evidence, ..
            } => {
                result.iter().for_each(&mut see);
                evidence.iter().for_each(&mut see);
            }
            Self::Signalled { data, .. } => see(data),
            Self::Session { body, .. } => see(body),
            Self::RunFinished { output, .. } => output.iter().for_each(&mut see),
            _ => {}
        }
        found
    }

    /// Says whether it came from outside and cannot be computed.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::RunStarted(_)
                | Self::EffectFinished { .. }
                | Self::EffectUnknown { .. }
                | Self::TimePassed
                | Self::Decided { .. }
                | Self::Signalled { .. }
                | Self::CancelRequested
                | Self::UndoRequested
                | Self::RetryRequested
                | Self::Migrated { .. }
                | Self::SuspendRequested
                | Self::ResumeRequested
                | Self::Session { .. }
        )
    }
}

impl Phase {
    /// Says whether nothing can happen to the run any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Faulted | Self::Completed)
    }
}
