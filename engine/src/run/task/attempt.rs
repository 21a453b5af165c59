//! `try`: attempts, what is caught, and the handler.

use super::super::retry;
use crate::definition::tree::{ProblemFilter, RetryPolicy, Task, TaskKind, Try};
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::log::Entry;
use crate::run::machine::{Machine, Step};
use crate::run::variables;
use crate::run::work::{Attempts, Progress, Stage, Work};
use crate::{Problem, RecordKind, Sequence, Timestamp};

impl<'a> Machine<'a> {
    pub(super) fn begin_attempts(
        &mut self,
        branch: &mut Branch<Datum>,
        tried: &'a Try,
    ) -> Result<Step<'a>, Problem> {
        branch.top_mut().work = Work::Attempts(Box::new(Attempts {
            progress: Progress::default(),
            stage: Stage::Body,
            retries: tried.retry.is_some(),
            failed: 0,
            deadline: None,
            problem: None,
        }));
        let started = branch.top().started;
        self.begin_attempt(branch, tried, vec![started])
    }

    fn begin_attempt(
        &mut self,
        branch: &mut Branch<Datum>,
        tried: &'a Try,
        caused_by: Vec<Sequence>,
    ) -> Result<Step<'a>, Problem> {
        let limit = tried
            .retry
            .as_ref()
            .and_then(|r| r.attempt_duration.as_ref());
        let deadline = match limit {
            Some(limit) => Some(self.state.now.plus_millis(self.duration(branch, limit)?)),
            None => None,
        };
        if let Some(attempts) = attempts(branch) {
            attempts.stage = Stage::Body;
            attempts.progress = Progress::default();
            attempts.deadline = deadline;
            attempts.problem = None;
        }
        Ok(enter_list(branch, caused_by))
    }

    /// Begins the next attempt: its delay is over.
    pub(in crate::run) fn retry_now(
        &mut self,
        branch: &mut Branch<Datum>,
        cause: Sequence,
    ) -> Step<'a> {
        let mut caused_by = vec![cause];
        if let Some(attempts) = attempts(branch)
            && let Stage::Delay { cause, .. } = attempts.stage
        {
            caused_by.insert(0, cause);
        }
        match tried_task(self.task(branch)) {
            Some((_, tried)) => self.retry(branch, tried, caused_by),
            None => Step::Wait,
        }
    }

    fn retry(
        &mut self,
        branch: &mut Branch<Datum>,
        tried: &'a Try,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        self.state.counts.retries += 1;
        self.begin_attempt(branch, tried, caused_by.clone())
            .unwrap_or_else(|problem| Step::Fault { problem, caused_by })
    }

    /// Deals with the problem of an attempt: tries again, handles it, or passes it on.
    pub(in crate::run) fn attempt_failed(
        &mut self,
        branch: &mut Branch<Datum>,
        problem: Problem,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let Some((task, tried)) = tried_task(self.task(branch)) else {
            return Step::Fault { problem, caused_by };
        };
        if let Some(attempts) = attempts(branch) {
            attempts.failed = attempts.failed.saturating_add(1);
            attempts.deadline = None;
            attempts.problem = Some(variables::problem_datum(&problem));
        }
        match self.is_caught(branch, tried, &problem) {
            Ok(true) => {}
            Ok(false) => return Step::Fault { problem, caused_by },
            Err(problem) => return Step::Fault { problem, caused_by },
        }
        match self.next_attempt(branch, tried) {
            Ok(Some(due)) => self.delay(branch, tried, problem, due, caused_by),
            Ok(None) => handle(branch, task, tried, caused_by),
            Err(problem) => Step::Fault { problem, caused_by },
        }
    }

    fn is_caught(
        &self,
        branch: &mut Branch<Datum>,
        tried: &Try,
        problem: &Problem,
    ) -> Result<bool, Problem> {
        if !matches(&tried.filter, problem) {
            return Ok(false);
        }
        let input = branch.top().input.clone();
        self.admits(
            branch,
            tried.when.as_ref(),
            tried.except_when.as_ref(),
            &input,
        )
    }

    /// Returns when the next attempt begins, if there is to be one.
    fn next_attempt(
        &self,
        branch: &mut Branch<Datum>,
        tried: &Try,
    ) -> Result<Option<Timestamp>, Problem> {
        let Some(policy) = &tried.retry else {
            return Ok(None);
        };
        let failed = attempts(branch).map_or(0, |attempts| attempts.failed);
        if policy.attempts_max.is_some_and(|max| failed >= max) {
            return Ok(None);
        }
        let input = branch.top().input.clone();
        let (when, except_when) = (policy.when.as_ref(), policy.except_when.as_ref());
        if !self.admits(branch, when, except_when, &input)? {
            return Ok(None);
        }
        let due = self
            .state
            .now
            .plus_millis(self.delay_millis(branch, policy, failed)?);
        if let Some(limit) = &policy.duration {
            let limit = self.duration(branch, limit)?;
            if due > branch.top().started_at.plus_millis(limit) {
                return Ok(None);
            }
        }
        Ok(Some(due))
    }

    fn delay_millis(
        &self,
        branch: &mut Branch<Datum>,
        policy: &RetryPolicy,
        failed: u32,
    ) -> Result<u64, Problem> {
        let first = match &policy.delay {
            Some(delay) => self.duration(branch, delay)?,
            None => 0,
        };
        let jitter = match &policy.jitter {
            Some((from, to)) => {
                let (from, to) = (self.duration(branch, from)?, self.duration(branch, to)?);
                let frame = branch.top();
                let seed = retry::seed(self.state.id, &frame.key, frame.attempt, failed);
                retry::jitter_millis(from, to, seed)
            }
            None => 0,
        };
        Ok(retry::delay_millis(policy.backoff, first, failed).saturating_add(jitter))
    }

    fn delay(
        &mut self,
        branch: &mut Branch<Datum>,
        tried: &'a Try,
        problem: Problem,
        due: Timestamp,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let failed = attempts(branch).map_or(0, |attempts| attempts.failed);
        let kind = RecordKind::TaskRetried {
            problem,
            failed,
            due,
        };
        let cause = self.append(Entry::of_task(branch.top_mut(), kind, caused_by));
        if due <= self.state.now {
            return self.retry(branch, tried, vec![cause]);
        }
        if let Some(attempts) = attempts(branch) {
            attempts.stage = Stage::Delay { due, cause };
        }
        Step::Wait
    }
}

/// Runs `catch.do`, or ends the task as it is when there is none.
fn handle<'d>(
    branch: &mut Branch<Datum>,
    task: &'d Task,
    tried: &'d Try,
    caused_by: Vec<Sequence>,
) -> Step<'d> {
    let data = branch.top().input.clone();
    if tried.handler.is_none() {
        return Step::Output {
            data,
            then: Some(tried.then.as_ref().unwrap_or(&task.then)),
            caused_by,
        };
    }
    if let Some(attempts) = attempts(branch) {
        attempts.stage = Stage::Handler;
        attempts.progress = Progress::default();
    }
    enter_list(branch, caused_by)
}

fn enter_list<'d>(branch: &Branch<Datum>, caused_by: Vec<Sequence>) -> Step<'d> {
    Step::Enter {
        position: 0,
        data: branch.top().input.clone(),
        caused_by,
    }
}

fn attempts(branch: &mut Branch<Datum>) -> Option<&mut Attempts<Datum>> {
    match &mut branch.top_mut().work {
        Work::Attempts(attempts) => Some(attempts),
        _ => None,
    }
}

fn tried_task(task: Option<&Task>) -> Option<(&Task, &Try)> {
    let task = task?;
    match &task.kind {
        TaskKind::Try(tried) => Some((task, tried)),
        _ => None,
    }
}

/// Compares a problem with a static filter.
fn matches(filter: &ProblemFilter, problem: &Problem) -> bool {
    fn same(wanted: Option<&String>, found: Option<&String>) -> bool {
        wanted.is_none_or(|wanted| Some(wanted) == found)
    }
    filter
        .kind
        .as_ref()
        .is_none_or(|kind| is_same_kind(kind, &problem.kind))
        && filter.status.is_none_or(|status| status == problem.status)
        && same(filter.instance.as_ref(), problem.instance.as_ref())
        && same(filter.title.as_ref(), Some(&problem.title))
        && same(filter.detail.as_ref(), problem.detail.as_ref())
}

/// The hosts under which the standard's kinds of problems have been published: its present
/// and its former site (in more than one folder), and a runtime that copied them.
const FAMILIES: [&str; 3] = [
    "open-workflow-specification.org",
    "serverlessworkflow.io",
    "zigflow.dev",
];

/// The last segments of the standard's kinds.
const STANDARD: [&str; 8] = [
    "configuration",
    "validation",
    "expression",
    "authentication",
    "authorization",
    "timeout",
    "communication",
    "runtime",
];

/// Says whether two URIs mean the same kind of problem. The standard moved its own without a
/// new version, so those are compared by their last segment.
fn is_same_kind(a: &str, b: &str) -> bool {
    a == b || standard_name(a).is_some_and(|name| standard_name(b) == Some(name))
}

fn standard_name(uri: &str) -> Option<&str> {
    let rest = uri
        .strip_prefix("https://")
        .or_else(|| uri.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let name = path.rsplit('/').next()?;
    (FAMILIES.contains(&host) && STANDARD.contains(&name)).then_some(name)
}
