//! The typed tree of a definition: what the reader builds and the run machine walks.
//!
//! It covers every task of the standard. Which of them this version executes is decided by
//! the checks, before a run starts; a definition is never half-run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::Schema;
use super::span::Span;
use crate::EffectClass;
use crate::expression::{Expression, Template};

/// A checked definition of a routine.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Name, version and title.
    pub document: Document,
    /// What happens to the input of the run.
    pub input: Intake,
    /// What happens to its output.
    pub output: Outflow,
    /// The time limit of the whole run.
    pub timeout: Option<Template>,
    /// What tasks refer to by name.
    pub uses: Uses,
    /// The tasks, in order.
    pub tasks: TaskList,
}

/// The head of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version of the standard.
    pub dsl: String,
    /// The name's first half.
    pub namespace: String,
    /// The name's second half.
    pub name: String,
    /// The routine's version.
    pub version: String,
    /// One line for people; may be empty.
    pub title: String,
    /// More for people and models; may be empty.
    pub summary: String,
}

/// How a raw input becomes `$input`.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// The schema of the raw input.
    pub schema: Option<Schema>,
    /// The transformation.
    pub from: Option<Template>,
}

/// How a raw output becomes the output, or the exported context.
#[derive(Debug, Clone, Default)]
pub struct Outflow {
    /// The schema of the result.
    pub schema: Option<Schema>,
    /// The transformation (`as`).
    pub transform: Option<Template>,
}

/// What tasks refer to by name (`use`).
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// Custom functions.
    pub functions: BTreeMap<String, Task>,
    /// Retry policies.
    pub retries: BTreeMap<String, RetryPolicy>,
    /// Errors.
    pub errors: BTreeMap<String, ErrorTemplate>,
    /// Time limits.
    pub timeouts: BTreeMap<String, Template>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Authentication policies, as written.
    pub authentications: BTreeMap<String, Value>,
}

/// Tasks of one scope, in order, with unique names.
#[derive(Debug, Clone, Default)]
pub struct TaskList(pub Vec<Task>);

impl TaskList {
    /// Returns the position of the task of that name in this scope.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|task| task.name == name)
    }
}

/// One task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name, unique in its scope.
    pub name: String,
    /// Where it stands in the text.
    pub span: Span,
    /// Its JSON pointer in the document, for instance `/do/0/classify`.
    pub pointer: String,
    /// Whether it runs (`if`).
    pub condition: Option<Expression>,
    /// What happens to its input.
    pub input: Intake,
    /// What happens to its output.
    pub output: Outflow,
    /// What becomes of the context (`export`).
    pub export: Outflow,
    /// Its time limit, resolved from `use.timeouts`.
    pub timeout: Option<Template>,
    /// Where it goes on (`then`).
    pub then: Flow,
    /// What it does.
    pub kind: TaskKind,
}

/// Where a scope goes on after a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Flow {
    /// With the next task.
    #[default]
    Continue,
    /// By leaving this scope.
    Exit,
    /// By ending the run.
    End,
    /// With the task of this name in the same scope.
    Task(String),
}

/// What a task does.
#[derive(Debug, Clone)]
pub enum TaskKind {
    /// Runs tasks in order.
    Do(TaskList),
    /// Builds its output.
    Set(Template),
    /// Takes the first case that holds.
    Switch(Vec<Case>),
    /// Runs tasks for each item.
    For(Box<ForEach>),
    /// Runs tasks and deals with their problems.
    Try(Box<Try>),
    /// Lets time pass.
    Wait(Template),
    /// Raises a problem.
    Raise(ErrorTemplate),
    /// Runs another routine.
    RunWorkflow(RunWorkflow),
    /// Calls a function: `http`, or one of the catalog.
    Call(CallTask),
    /// Runs one task list of `use.functions` as a function.
    CallCustom {
        /// Its name in `use.functions`.
        function: String,
        /// The arguments, which become the input of the function's task.
        with: Template,
    },
    /// A task of the standard that this version does not execute; the keyword.
    Unsupported(String),
}

/// One case of a `switch`.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// When it holds; without it, always.
    pub when: Option<Expression>,
    /// Where the scope goes on.
    pub then: Flow,
}

/// A `for` task.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// The variable of the item, without `$`.
    pub each: String,
    /// The variable of the index, without `$`.
    pub at: String,
    /// What is iterated; gives an array.
    pub items: Template,
    /// Tested before each pass.
    pub condition: Option<Expression>,
    /// The body.
    pub body: TaskList,
}

/// A `try` task.
#[derive(Debug, Clone)]
pub struct Try {
    /// What is tried.
    pub body: TaskList,
    /// Which problems are caught.
    pub filter: ProblemFilter,
    /// The variable of the problem, without `$`.
    pub binding: String,
    /// Caught only when this holds.
    pub when: Option<Expression>,
    /// Not caught when this holds.
    pub except_when: Option<Expression>,
    /// How often it is tried again.
    pub retry: Option<RetryPolicy>,
    /// What is done with a caught problem, once, after the retries.
    pub handler: Option<TaskList>,
    /// Where the scope goes on after a caught problem (`catch.then`), where it is given.
    pub then: Option<Flow>,
}

/// A static filter over problems; an absent field matches everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProblemFilter {
    /// The kind's URI; compared by its last segment for the standard's kinds.
    pub kind: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// The pointer of the task.
    pub instance: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The detail.
    pub detail: Option<String>,
}

/// A retry policy.
#[derive(Debug, Clone, Default)]
pub struct RetryPolicy {
    /// Retried only when this holds.
    pub when: Option<Expression>,
    /// Not retried when this holds.
    pub except_when: Option<Expression>,
    /// The first delay.
    pub delay: Option<Template>,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The most attempts, the first included.
    pub attempts_max: Option<u32>,
    /// The time limit of one attempt.
    pub attempt_duration: Option<Template>,
    /// The time limit of all attempts.
    pub duration: Option<Template>,
    /// The random part of each delay, from and to.
    pub jitter: Option<(Template, Template)>,
}

/// How the delay between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backoff {
    /// It stays.
    #[default]
    Constant,
    /// By the first delay each time.
    Linear,
    /// It doubles each time.
    Exponential,
}

/// The problem that a `raise` makes.
#[derive(Debug, Clone)]
pub struct ErrorTemplate {
    /// The kind's URI.
    pub kind: Template,
    /// The status.
    pub status: Template,
    /// The title.
    pub title: Option<Template>,
    /// The detail.
    pub detail: Option<Template>,
    /// The pointer; by default the raising task's.
    pub instance: Option<Template>,
}

/// A `run: workflow` task.
#[derive(Debug, Clone)]
pub struct RunWorkflow {
    /// The child's namespace.
    pub namespace: String,
    /// The child's name.
    pub name: String,
    /// The child's version, or `latest`.
    pub version: String,
    /// The child's input.
    pub input: Option<Template>,
    /// Whether the task waits for the child's end (`await`, default true).
    pub wait: bool,
}

/// A `call` task.
#[derive(Debug, Clone)]
pub struct CallTask {
    /// The function's name without version and catalog.
    pub function: String,
    /// The version; empty for the standard's own calls.
    pub version: String,
    /// The arguments. Shared authentications and URI templates are already put in.
    pub with: Template,
    /// What a crash in the middle means.
    pub class: EffectClass,
}
