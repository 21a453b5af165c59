//! A run on the screen: `layercake.run/1` and its words.

mod failure;
mod fold;
mod words;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use fold::{CostFold, kind_name, parent_of, phase_name, view};
pub(crate) use words::{paint, task_words};

/// The name of the document.
pub(crate) const RUN_SCHEMA: &str = "layercake.run/1";

/// `layercake.run/1`: one run with everything below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunView {
    /// `layercake.run/1`.
    pub(crate) schema: String,
    /// The id.
    pub(crate) run: String,
    /// `routine` or `agent`.
    pub(crate) kind: String,
    /// `namespace/name@version`, or the agent's name.
    pub(crate) name: String,
    /// The standard's phase.
    pub(crate) status: String,
    /// The input.
    pub(crate) input: Value,
    /// The output of a completed run.
    pub(crate) output: Value,
    /// The problem of a faulted run, in the standard's form.
    pub(crate) error: Value,
    /// The run that asked for it.
    pub(crate) parent: Option<String>,
    /// When it was asked for, RFC 3339.
    pub(crate) started_at: String,
    /// When it ended, RFC 3339.
    pub(crate) ended_at: Option<String>,
    /// Billable calls of models, of this run and of those below it.
    pub(crate) model_calls: u64,
    /// Calls of tools and functions that are not models.
    pub(crate) tool_calls: u64,
    /// What it cost.
    pub(crate) cost: CostView,
    /// What it waits for.
    pub(crate) waiting_for: Vec<WaitView>,
    /// The tasks of this run, in the order of their beginning.
    pub(crate) tasks: Vec<TaskView>,
    /// The runs below it, in the order of their beginning.
    pub(crate) runs: Vec<ChildView>,
    /// Whether it ought to be at work and no process moves it.
    #[serde(default)]
    pub(crate) interrupted: bool,
    /// Why it does not advance although nothing is missing.
    #[serde(default)]
    pub(crate) trouble: Option<String>,
    /// Why a faulted run failed, and where that is recorded.
    #[serde(default)]
    pub(crate) failure: Option<FailureView>,
}

/// Why a run failed: one sentence, and the record that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailureView {
    /// The run in which it happened: the shown one, or one below it.
    pub(crate) run: String,
    /// The task.
    pub(crate) task: String,
    /// The record.
    pub(crate) record: u64,
    /// What happened.
    pub(crate) sentence: String,
}

/// What something cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CostView {
    /// The known amount in US dollars, a decimal.
    pub(crate) usd: Decimal,
    /// Whether every price was known; when not, the amount is a lower bound.
    pub(crate) exact: bool,
    /// All tokens.
    pub(crate) tokens: u64,
    /// The same by cause, the largest first.
    pub(crate) by_cause: Vec<CauseView>,
}

/// What was spent for one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CauseView {
    /// The cause, for instance `productive`.
    pub(crate) cause: String,
    /// The known amount in US dollars.
    pub(crate) usd: Decimal,
    /// How many billable calls.
    pub(crate) calls: u64,
    /// All tokens.
    pub(crate) tokens: u64,
}

/// Something that a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WaitView {
    /// `approval`, `timer`, `run` or `call`; of an agent that was put aside `budget`,
    /// `model-failed` or `interrupted`.
    pub(crate) kind: String,
    /// The effect's id; for an approval the id of the question.
    pub(crate) id: String,
    /// The run that waits; not always the one shown.
    pub(crate) run: String,
    /// The task that waits.
    pub(crate) task: String,
    /// The question, or what is waited for.
    pub(crate) title: String,
    /// When it is over or lapses, RFC 3339.
    pub(crate) due: Option<String>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskView {
    /// The stable key.
    pub(crate) task: String,
    /// `running`, `completed`, `faulted`, `skipped` or `cancelled`.
    pub(crate) status: String,
    /// The function that it calls, empty for the others.
    pub(crate) call: String,
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// When it began, RFC 3339.
    pub(crate) started_at: String,
    /// Milliseconds from its beginning to its end, or to the last record about it.
    pub(crate) duration_ms: u64,
    /// Why it failed, or failed before it was tried again.
    pub(crate) error: Value,
    /// Records about it: the first and the last.
    pub(crate) records: (u64, u64),
    /// What it cost.
    pub(crate) usd: Decimal,
}

/// A run below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChildView {
    /// The id.
    pub(crate) run: String,
    /// The run that asked for it.
    pub(crate) parent: Option<String>,
    /// `routine` or `agent`.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// Its phase.
    pub(crate) status: String,
    /// The task in the parent that asked for it.
    pub(crate) task: String,
}
