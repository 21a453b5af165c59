//! What each kind of task does when it begins.

mod approval;
mod attempt;
mod call;
mod contract;
mod event;
mod extension;
mod fork;
mod listen;
mod pass;
mod process;
mod spread;
mod undo;

pub(super) use approval::{decision_value, lapse_value};
pub(super) use event::EMIT;
pub(super) use undo::next as next_undo;

use super::datum::Datum;
use super::frame::Branch;
use super::machine::{Machine, Step};
use super::work::{Progress, Work};
use crate::definition::tree::{Case, ErrorTemplate, Flow, Task, TaskKind};
use crate::{EffectRequest, Problem, ProblemKind, Template};

impl<'a> Machine<'a> {
    /// Begins the innermost task, whose `$input` is ready.
    pub(super) fn begin(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
    ) -> Result<Step<'a>, Problem> {
        match &task.kind {
            TaskKind::Do(_) => Ok(begin_list(branch)),
            TaskKind::Set(template) => self.set(branch, template),
            TaskKind::Switch(cases) => self.switch(branch, cases),
            TaskKind::For(each) => self.begin_loop(branch, each),
            TaskKind::Try(tried) => self.begin_attempts(branch, tried),
            TaskKind::Fork(fork) => Ok(self.begin_fork(branch, fork)),
            TaskKind::Wait(duration) => self.wait(branch, duration),
            TaskKind::Emit(attributes) => self.emit(branch, attributes),
            TaskKind::Listen(listen) => self.begin_listen(branch, listen),
            TaskKind::Raise(error) => Err(self.raise(branch, error)?),
            TaskKind::RunWorkflow(child) => self.run_workflow(branch, child),
            TaskKind::Process(process) => self.process(branch, process),
            TaskKind::Call(call) => self.call(branch, call),
            TaskKind::Spread(spread) => self.begin_spread(branch, spread),
            TaskKind::CallCustom { with, .. } => self.call_custom(branch, with),
            TaskKind::Unsupported(keyword) => Err(Problem::standard(
                ProblemKind::Configuration,
                format!("`{keyword}` is not executed by this version"),
            )),
        }
    }

    fn set(
        &mut self,
        branch: &mut Branch<Datum>,
        template: &Template,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let data = self.evaluate(branch, template, &input)?;
        Ok(output(branch, data, None))
    }

    fn switch(
        &mut self,
        branch: &mut Branch<Datum>,
        cases: &'a [Case],
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        for case in cases {
            let holds = match &case.when {
                Some(when) => self.is_true(branch, when, &input)?,
                None => true,
            };
            if holds {
                return Ok(output(branch, input, Some(&case.then)));
            }
        }
        Ok(output(branch, input, None))
    }

    fn wait(
        &mut self,
        branch: &mut Branch<Datum>,
        duration: &Template,
    ) -> Result<Step<'a>, Problem> {
        let millis = self.duration(branch, duration)?;
        let due = self.state.now.plus_millis(millis);
        Ok(self.intend(branch, EffectRequest::Timer { due }, None))
    }

    /// Returns the problem that a `raise` asks for.
    fn raise(
        &mut self,
        branch: &mut Branch<Datum>,
        error: &ErrorTemplate,
    ) -> Result<Problem, Problem> {
        let input = branch.top().input.clone();
        let mut text = |template: &Template| {
            let value = self.evaluate(branch, template, &input)?;
            Ok(match value.value().as_str() {
                Some(text) => text.to_owned(),
                None => value.value().to_string(),
            })
        };
        let mut optional =
            |template: &Option<Template>| template.as_ref().map(&mut text).transpose();
        let title = optional(&error.title)?.unwrap_or_default();
        let detail = optional(&error.detail)?;
        let instance = optional(&error.instance)?;
        let kind = text(&error.kind)?;
        let status = self.evaluate(branch, &error.status, &input)?;
        Ok(Problem {
            kind,
            status: status_code(status.value())?,
            title,
            detail,
            instance,
        })
    }
}

fn status_code(value: &serde_json::Value) -> Result<u16, Problem> {
    let number = match value {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| {
            Problem::standard(
                ProblemKind::Expression,
                format!("the status of a problem is a number below 65536, not {value}"),
            )
        })
}

/// Begins the list of a task that only runs tasks in order.
fn begin_list<'d>(branch: &mut Branch<Datum>) -> Step<'d> {
    let frame = branch.top_mut();
    frame.work = Work::Sequence(Progress::default());
    Step::Enter {
        position: 0,
        data: frame.input.clone(),
        caused_by: vec![frame.started],
    }
}

/// Ends a task in the step that began it.
fn output<'d>(branch: &Branch<Datum>, data: Datum, then: Option<&'d Flow>) -> Step<'d> {
    Step::Output {
        data,
        then,
        caused_by: vec![branch.top().started],
    }
}
