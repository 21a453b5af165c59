//! What differs between two runs, where that began, and why: pure functions of their records.
//!
//! Nothing is guessed from similar texts. Every record says what it read and what it produced,
//! so the *origin* of a difference is a step that read the same in both runs and still gave
//! something else; everything that follows from it is *downstream*. The cause is one of a closed
//! list, and no model is asked.

mod align;
mod cause;
mod explain;
mod judge;
mod own;
mod routine;
mod section;
mod step;
mod text;
mod values;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use judge::compare;
pub use step::{Ending, ReadSession, Step, StepKind};
pub use text::{Word, words};
pub use values::{ValueChange, ValueDiff, value_diff};

use crate::{RunId, Sequence};

/// What two runs are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing differs but what always does: times, ids, retries that came to the same.
    Same,
    /// Something differs, and the origins say where that began.
    Diverged,
    /// They are not runs of the same thing.
    NotComparable,
}

/// Why two runs differ.
///
/// Source: the closed list of the observability research, section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The run's input.
    Input,
    /// The definition, at a step that was reached.
    Definition,
    /// The version of the engine or of a tool.
    Version,
    /// The model or its parameters.
    Model,
    /// What a model was shown.
    Prompt,
    /// A model answered the same request differently.
    Sampling,
    /// A tool returned something else for the same call.
    Tool,
    /// The order or the moment of things.
    Timing,
    /// A person decided or did something else.
    Human,
    /// A budget or a policy stopped one of them.
    Limit,
}

impl Cause {
    /// All causes, in the order of the list.
    pub const ALL: [Self; 10] = [
        Self::Input,
        Self::Definition,
        Self::Version,
        Self::Model,
        Self::Prompt,
        Self::Sampling,
        Self::Tool,
        Self::Timing,
        Self::Human,
        Self::Limit,
    ];

    /// Returns the cause in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Input => "run input changed",
            Self::Definition => "definition changed",
            Self::Version => "engine or tool version changed",
            Self::Model => "model or its parameters changed",
            Self::Prompt => "prompt changed",
            Self::Sampling => "model sampled differently",
            Self::Tool => "tool returned differently",
            Self::Timing => "timing or race",
            Self::Human => "human decided differently",
            Self::Limit => "budget or policy stopped it",
        }
    }
}

/// A record of one of the compared trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The run.
    pub run: RunId,
    /// The record.
    pub seq: Sequence,
}

/// Where a difference began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Why.
    pub cause: Cause,
    /// The task; behind the tasks of the runs above it, with ` > ` between.
    pub task: String,
    /// The record in the first run, if it has one.
    pub a: Option<Place>,
    /// The record in the second run, if it has one.
    pub b: Option<Place>,
    /// One sentence.
    pub explanation: String,
    /// The value in the first run.
    pub before: Value,
    /// The value in the second run.
    pub after: Value,
}

/// How one step of both runs, or of one of them, compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Nothing differs.
    Equal,
    /// Only times or ids differ.
    Volatile,
    /// It is where a difference began.
    Origin,
    /// It read something else, so it differs.
    Downstream,
    /// Only the first run has it.
    OnlyA,
    /// Only the second run has it.
    OnlyB,
}

/// One aligned step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The task, as in [`Origin::task`].
    pub task: String,
    /// What the step is.
    pub name: String,
    /// How it compares.
    pub label: Label,
    /// The record in the first run.
    pub a: Option<Place>,
    /// The record in the second run.
    pub b: Option<Place>,
}

/// What differs between two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The answer.
    pub verdict: Verdict,
    /// Why they are not comparable, when they are not.
    pub reason: Option<String>,
    /// Where the differences began, in the order of the runs.
    pub origins: Vec<Origin>,
    /// Steps that differ because of them.
    pub downstream: usize,
    /// Failed attempts that one run made and that changed nothing.
    pub absorbed_retries: usize,
    /// Every step.
    pub pairs: Vec<Pair>,
}
