//! How data flows through a task: input, output, export, and everything else that is evaluated.

use super::datum::Datum;
use super::frame::Branch;
use super::machine::Machine;
use super::variables::View;
use crate::definition::tree::{EachEvent, Intake, Outflow, Task};
use crate::{Expression, ExpressionError, Problem, ProblemKind, Schema, Template, duration_millis};

impl<'a> Machine<'a> {
    /// Evaluates something of the innermost task.
    pub(super) fn evaluate(
        &self,
        branch: &mut Branch<Datum>,
        template: &Template,
        input: &Datum,
    ) -> Result<Datum, Problem> {
        let (result, reads) = {
            let view = View::new(self.definition, self.state, branch);
            let result = template.evaluate(input.value(), &view);
            (result, view.into_reads())
        };
        note(branch, reads);
        result.map(Datum::new).map_err(expression_problem)
    }

    /// Evaluates a condition of the innermost task.
    pub(super) fn is_true(
        &self,
        branch: &mut Branch<Datum>,
        expression: &Expression,
        input: &Datum,
    ) -> Result<bool, Problem> {
        let (result, reads) = {
            let view = View::new(self.definition, self.state, branch);
            let result = expression.is_true(input.value(), &view);
            (result, view.into_reads())
        };
        note(branch, reads);
        result.map_err(expression_problem)
    }

    /// Tests two optional conditions: the first must hold, the second must not.
    pub(super) fn admits(
        &self,
        branch: &mut Branch<Datum>,
        when: Option<&Expression>,
        except_when: Option<&Expression>,
        input: &Datum,
    ) -> Result<bool, Problem> {
        if let Some(when) = when
            && !self.is_true(branch, when, input)?
        {
            return Ok(false);
        }
        match except_when {
            Some(except) => Ok(!self.is_true(branch, except, input)?),
            None => Ok(true),
        }
    }

    /// Evaluates a duration, in milliseconds.
    pub(super) fn duration(
        &self,
        branch: &mut Branch<Datum>,
        template: &Template,
    ) -> Result<u64, Problem> {
        let input = branch.top().input.clone();
        let value = self.evaluate(branch, template, &input)?;
        duration_millis(value.value()).map_err(|error| {
            Problem::standard(ProblemKind::Expression, "not a duration")
                .with_detail(error.to_string())
        })
    }

    pub(super) fn condition_holds(
        &self,
        branch: &mut Branch<Datum>,
        task: &Task,
    ) -> Result<bool, Problem> {
        match &task.condition {
            Some(condition) => {
                let raw = branch.top().raw.clone();
                self.is_true(branch, condition, &raw)
            }
            None => Ok(true),
        }
    }

    /// Makes `$input` of the raw input.
    pub(super) fn take_in(
        &self,
        branch: &mut Branch<Datum>,
        intake: &Intake,
    ) -> Result<(), Problem> {
        let raw = branch.top().raw.clone();
        conform(intake.schema.as_ref(), &raw, "the input")?;
        if let Some(from) = &intake.from {
            branch.top_mut().input = self.evaluate(branch, from, &raw)?;
        }
        Ok(())
    }

    /// Sets the time limit of the innermost task.
    pub(super) fn arm_deadline(
        &self,
        branch: &mut Branch<Datum>,
        timeout: Option<&Template>,
    ) -> Result<(), Problem> {
        if let Some(timeout) = timeout {
            let millis = self.duration(branch, timeout)?;
            branch.top_mut().deadline = Some(self.state.now.plus_millis(millis));
        }
        Ok(())
    }

    /// Makes the output of the raw output, and lets the task export to the context.
    pub(super) fn put_out(
        &self,
        branch: &mut Branch<Datum>,
        task: &Task,
        raw: &Datum,
    ) -> Result<Datum, Problem> {
        self.flow_out(branch, &task.output, &task.export, raw)
    }

    fn flow_out(
        &self,
        branch: &mut Branch<Datum>,
        output: &Outflow,
        export: &Outflow,
        raw: &Datum,
    ) -> Result<Datum, Problem> {
        let result = self.transform(branch, output, raw, Shown::raw(raw), "the output")?;
        if export.transform.is_some() || export.schema.is_some() {
            let shown = Shown {
                raw,
                output: Some(&result),
            };
            let context = match &export.transform {
                Some(_) => self.transform(branch, export, &result, shown, "the context")?,
                None => {
                    conform(export.schema.as_ref(), &branch.context, "the context")?;
                    branch.context.clone()
                }
            };
            branch.context = context;
        }
        Ok(result)
    }

    /// Makes what a `listen` keeps of the work on one event.
    pub(super) fn put_out_event(
        &self,
        branch: &mut Branch<Datum>,
        each: &EachEvent,
        raw: &Datum,
    ) -> Result<Datum, Problem> {
        self.flow_out(branch, &each.output, &each.export, raw)
    }

    /// Makes the output of the whole run.
    pub(super) fn put_out_run(
        &self,
        branch: &mut Branch<Datum>,
        raw: &Datum,
    ) -> Result<Datum, Problem> {
        let outflow = &self.definition.tree().output;
        self.transform(
            branch,
            outflow,
            raw,
            Shown::raw(raw),
            "the output of the run",
        )
    }

    fn transform(
        &self,
        branch: &mut Branch<Datum>,
        outflow: &Outflow,
        value: &Datum,
        shown: Shown<'_>,
        what: &str,
    ) -> Result<Datum, Problem> {
        let result = match &outflow.transform {
            None => value.clone(),
            Some(transform) => {
                let (result, reads) = {
                    let mut view = View::new(self.definition, self.state, branch);
                    view.raw_output = Some(shown.raw);
                    view.output = Some(shown.output.unwrap_or(shown.raw));
                    let result = transform.evaluate(value.value(), &view);
                    (result, view.into_reads())
                };
                note(branch, reads);
                Datum::new(result.map_err(expression_problem)?)
            }
        };
        conform(outflow.schema.as_ref(), &result, what)?;
        Ok(result)
    }
}

/// Which outputs an expression sees.
#[derive(Clone, Copy)]
struct Shown<'a> {
    raw: &'a Datum,
    output: Option<&'a Datum>,
}

impl<'a> Shown<'a> {
    fn raw(raw: &'a Datum) -> Self {
        Self { raw, output: None }
    }
}

fn note(branch: &mut Branch<Datum>, reads: Vec<crate::Digest>) {
    let noted = &mut branch.top_mut().reads;
    for digest in reads {
        if !noted.contains(&digest) {
            noted.push(digest);
        }
    }
}

fn expression_problem(error: ExpressionError) -> Problem {
    Problem::standard(ProblemKind::Expression, "an expression failed")
        .with_detail(error.to_string())
}

/// Checks a value against a schema, if there is one.
pub(super) fn conform(schema: Option<&Schema>, value: &Datum, what: &str) -> Result<(), Problem> {
    let Some(schema) = schema else { return Ok(()) };
    schema.check(value.value()).map_err(|complaints| {
        Problem::standard(
            ProblemKind::Validation,
            format!("{what} does not satisfy its schema"),
        )
        .with_detail(complaints.join("; "))
    })
}
