//! `call` and `run: workflow`: what a task wants from outside, and what it makes of the answer.

use serde_json::Value;

use super::begin_list;
use super::process::process_output;
use crate::definition::tree::{CallTask, RunWorkflow, Task, TaskKind};
use crate::run::dataflow::conform;
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::machine::{Machine, Step};
use crate::run::work::Work;
use crate::{Call, EffectClass, EffectRequest, Problem, RunId, Sequence, Template};

/// The catalog function that asks a person.
const APPROVAL: &str = "approval";

/// The catalog function that puts a problem to a person.
const ESCALATE: &str = "escalate";

/// The catalog function that undoes what was done.
const COMPENSATE: &str = "compensate";

/// The standard's own call.
const HTTP: &str = "http";

impl<'a> Machine<'a> {
    pub(super) fn call(
        &mut self,
        branch: &mut Branch<Datum>,
        call: &'a CallTask,
    ) -> Result<Step<'a>, Problem> {
        let (arguments, secrets) = self.arguments(branch, &call.with)?;
        conform(call.arguments.as_ref(), &arguments, "what `with` gives")?;
        let request = match call.function.as_str() {
            COMPENSATE => return Ok(self.begin_undo(branch, arguments.value())),
            APPROVAL => self.approval(arguments.value())?,
            ESCALATE => self.escalation(arguments.value())?,
            _ if call.checks_answer => {
                return Ok(self.begin_contract(branch, call, arguments, secrets));
            }
            name => EffectRequest::Call(Call {
                function: name.to_owned(),
                version: call.version.clone(),
                arguments: arguments.value().clone(),
                class: match name {
                    HTTP => http_class(arguments.value()),
                    _ => call.class,
                },
                secrets,
            }),
        };
        Ok(self.intend(branch, request, Some(arguments.digest())))
    }

    pub(super) fn run_workflow(
        &mut self,
        branch: &mut Branch<Datum>,
        child: &'a RunWorkflow,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let given = match &child.input {
            Some(template) => self.evaluate(branch, template, &input)?,
            None => input,
        };
        let frame = branch.top();
        let request = EffectRequest::Run {
            child: RunId::derived(self.state.id, self.state.now, &frame.key, frame.attempt),
            routine: format!("{}/{}@{}", child.namespace, child.name, child.version),
            input: given.value().clone(),
            wait: child.wait,
        };
        Ok(self.intend(branch, request, Some(given.digest())))
    }

    /// Begins a custom function: the arguments become the input of its task.
    pub(super) fn call_custom(
        &mut self,
        branch: &mut Branch<Datum>,
        with: &'a Template,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let arguments = self.evaluate(branch, with, &input)?;
        let step = begin_list(branch);
        Ok(match step {
            Step::Enter {
                position,
                caused_by,
                ..
            } => Step::Enter {
                position,
                data: arguments,
                caused_by,
            },
            other => other,
        })
    }

    /// Goes on with a task whose effect came back.
    pub(in crate::run) fn settled(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        result: Result<Datum, Problem>,
        cause: Sequence,
    ) -> Step<'a> {
        let caused_by = vec![cause];
        if let (Work::Contract(_), TaskKind::Call(call)) = (&branch.top().work, &task.kind) {
            return self.contract_settled(branch, task, call, result, caused_by);
        }
        branch.top_mut().work = Work::Leaf;
        match result.and_then(|answer| answered(branch, task, answer)) {
            Ok(data) => Step::Output {
                data,
                then: None,
                caused_by,
            },
            Err(mut problem) => {
                // The other side does not know this definition's places.
                problem.instance = Some(task.pointer.clone());
                Step::Fault { problem, caused_by }
            }
        }
    }
}

/// Makes the raw output of a task of the answer to its effect.
fn answered(branch: &Branch<Datum>, task: &Task, answer: Datum) -> Result<Datum, Problem> {
    match &task.kind {
        TaskKind::RunWorkflow(child) if !child.wait => Ok(branch.top().input.clone()),
        TaskKind::Process(process) if !process.wait => Ok(branch.top().input.clone()),
        TaskKind::Process(process) => process_output(process, &answer),
        TaskKind::Call(call) => {
            conform(call.result.as_ref(), &answer, "the answer")?;
            Ok(answer)
        }
        _ => Ok(answer),
    }
}

/// Says what repeating an HTTP request means.
///
/// Source: RFC 9110, 9.2.2 (idempotent methods); the `Idempotency-Key` header makes the
/// others so by agreement.
fn http_class(arguments: &Value) -> EffectClass {
    let method = arguments
        .get("method")
        .and_then(Value::as_str)
        .unwrap_or("");
    let has_key = || {
        let headers = arguments.get("headers").and_then(Value::as_object);
        headers.is_some_and(|headers| {
            headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("idempotency-key"))
        })
    };
    match method.to_ascii_lowercase().as_str() {
        "get" | "head" | "options" | "trace" => EffectClass::Read,
        "put" | "delete" => EffectClass::Idempotent,
        _ if has_key() => EffectClass::Idempotent,
        _ => EffectClass::Unsafe,
    }
}
