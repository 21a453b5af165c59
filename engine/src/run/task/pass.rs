//! `for`: one pass after the other, the output of each being the input of the next.

use super::output;
use crate::definition::tree::ForEach;
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::machine::{Machine, Step};
use crate::run::work::{Loop, Progress, Work};
use crate::{Problem, ProblemKind, Sequence};

impl<'a> Machine<'a> {
    pub(super) fn begin_loop(
        &mut self,
        branch: &mut Branch<Datum>,
        each: &'a ForEach,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let items = self.evaluate(branch, &each.items, &input)?;
        if !items.value().is_array() {
            return Err(Problem::standard(
                ProblemKind::Expression,
                "`for.in` does not give an array",
            ));
        }
        let frame = branch.top_mut();
        frame.reads.push(items.digest());
        frame.work = Work::Loop(Box::new(Loop {
            items,
            index: 0,
            progress: Progress::default(),
        }));
        let caused_by = vec![frame.started];
        self.begin_pass(branch, each, input, caused_by)
    }

    /// Goes on after a pass.
    pub(in crate::run) fn next_pass(
        &mut self,
        branch: &mut Branch<Datum>,
        each: &'a ForEach,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Result<Step<'a>, Problem> {
        if let Work::Loop(state) = &mut branch.top_mut().work {
            state.index += 1;
            state.progress = Progress::default();
        }
        self.begin_pass(branch, each, data, caused_by)
    }

    fn begin_pass(
        &mut self,
        branch: &mut Branch<Datum>,
        each: &'a ForEach,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Result<Step<'a>, Problem> {
        let Work::Loop(state) = &branch.top().work else {
            return Ok(output(branch, data, None));
        };
        let passes = state.items.value().as_array().map_or(0, Vec::len);
        let goes_on = state.index < passes
            && match &each.condition {
                Some(condition) => self.is_true(branch, condition, &data)?,
                None => true,
            };
        Ok(if goes_on {
            Step::Enter {
                position: 0,
                data,
                caused_by,
            }
        } else {
            Step::Output {
                data,
                then: None,
                caused_by,
            }
        })
    }
}
