//! What the variables of an expression stand for at one place of a run, and which were read.

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::{Map, Value, json};

use super::datum::Datum;
use super::frame::Branch;
use super::place::{self, Branches};
use super::state::State;
use super::work::Work;
use crate::definition::tree::{Task, TaskKind};
use crate::effect::mark;
use crate::{Definition, Digest, Timestamp, Variables};

/// The name under which expressions see this engine (`$runtime.name`).
const RUNTIME_NAME: &str = "layercake";

/// What a `for-each` calls the item, and its position.
const ITEM: &str = "item";
const INDEX: &str = "index";

/// The variables that the innermost task of a branch sees.
pub(super) struct View<'a> {
    pub(super) definition: &'a Definition,
    pub(super) state: &'a State<Datum>,
    pub(super) branch: &'a Branch<Datum>,
    /// The raw output, where there is one (`$task.output`).
    pub(super) raw_output: Option<&'a Datum>,
    /// The value of `$output`, where there is one.
    pub(super) output: Option<&'a Datum>,
    reads: RefCell<Vec<Digest>>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        state: &'a State<Datum>,
        branch: &'a Branch<Datum>,
    ) -> Self {
        Self {
            definition,
            state,
            branch,
            raw_output: None,
            output: None,
            reads: RefCell::new(Vec::new()),
        }
    }

    /// Returns the hashes of what was looked up.
    pub(super) fn into_reads(self) -> Vec<Digest> {
        self.reads.into_inner()
    }

    fn note(&self, digest: Digest) {
        let mut reads = self.reads.borrow_mut();
        if !reads.contains(&digest) {
            reads.push(digest);
        }
    }

    fn shared(&self, datum: &'a Datum) -> Cow<'a, Value> {
        self.note(datum.digest());
        Cow::Borrowed(datum.value())
    }

    fn borrowed(&self, value: &'a Value) -> Cow<'a, Value> {
        self.note(Digest::of_value(value));
        Cow::Borrowed(value)
    }

    fn owned(&self, value: Value) -> Cow<'a, Value> {
        self.note(Digest::of_value(&value));
        Cow::Owned(value)
    }

    /// Looks for a variable that an enclosing `for` or `try` binds; the innermost wins.
    fn bound(&self, name: &str) -> Option<Cow<'a, Value>> {
        let branches = &self.state.branches;
        let mut branch = self.branch;
        loop {
            if let Some(bound) = bound_in(self.definition, branches, branch, name) {
                return Some(match bound {
                    Bound::Borrowed(value) => self.borrowed(value),
                    Bound::Shared(datum) => self.shared(datum),
                    Bound::Index(index) => self.owned(json!(index)),
                });
            }
            branch = branches.get(&branch.parent?)?;
        }
    }

    fn task(&self) -> Option<Value> {
        let frame = self.branch.top();
        let task = place::top_task(self.definition, &self.state.branches, self.branch)?;
        let mut described = json!({
            "name": task.name,
            "reference": task.pointer,
            "input": frame.raw.value(),
            "startedAt": moment(frame.started_at),
        });
        if let Some(definition) = self.definition.document().pointer(&task.pointer) {
            described["definition"] = definition.clone();
            // The standard's own example of an extension finds the arguments here.
            if let Some(with) = definition.get("with") {
                described["with"] = with.clone();
            }
        }
        if let Some(output) = self.raw_output {
            described["output"] = output.value().clone();
        }
        Some(described)
    }

    fn workflow(&self) -> Value {
        workflow_value(
            self.state.id,
            self.definition.document().get("document"),
            self.state.input.value(),
            self.state.started_at,
        )
    }

    /// Only marks: the values are put in by whoever performs a call.
    fn secrets(&self) -> Value {
        self.definition
            .tree()
            .uses
            .secrets
            .iter()
            .map(|name| (name.clone(), Value::String(mark(self.state.id, name))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Returns the value of `$workflow`.
pub(crate) fn workflow_value(
    run: crate::RunId,
    document: Option<&Value>,
    input: &Value,
    started_at: crate::Timestamp,
) -> Value {
    json!({
        "id": run.to_string(),
        "definition": { "document": document },
        "input": input,
        "startedAt": moment(started_at),
    })
}

/// Looks for a variable in one branch.
fn bound_in<'a>(
    definition: &'a Definition,
    branches: &'a Branches<Datum>,
    branch: &'a Branch<Datum>,
    name: &str,
) -> Option<Bound<'a>> {
    let mut found = None;
    let tasks = place::tasks(definition, branches, branch);
    for (frame, task) in branch.frames.iter().zip(tasks) {
        if let Work::Undo(state) = &frame.work {
            if let Some(undo) = state.open.last() {
                found = item_or_index(name, Some(&undo.item), undo.index).or(found);
            }
            continue;
        }
        let Some(task) = task else { continue };
        match (&task.kind, &frame.work) {
            (TaskKind::For(each), Work::Loop(state)) if each.each == name => {
                found = state.items.value().get(state.index).map(Bound::Borrowed);
            }
            (TaskKind::For(each), Work::Loop(state)) if each.at == name => {
                found = Some(Bound::Index(state.index));
            }
            (TaskKind::Spread(_), Work::Slot(slot)) => {
                let item = slot.item.as_ref().map(|item| &item.value);
                found = item_or_index(name, item, slot.index).or(found);
            }
            (TaskKind::Spread(_), Work::Fork(fork)) => {
                let Some(items) = &fork.items else { continue };
                match name {
                    ITEM => found = items.values.value().get(items.at).map(Bound::Borrowed),
                    INDEX => found = Some(Bound::Index(items.at)),
                    _ => {}
                }
            }
            (TaskKind::Listen(listen), Work::Listen(state)) => {
                let Some(each) = &listen.each else { continue };
                if each.item == name {
                    found = state.item.as_ref().map(Bound::Shared).or(found);
                } else if each.at == name {
                    found = Some(Bound::Index(state.index));
                }
            }
            (TaskKind::Try(tried), Work::Attempts(state)) if tried.binding == name => {
                found = state.problem.as_ref().map(Bound::Shared).or(found);
            }
            _ => {}
        }
    }
    found
}

fn item_or_index<'a>(name: &str, item: Option<&'a Datum>, index: usize) -> Option<Bound<'a>> {
    match name {
        ITEM => item.map(Bound::Shared),
        INDEX => Some(Bound::Index(index)),
        _ => None,
    }
}

enum Bound<'a> {
    Borrowed(&'a Value),
    Shared(&'a Datum),
    Index(usize),
}

impl Variables for View<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        if let Some(value) = self.bound(name) {
            return Some(value);
        }
        match name {
            "context" => Some(self.shared(&self.branch.context)),
            "input" => Some(self.shared(&self.branch.top().input)),
            "output" => self.output.map(|output| self.shared(output)),
            "task" => self.task().map(|task| self.owned(task)),
            "workflow" => Some(self.owned(self.workflow())),
            "runtime" => Some(self.owned(json!({
                "name": RUNTIME_NAME,
                "version": self.state.engine,
            }))),
            "secrets" => Some(self.owned(self.secrets())),
            // Nobody is authenticated towards a run; the variable exists all the same.
            "authorization" => Some(Cow::Owned(Value::Null)),
            _ => None,
        }
    }
}

/// Writes a moment as the standard's date-time descriptor.
fn moment(at: Timestamp) -> Value {
    json!({
        "iso8601": at.to_string(),
        "epoch": { "seconds": at.as_millis() / 1000, "milliseconds": at.as_millis() },
    })
}

/// Says what a task's problem looks like to expressions.
pub(super) fn problem_datum(problem: &crate::Problem) -> Datum {
    let value = serde_json::to_value(problem).expect("a problem is text and numbers");
    Datum::new(value)
}

/// Returns the pointer of a task, or of the definition itself.
pub(super) fn pointer(task: Option<&Task>) -> &str {
    task.map_or("/", |task| task.pointer.as_str())
}
