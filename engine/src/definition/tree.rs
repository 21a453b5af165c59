//! The typed tree of a definition: what the reader builds and the run machine walks.
//!
//! It covers every task of the standard. Which of them this version executes is decided by
//! the checks, before a run starts; a definition is never half-run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schedule::Schedule;
use super::schema::Schema;
use super::span::Span;
use crate::expression::{Expression, Template};
use crate::{EffectClass, StandardCall};

/// A checked definition of a routine.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Name, version and title.
    pub(crate) document: Document,
    /// What happens to the input of the run.
    pub(crate) input: Intake,
    /// What happens to its output.
    pub(crate) output: Outflow,
    /// The time limit of the whole run.
    pub(crate) timeout: Option<Template>,
    /// When runs start by themselves.
    pub(crate) schedule: Option<Schedule>,
    /// What tasks refer to by name.
    pub(crate) uses: Uses,
    /// The tasks, in order.
    pub(crate) tasks: TaskList,
}

/// The head of a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The version of the standard.
    pub(crate) dsl: String,
    /// The name's first half.
    pub(crate) namespace: String,
    /// The name's second half.
    pub(crate) name: String,
    /// The routine's version.
    pub(crate) version: String,
    /// One line for people; may be empty.
    pub(crate) title: String,
    /// More for people and models; may be empty.
    pub(crate) summary: String,
}

/// How a raw input becomes `$input`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Intake {
    /// The schema of the raw input.
    pub(crate) schema: Option<Schema>,
    /// The transformation.
    pub(crate) from: Option<Template>,
}

/// How a raw output becomes the output, or the exported context.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outflow {
    /// The schema of the result.
    pub(crate) schema: Option<Schema>,
    /// The transformation (`as`).
    pub(crate) transform: Option<Template>,
}

/// What tasks refer to by name (`use`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    /// Custom functions.
    pub(crate) functions: BTreeMap<String, Task>,
    /// Retry policies.
    pub(crate) retries: BTreeMap<String, RetryPolicy>,
    /// Errors.
    pub(crate) errors: BTreeMap<String, ErrorTemplate>,
    /// Time limits.
    pub(crate) timeouts: BTreeMap<String, Template>,
    /// What is done before and after tasks of some kinds, in order.
    pub(crate) extensions: Vec<Extension>,
    /// Names of secrets.
    pub(crate) secrets: Vec<String>,
    /// Authentication policies, as written.
    pub(crate) authentications: BTreeMap<String, Value>,
}

/// What is done before and after tasks of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    /// Its name.
    pub(crate) name: String,
    /// The kind of task, in the standard's words.
    pub(crate) extend: String,
    /// Applies only when this holds.
    pub(crate) when: Option<Expression>,
    /// What is done before.
    pub(crate) before: TaskList,
    /// What is done after.
    pub(crate) after: TaskList,
}

impl Extension {
    /// Says whether it is about tasks of this kind.
    pub(crate) fn is_about(&self, kind: &TaskKind) -> bool {
        let word = match kind {
            TaskKind::Do(_) | TaskKind::Fork(_) => "composite",
            TaskKind::Set(_) => "set",
            TaskKind::Switch(_) => "switch",
            TaskKind::For(_) => "for",
            TaskKind::Try(_) => "try",
            TaskKind::Wait(_) => "wait",
            TaskKind::Emit(_) => "emit",
            TaskKind::Listen(_) => "listen",
            TaskKind::Raise(_) => "raise",
            TaskKind::RunWorkflow(_) | TaskKind::Process(_) => "run",
            TaskKind::Call(_) | TaskKind::CallCustom { .. } | TaskKind::Spread(_) => "call",
            TaskKind::Unsupported(_) => return false,
        };
        self.extend == "all" || self.extend == word
    }
}

/// Tasks of one scope, in order, with unique names.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskList(pub(crate) Vec<Task>);

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Its name, unique in its scope.
    pub(crate) name: String,
    /// Where it stands in the text.
    pub(crate) span: Span,
    /// Its JSON pointer in the document, for instance `/do/0/classify`.
    pub(crate) pointer: String,
    /// Whether it runs (`if`).
    pub(crate) condition: Option<Expression>,
    /// What happens to its input.
    pub(crate) input: Intake,
    /// What happens to its output.
    pub(crate) output: Outflow,
    /// What becomes of the context (`export`).
    pub(crate) export: Outflow,
    /// Its time limit, resolved from `use.timeouts`.
    pub(crate) timeout: Option<Template>,
    /// Where it goes on (`then`).
    pub(crate) then: Flow,
    /// What it does.
    pub(crate) kind: TaskKind,
}

/// Where a scope goes on after a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Flow {
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
pub(crate) enum TaskKind {
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
    /// Runs branches at the same time.
    Fork(Fork),
    /// Lets time pass.
    Wait(Template),
    /// Publishes an event with these attributes.
    Emit(Template),
    /// Waits for events.
    Listen(Box<Listen>),
    /// Raises a problem.
    Raise(ErrorTemplate),
    /// Runs another routine.
    RunWorkflow(RunWorkflow),
    /// Runs a process outside: a script, a command, a container.
    Process(Process),
    /// Calls a function: `http`, or one of the catalog.
    Call(CallTask),
    /// Runs one task list of `use.functions` as a function.
    CallCustom {
        /// Its name in `use.functions`.
        function: String,
        /// The arguments, which become the input of the function's task.
        with: Template,
    },
    /// Runs a custom function for each item, several at a time (`for-each` of the catalog).
    Spread(Box<Spread>),
    /// A task of the standard that this version does not execute; the keyword.
    Unsupported(String),
}

/// One case of a `switch`.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    /// When it holds; without it, always.
    pub(crate) when: Option<Expression>,
    /// Where the scope goes on.
    pub(crate) then: Flow,
}

/// A `for` task.
#[derive(Debug, Clone)]
pub(crate) struct ForEach {
    /// The variable of the item, without `$`.
    pub(crate) each: String,
    /// The variable of the index, without `$`.
    pub(crate) at: String,
    /// What is iterated; gives an array.
    pub(crate) items: Template,
    /// Tested before each pass.
    pub(crate) condition: Option<Expression>,
    /// The body.
    pub(crate) body: TaskList,
}

/// A `fork` task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fork {
    /// The branches, one task each.
    pub(crate) branches: TaskList,
    /// Whether the first branch to end is the only one that counts.
    pub(crate) compete: bool,
}

/// A call of `for-each`.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    /// What is iterated; gives an array.
    pub(crate) items: Template,
    /// The name of an item, for its stable key; by default its position.
    pub(crate) key: Option<Template>,
    /// How many items are worked on at a time.
    pub(crate) concurrency: Option<Template>,
    /// The function in `use.functions` that works on an item.
    pub(crate) function: String,
    /// The function that undoes that work.
    pub(crate) undo: Option<String>,
}

/// A `listen` task.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Which events.
    pub(crate) to: Strategy,
    /// What is kept of an event.
    pub(crate) read: Reading,
    /// What is done with each event.
    pub(crate) each: Option<EachEvent>,
}

/// Which events a `listen` takes, and when it has enough.
#[derive(Debug, Clone)]
pub(crate) enum Strategy {
    /// One event.
    One(EventFilter),
    /// One event for each filter.
    All(Vec<EventFilter>),
    /// Events that pass any of the filters; every event when there is none.
    Any(Vec<EventFilter>, Until),
}

/// How long a `listen` to any event goes on.
#[derive(Debug, Clone)]
pub(crate) enum Until {
    /// To the first event.
    First,
    /// Until this holds for the events so far.
    Condition(Expression),
    /// Until these events have come as well.
    Events(Box<Strategy>),
}

/// A filter over events.
#[derive(Debug, Clone)]
pub(crate) struct EventFilter {
    /// What the attributes must be; an expression sees the attribute and says so.
    pub(crate) with: BTreeMap<String, Template>,
    /// What events must have in common.
    pub(crate) correlate: BTreeMap<String, Correlation>,
}

/// What events must have in common.
#[derive(Debug, Clone)]
pub(crate) struct Correlation {
    /// Takes the value out of an event.
    pub(crate) from: Expression,
    /// What it must be; by default what it was in the first event.
    pub(crate) expect: Option<Template>,
}

/// What is kept of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    /// Its data.
    #[default]
    Data,
    /// All of it.
    Envelope,
}

/// What is done with each event (`foreach` of a `listen`).
#[derive(Debug, Clone)]
pub(crate) struct EachEvent {
    /// The variable of the event, without `$`.
    pub(crate) item: String,
    /// The variable of the index, without `$`.
    pub(crate) at: String,
    /// The body.
    pub(crate) body: TaskList,
    /// What is kept of the body's output.
    pub(crate) output: Outflow,
    /// What becomes of the context after each event.
    pub(crate) export: Outflow,
}

/// A `try` task.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    /// What is tried.
    pub(crate) body: TaskList,
    /// Which problems are caught.
    pub(crate) filter: ProblemFilter,
    /// The variable of the problem, without `$`.
    pub(crate) binding: String,
    /// Caught only when this holds.
    pub(crate) when: Option<Expression>,
    /// Not caught when this holds.
    pub(crate) except_when: Option<Expression>,
    /// How often it is tried again.
    pub(crate) retry: Option<RetryPolicy>,
    /// What is done with a caught problem, once, after the retries.
    pub(crate) handler: Option<TaskList>,
    /// Where the scope goes on after a caught problem (`catch.then`), where it is given.
    pub(crate) then: Option<Flow>,
}

/// A static filter over problems; an absent field matches everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProblemFilter {
    /// The kind's URI; compared by its last segment for the standard's kinds.
    pub(crate) kind: Option<String>,
    /// The status.
    pub(crate) status: Option<u16>,
    /// The pointer of the task.
    pub(crate) instance: Option<String>,
    /// The title.
    pub(crate) title: Option<String>,
    /// The detail.
    pub(crate) detail: Option<String>,
}

/// A retry policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct RetryPolicy {
    /// Retried only when this holds.
    pub(crate) when: Option<Expression>,
    /// Not retried when this holds.
    pub(crate) except_when: Option<Expression>,
    /// The first delay.
    pub(crate) delay: Option<Template>,
    /// How the delay grows.
    pub(crate) backoff: Backoff,
    /// The most attempts, the first included.
    pub(crate) attempts_max: Option<u32>,
    /// The time limit of one attempt.
    pub(crate) attempt_duration: Option<Template>,
    /// The time limit of all attempts.
    pub(crate) duration: Option<Template>,
    /// The random part of each delay, from and to.
    pub(crate) jitter: Option<(Template, Template)>,
}

/// How the delay between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Backoff {
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
pub(crate) struct ErrorTemplate {
    /// The kind's URI.
    pub(crate) kind: Template,
    /// The status.
    pub(crate) status: Template,
    /// The title.
    pub(crate) title: Option<Template>,
    /// The detail.
    pub(crate) detail: Option<Template>,
    /// The pointer; by default the raising task's.
    pub(crate) instance: Option<Template>,
}

/// A `run: workflow` task.
#[derive(Debug, Clone)]
pub(crate) struct RunWorkflow {
    /// The child's namespace.
    pub(crate) namespace: String,
    /// The child's name.
    pub(crate) name: String,
    /// The child's version, or `latest`.
    pub(crate) version: String,
    /// The child's input.
    pub(crate) input: Option<Template>,
    /// Whether the task waits for the child's end (`await`, default true).
    pub(crate) wait: bool,
}

/// A `run` task of anything but a routine.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Which kind of process.
    pub(crate) kind: StandardCall,
    /// What it is, with `await`.
    pub(crate) with: Template,
    /// Whether the task waits for its end.
    pub(crate) wait: bool,
    /// What of it is the output.
    pub(crate) returns: Return,
}

/// What of a process is the output of its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// What it wrote to its standard output.
    Stdout,
    /// What it wrote to its standard error.
    Stderr,
    /// The code that it ended with.
    Code,
    /// All of these.
    All,
    /// Nothing: `null`.
    None,
}

/// A `call` task.
#[derive(Debug, Clone)]
pub(crate) struct CallTask {
    /// The function's name without version and catalog.
    pub(crate) function: String,
    /// The version; empty for the standard's own calls.
    pub(crate) version: String,
    /// The arguments. Shared authentications and URI templates are already put in.
    pub(crate) with: Template,
    /// The schema of the evaluated arguments, for functions of the catalog.
    pub(crate) arguments: Option<Schema>,
    /// The schema of the result, for functions of the catalog.
    pub(crate) result: Option<Schema>,
    /// What a crash in the middle means.
    pub(crate) class: EffectClass,
    /// Whether its answer has to satisfy the schema and the contract in its arguments.
    pub(crate) checks_answer: bool,
    /// The function in `use.functions` that judges the answer.
    pub(crate) evaluator: Option<String>,
}
