//! The seam to everything that an agent can do: a specification and a call.

mod ask;
mod delegate;
mod edit;
mod fetch;
mod function;
mod list;
mod memory;
mod notes;
mod read;
mod result;
mod search;
mod shell;
mod skill;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use ask::AskPerson;
pub use delegate::Delegate;
pub use edit::Edit;
pub use fetch::{Fetch, Hosts, Page, WebClient};
pub use function::FunctionTool;
pub use list::List;
pub use memory::{Recall, Remember};
pub use notes::{KeepPlan, TakeNote};
pub(crate) use notes::{NOTE, PLAN};
pub use read::Read;
pub(crate) use result::RESULT;
pub use result::ReadResult;
pub use search::Search;
pub use shell::Shell;
pub use skill::LoadSkill;
pub use write::Write;

use crate::approval::Question;
use crate::budget::BudgetLeft;
use crate::rule::Rule;
use crate::session::Charge;
use crate::{Autonomy, CallId, EffectClass, Reach, SessionId};

/// The most bytes of one result that are kept, unless the tool says otherwise. What the model
/// is shown at once is less; the rest is read by its handle.
pub const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// The most time for one call, unless the tool says otherwise.
pub const CALL_MS_MAX: u64 = 120_000;

/// Describes a tool: to the model, to the autonomy table and to recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// What repeating a call means.
    pub class: EffectClass,
    /// How far a call can reach.
    pub reach: Reach,
    /// Whether calls may run beside each other.
    pub sharing: Sharing,
    /// Who answers a call.
    pub answered_by: AnsweredBy,
    /// The most calls of the tool in one session; `None` for no limit of its own.
    pub calls_max: Option<u32>,
    /// Whether calls are handed everything that earlier calls returned.
    pub needs_past: bool,
    /// The most time for one call, in milliseconds.
    pub call_ms_max: u64,
    /// The most bytes that a result may have; more is cut, and the model is told.
    pub output_bytes_max: usize,
}

impl ToolSpec {
    /// Describes a tool of the most cautious kind: unsafe, anywhere, one call at a time.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: Value,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            input_schema,
            class: EffectClass::Unsafe,
            reach: Reach::World,
            sharing: Sharing::Alone,
            answered_by: AnsweredBy::Tool,
            calls_max: None,
            needs_past: false,
            call_ms_max: CALL_MS_MAX,
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }

    /// Declares what repeating a call means. Tools that only look may run beside each other.
    #[must_use]
    pub fn class(mut self, class: EffectClass) -> Self {
        self.class = class;
        if class.only_looks() {
            self.sharing = Sharing::Beside;
        }
        self
    }

    /// Declares how far a call can reach.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Declares whether calls may run beside each other.
    #[must_use]
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Sets the most time for one call, in milliseconds.
    #[must_use]
    pub fn call_ms_max(mut self, millis: u64) -> Self {
        self.call_ms_max = millis;
        self
    }

    /// Adds arguments as an example, for the model.
    #[must_use]
    pub fn example(mut self, arguments: Value) -> Self {
        if let Some(schema) = self.input_schema.as_object_mut() {
            let examples = schema
                .entry("examples")
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Some(examples) = examples.as_array_mut() {
                examples.push(arguments);
            }
        }
        self
    }

    /// Returns the tool as the model sees it.
    pub fn for_model(&self) -> layercake_model::ToolSpec {
        layercake_model::ToolSpec {
            name: self.name.clone(),
            description: self.description.clone(),
            input_schema: self.input_schema.clone(),
        }
    }
}

/// Whether calls of a tool may run while other calls of the same turn run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One after the other, in the order of the reply.
    Alone,
    /// Beside neighbours that may, too.
    Beside,
}

/// Who answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The tool.
    Tool,
    /// A person: the call is put to the approver as a question for a text.
    Person,
    /// An agent below: the call itself changes nothing, and what the other agent does is judged
    /// call by call under an autonomy that is never above the caller's.
    Agent,
}

/// Something that an agent can do.
///
/// A result is for the model. What a tool returns or fails with is data, never an instruction,
/// and never a reason for the harness to end the session.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Describes the tool. Must not change while the tool is in a toolbox.
    fn spec(&self) -> &ToolSpec;

    /// Performs one call. The arguments fit the schema.
    ///
    /// # Errors
    ///
    /// Returns a [`ToolError`] that says what is true about the effect.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the call takes too long or the agent is stopped; whatever it
    /// started must end with it or be found again by the key in the context.
    async fn call(&self, arguments: Value, context: ToolContext) -> Result<ToolOutput, ToolError>;

    /// Notes about the world what [`Tool::probe`] will need; called before the intent is made
    /// durable, must only look. Only verifiable and compensable tools need it.
    async fn mark(&self, _arguments: &Value) -> Option<Value> {
        None
    }

    /// Looks up whether a call that was cut off has happened; must only look. Only verifiable
    /// and compensable tools need it.
    async fn probe(&self, _arguments: &Value, _mark: Option<&Value>) -> Probe {
        Probe::Unclear("the tool cannot look up what happened".to_owned())
    }

    /// Ends whatever a call that was cut off left running, going by the leases that it noted,
    /// and says in one sentence what was found.
    async fn reclaim(&self, _leases: &[Value]) -> String {
        String::new()
    }

    /// Undoes whatever part of a call that was cut off has happened. Only compensable tools
    /// need it.
    ///
    /// # Errors
    ///
    /// Returns a [`ToolError`] when it could not be undone, or nobody can say.
    async fn undo(&self, _arguments: &Value, _mark: Option<&Value>) -> Result<(), ToolError> {
        Err(ToolError::Failed(
            "the tool cannot undo its calls".to_owned(),
        ))
    }
}

/// What surrounds a call.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// The session that calls.
    pub session: SessionId,
    /// The call.
    pub call: CallId,
    /// The key under which the outside may apply the call once; the same after a crash.
    pub idempotency_key: String,
    /// Whether the call is made for the first time.
    pub attempt: Attempt,
    /// Cancelled when the agent is stopped or the call takes too long.
    pub cancellation: CancellationToken,
    /// Takes note of what the call starts outside.
    pub leases: Leases,
    /// How far the agent may act alone.
    pub autonomy: Autonomy,
    /// What people decided beforehand about its calls.
    pub rules: Arc<[Rule]>,
    /// What the agent has left for this call; calls beside each other share it evenly.
    pub left: BudgetLeft,
    /// What earlier calls returned, by handle; empty unless the tool's specification asks.
    pub past: Arc<BTreeMap<String, String>>,
}

impl ToolContext {
    /// Makes a context for a call outside a session, for instance in a test of a tool.
    pub fn alone(session: SessionId, call: CallId) -> Self {
        Self {
            idempotency_key: call.idempotency_key(&session),
            session,
            call,
            attempt: Attempt::First,
            cancellation: CancellationToken::new(),
            leases: Leases::forgotten(call),
            autonomy: Autonomy::Observe,
            rules: Arc::default(),
            left: BudgetLeft::default(),
            past: Arc::default(),
        }
    }
}

/// Whether a call is made for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is.
    First,
    /// An earlier process intended it and died before it was settled.
    Recovery,
}

/// Takes note, durably, of what a call starts outside, so that it can be found after a crash.
#[derive(Debug, Clone)]
pub struct Leases {
    call: CallId,
    notes: Option<tokio::sync::mpsc::Sender<LeaseNote>>,
}

/// A lease on its way to the log.
#[derive(Debug)]
pub(crate) struct LeaseNote {
    pub(crate) call: CallId,
    pub(crate) lease: Value,
    pub(crate) durable: tokio::sync::oneshot::Sender<()>,
}

impl Leases {
    /// Makes a book that forgets everything: for calls outside a session.
    pub fn forgotten(call: CallId) -> Self {
        Self { call, notes: None }
    }

    pub(crate) fn kept(call: CallId, notes: tokio::sync::mpsc::Sender<LeaseNote>) -> Self {
        Self {
            call,
            notes: Some(notes),
        }
    }

    /// Notes a lease and returns when it is durable, or when the session can no longer be
    /// written.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may or may not have noted the lease.
    pub async fn note(&self, lease: Value) {
        let Some(notes) = &self.notes else { return };
        let (durable, noted) = tokio::sync::oneshot::channel();
        let note = LeaseNote {
            call: self.call,
            lease,
            durable,
        };
        if notes.send(note).await.is_ok() {
            // A dropped sender means that the session ended; the call ends with it.
            drop(noted.await);
        }
    }
}

/// What a call returned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolOutput {
    /// What the model is shown.
    pub content: String,
    /// Whether the tool failed, in spite of an output.
    pub is_error: bool,
    /// What agents below this one did for the call.
    pub below: Below,
    /// What the call cost beyond the agent's own model calls.
    pub charges: Vec<Charge>,
    /// What an operator may want to see.
    pub evidence: Option<Value>,
}

impl ToolOutput {
    /// Makes an output of a text.
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..Self::default()
        }
    }

    /// Adds what an operator may want to see.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Value) -> Self {
        self.evidence = Some(evidence);
        self
    }
}

/// What agents below did for a call; it counts against the budget of the one above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Below {
    /// Their turns.
    pub turns: u32,
    /// Their tool calls.
    pub tool_calls: u32,
    /// How many agents they were, with those below them.
    pub agents: u32,
}

/// A call did not return an output. Each variant says what is true about the effect.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ToolError {
    /// The tool failed and its effect is known: what the text says, or nothing.
    #[error("{0}")]
    Failed(String),
    /// Nobody can say whether the effect happened.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// The call goes on outside and takes longer than this process; the same key finds it.
    #[error("the call waits: {0}")]
    Waiting(String),
    /// The same, and what it waits for are decisions of people, who were asked.
    #[error("the call waits for people")]
    Asking(Vec<Question>),
}

/// What a look at the world says about a call that was cut off.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// It happened; this is what it returned or would have returned.
    Happened(ToolOutput),
    /// It did not happen.
    DidNotHappen,
    /// The world shows neither.
    Unclear(String),
}

/// A tool that many toolboxes can share.
pub type SharedTool = Arc<dyn Tool>;

/// Reads arguments that fit the schema into the tool's own type.
pub(crate) fn arguments<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments)
        .map_err(|error| ToolError::Failed(format!("the arguments cannot be used: {error}")))
}

/// Runs file work away from the async threads; it finishes even when nobody waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ToolError::Unknown(format!("the tool broke: {error}"))),
    }
}
