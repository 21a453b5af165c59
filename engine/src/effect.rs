//! What a run wants from outside, and what came back.

mod secret;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, EffectId, IdempotencyKey, Problem, RunId, TaskKey, Timestamp};

pub use secret::{MissingSecret, SecretUse};
pub(crate) use secret::{mark, names_in};

/// One thing that a run wants from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The effect's name; derived, so that asking twice is asking once.
    pub id: EffectId,
    /// The run that asks.
    pub run: RunId,
    /// The task that asks.
    pub task: TaskKey,
    /// The attempt of the task, from 1.
    pub attempt: u32,
    /// What the outside may use to apply it once.
    pub idempotency_key: IdempotencyKey,
    /// When the effect was asked for.
    pub asked_at: Timestamp,
    /// When the task's time limit passes, if it has one.
    pub deadline: Option<Timestamp>,
    /// What is wanted.
    pub request: EffectRequest,
}

impl Effect {
    /// Makes the question that a person is asked when nobody can say whether the effect
    /// happened. Yes means: perform it again.
    pub fn doubt(&self, explanation: &str) -> Approval {
        let (what, arguments) = match &self.request {
            EffectRequest::Call(call) => (call.function.as_str(), call.arguments.clone()),
            EffectRequest::Run { routine, input, .. } => (routine.as_str(), input.clone()),
            EffectRequest::Timer { .. } => ("wait", Value::Null),
            EffectRequest::Approval(approval) => ("approval", approval.shown.clone()),
        };
        let shown = serde_json::json!({
            "effect": self.id.to_string(),
            "task": self.task.as_str(),
            "call": what,
            "with": arguments,
            "known": explanation,
        });
        Approval {
            title: format!("`{what}` may or may not have happened; perform it again?"),
            shown_hash: Digest::of_value(&shown),
            shown,
            expires_at: None,
            reviewers: Reviewers::default(),
            lapses_to: None,
        }
    }
}

/// What an effect wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EffectRequest {
    /// A function of the catalog, or `http`, through the [`crate::Executor`].
    Call(Call),
    /// Nothing but time; settled by the driver.
    Timer {
        /// When it is over.
        due: Timestamp,
    },
    /// A person's decision; settled through the inbox.
    Approval(Approval),
    /// A run of another routine; settled when that run ends.
    Run {
        /// The derived id of the child.
        child: RunId,
        /// What the child runs: `namespace/name@version`; the version may be `latest`.
        routine: String,
        /// The child's input.
        input: Value,
        /// Whether the parent waits for its end.
        wait: bool,
    },
}

/// A call of a function by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The function's name, for instance `http`, `decide`, `files-list`.
    pub function: String,
    /// Its version; empty for the standard's own calls.
    pub version: String,
    /// The evaluated arguments.
    pub arguments: Value,
    /// What a crash in the middle means.
    pub class: EffectClass,
    /// Where in the arguments secrets are meant; see [`Effect::revealed`].
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
}

/// What repeating an effect means, and so what happens to it after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectClass {
    /// Computes; repeating changes nothing.
    Pure,
    /// Reads; repeating may give another answer.
    Read,
    /// Repeating with the same key is applied once.
    Idempotent,
    /// Its result can be looked up afterwards.
    Verifiable,
    /// It can be undone.
    Compensable,
    /// It can be taken up again by its handle.
    Resumable,
    /// None of these: after a crash, only a person can say.
    #[default]
    Unsafe,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// One line.
    pub title: String,
    /// What the person decides on.
    pub shown: Value,
    /// The hash of what is shown; the decision names it.
    pub shown_hash: Digest,
    /// When the question lapses, if it does.
    pub expires_at: Option<Timestamp>,
    /// Who decides.
    #[serde(default)]
    pub reviewers: Reviewers,
    /// What a question that lapses counts as; by default the task fails.
    #[serde(default)]
    pub lapses_to: Option<Verdict>,
}

/// Who decides on an approval. The run machine refuses the decisions of everybody else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reviewers {
    /// People who may decide, by name.
    pub names: Vec<String>,
    /// Roles whose holders may decide. Without names and roles, anybody may.
    pub roles: Vec<String>,
    /// Who may not, whatever else holds: whoever asked for the run, where four eyes are wanted.
    pub not: Vec<String>,
    /// How many different people must approve; one rejection is enough. Zero counts as one.
    pub approvals: u32,
}

impl Reviewers {
    /// Says why a person may not decide; `None` when the person may.
    pub fn objection(&self, decision: &Decision) -> Option<&'static str> {
        if self.not.contains(&decision.by) {
            return Some("whoever asked for the run may not decide");
        }
        let anybody = self.names.is_empty() && self.roles.is_empty();
        let is_meant = self.names.contains(&decision.by)
            || decision.roles.iter().any(|role| self.roles.contains(role));
        (!anybody && !is_meant).then_some("somebody else is asked to decide")
    }

    /// Returns how many different people must approve.
    pub fn approvals_needed(&self) -> usize {
        self.approvals.max(1) as usize
    }
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in the person's words.
    pub comment: Option<String>,
    /// What was shown, as the person changed it.
    pub edited: Option<Value>,
    /// The hash of what the person saw.
    pub shown_hash: Digest,
    /// The roles of that person, as whoever took in the decision vouches for them.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// What came back from an effect. Failed work is an outcome, not an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The result, or the problem.
    pub result: Result<Value, Problem>,
    /// Hashes of what was read to get it, beyond the effect's own arguments.
    pub reads: Vec<Digest>,
    /// What was spent, one entry for each billable attempt.
    pub costs: Vec<CostEntry>,
    /// Versions of what answered: `tool`, `model` (as reported), …
    pub versions: BTreeMap<String, String>,
    /// Everything an operator may want to see of it later: full requests and replies.
    pub evidence: Option<Value>,
}

impl Outcome {
    /// Makes an outcome that succeeded and cost nothing.
    pub fn completed(output: Value) -> Self {
        Self::of(Ok(output))
    }

    /// Makes an outcome that failed and cost nothing.
    pub fn failed(problem: Problem) -> Self {
        Self::of(Err(problem))
    }

    fn of(result: Result<Value, Problem>) -> Self {
        Self {
            result,
            reads: Vec::new(),
            costs: Vec::new(),
            versions: BTreeMap::new(),
            evidence: None,
        }
    }
}

/// What one billable attempt cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostEntry {
    /// The amount in US dollars; `None` when the price is unknown, which is not zero.
    pub usd: Option<Decimal>,
    /// What it was spent for.
    pub cause: CostCause,
    /// The model, as reported.
    pub model: String,
    /// Tokens by class; the classes add up to the whole.
    pub tokens: BTreeMap<String, u64>,
}

/// What money was spent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostCause {
    /// The work itself.
    Productive,
    /// A failed attempt that was made again.
    Retry,
    /// Another model, because the first failed.
    Fallback,
    /// Shrinking a context window.
    Compaction,
    /// Writing to or reading from memory.
    Memory,
    /// Checking an answer.
    Evaluator,
    /// Planning or routing.
    Planner,
    /// Work done again after a person said no.
    ApprovalRedo,
    /// Live calls of a replay or a fork.
    ReplayLive,
    /// Work that was thrown away.
    Abandoned,
}
