//! The naive interpreter: plain recursion over a random routine, with a clock of its own and
//! without any record. What it says is what a run must come to.
//!
//! Branches are worked out one after the other, each from the same moment; whatever they did
//! after the moment in which the `fork` ended is forgotten.

use std::collections::BTreeMap;

use super::plan::{Kind, Plan, Retry, Task, Then};

/// The most tasks of a routine that is looked at; random jumps may go round for ever.
const TASKS_MAX: usize = 200;

/// What a run must come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The tasks that begin: when (in milliseconds from the start), key, attempt. Sorted.
    pub starts: Vec<(u64, String, u32)>,
    /// How it ends.
    pub ending: Ending,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this `n`.
    Completed(u64),
    /// With a problem.
    Faulted {
        /// Its status.
        status: u16,
        /// Where it arose.
        instance: String,
    },
}

/// Why a task did not end well.
enum Failure {
    Problem {
        status: u16,
        instance: String,
    },
    /// The limit of that number passed; it counts at whoever set it.
    OutOfTime(usize),
    /// The routine is not looked at any further.
    Endless,
}

/// How a task or a list of tasks ended well.
#[derive(Clone, Copy)]
enum Leave {
    Next(u64),
    /// The whole run ends.
    Run(u64),
}

type Outcome = Result<Leave, Failure>;

struct Interpreter<'a> {
    plan: &'a Plan,
    now: u64,
    context: u64,
    /// The limits in force: number and time.
    limits: Vec<(usize, u64)>,
    limits_set: usize,
    /// Every entry of a task: when, key, whether it was skipped.
    entries: Vec<(u64, String, bool)>,
}

/// Where a list of tasks stands.
#[derive(Clone)]
struct Scope {
    key: String,
    pointer: String,
    /// The pass of a `for` whose body it is.
    pass: Option<usize>,
    item: Option<u64>,
}

impl Expected {
    /// Works out what a routine must come to; `None` when it goes on for too long.
    pub fn of(plan: &Plan) -> Option<Self> {
        let mut interpreter = Interpreter {
            plan,
            now: 0,
            context: plan.start,
            limits: Vec::new(),
            limits_set: 0,
            entries: Vec::new(),
        };
        let scope = Scope {
            key: String::new(),
            pointer: "/do".to_owned(),
            pass: None,
            item: None,
        };
        let ending = match interpreter.list(&plan.tasks, &scope, plan.start) {
            Ok(Leave::Next(n) | Leave::Run(n)) => Ending::Completed(n),
            Err(Failure::Problem { status, instance }) => Ending::Faulted { status, instance },
            Err(Failure::OutOfTime(_) | Failure::Endless) => return None,
        };
        Some(Self {
            starts: interpreter.starts(),
            ending,
        })
    }
}

impl Interpreter<'_> {
    fn starts(&self) -> Vec<(u64, String, u32)> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut starts = Vec::new();
        for (at, key, skipped) in &self.entries {
            let count = counts.entry(key).or_default();
            *count += 1;
            if !skipped {
                starts.push((*at, key.clone(), *count));
            }
        }
        starts.sort();
        starts
    }

    fn attempt(&self, key: &str) -> u32 {
        let entries = self.entries.iter().filter(|(_, entered, _)| entered == key);
        entries.count() as u32
    }

    fn list(&mut self, tasks: &[Task], scope: &Scope, mut n: u64) -> Outcome {
        let mut visits = vec![0; tasks.len()];
        let mut position = 0;
        while let Some(task) = tasks.get(position) {
            visits[position] += 1;
            let key = scope.key_of(position, visits[position]);
            let then = match self.task(task, position, key, scope, n)? {
                None => Then::Continue,
                Some((Leave::Run(n), _)) => return Ok(Leave::Run(n)),
                Some((Leave::Next(next), then)) => {
                    n = next;
                    then
                }
            };
            match then {
                Then::Continue => position += 1,
                Then::Exit => break,
                Then::End => return Ok(Leave::Run(n)),
                Then::Jump(target) => position = target % tasks.len(),
            }
        }
        Ok(Leave::Next(n))
    }

    /// Runs one task; `None` when it is skipped.
    fn task(
        &mut self,
        task: &Task,
        position: usize,
        key: String,
        scope: &Scope,
        n: u64,
    ) -> Result<Option<(Leave, Then)>, Failure> {
        let is_skipped = task.only.is_some_and(|remainder| n % 3 != remainder);
        self.enter(&key, is_skipped)?;
        if is_skipped {
            return Ok(None);
        }
        let pointer = format!("{}/{position}/t{position}", scope.pointer);
        let inside = Scope {
            key,
            pointer: pointer.clone(),
            pass: None,
            item: scope.item,
        };
        let limit = task.limit.map(|millis| self.set_limit(millis));
        let result = self.kind(&task.kind, &inside, n);
        if limit.is_some() {
            self.limits.pop();
        }
        let (leave, chosen) = match result {
            Err(Failure::OutOfTime(number)) if Some(number) == limit => {
                return Err(Failure::Problem {
                    status: 408,
                    instance: pointer,
                });
            }
            other => other?,
        };
        if let (Leave::Next(n), true) = (leave, task.exports) {
            self.context = (self.context + n) % 1_000;
        }
        Ok(Some((leave, chosen.unwrap_or(task.then))))
    }

    fn enter(&mut self, key: &str, is_skipped: bool) -> Result<(), Failure> {
        self.entries.push((self.now, key.to_owned(), is_skipped));
        if self.entries.len() > TASKS_MAX {
            return Err(Failure::Endless);
        }
        Ok(())
    }

    fn kind(
        &mut self,
        kind: &Kind,
        scope: &Scope,
        n: u64,
    ) -> Result<(Leave, Option<Then>), Failure> {
        let next = |n| Ok((Leave::Next(n), None));
        match kind {
            Kind::Set(add) => next((n * 3 + add + scope.item.unwrap_or(0)) % 1_000),
            Kind::Recall => next((n + self.context) % 1_000),
            Kind::Do(tasks) => Ok((self.list(tasks, &scope.below("do"), n)?, None)),
            Kind::Switch(cases) => {
                let chosen = cases.get((n % 4) as usize).copied();
                Ok((Leave::Next(n), chosen))
            }
            Kind::For { items, below, body } => {
                Ok((self.passes(items, *below, body, scope, n)?, None))
            }
            Kind::Try {
                body,
                status,
                retry,
                handler,
            } => {
                let handler = handler.as_deref();
                Ok((
                    self.attempts(body, *status, *retry, handler, scope, n)?,
                    None,
                ))
            }
            Kind::Fork { branches, compete } => {
                Ok((self.fork(branches, *compete, scope, n)?, None))
            }
            Kind::Raise(status) => Err(scope.problem(*status)),
            Kind::Call(_) => {
                let answer = self.plan.answer(&scope.key, self.attempt(&scope.key));
                self.spend(answer.takes)?;
                match answer.result {
                    Ok(add) => next((n * 2 + add) % 1_000),
                    Err(status) => Err(scope.problem(status)),
                }
            }
            Kind::Wait(millis) => {
                self.spend(*millis)?;
                next(n)
            }
        }
    }

    fn passes(
        &mut self,
        items: &[u64],
        below: Option<u64>,
        body: &[Task],
        scope: &Scope,
        mut n: u64,
    ) -> Outcome {
        for (pass, item) in items.iter().enumerate() {
            if below.is_some_and(|below| n >= below) {
                break;
            }
            let mut inside = scope.below("do");
            inside.pass = Some(pass);
            inside.item = Some(*item);
            match self.list(body, &inside, n)? {
                Leave::Next(next) => n = next,
                run @ Leave::Run(_) => return Ok(run),
            }
        }
        Ok(Leave::Next(n))
    }

    fn attempts(
        &mut self,
        body: &[Task],
        status: Option<u16>,
        retry: Option<Retry>,
        handler: Option<&[Task]>,
        scope: &Scope,
        n: u64,
    ) -> Outcome {
        let mut failed = 0;
        loop {
            let limit = retry.and_then(|retry| retry.attempt_limit);
            let limit = limit.map(|millis| self.set_limit(millis));
            let result = self.list(body, &scope.below("try"), n);
            if limit.is_some() {
                self.limits.pop();
            }
            let problem = match result {
                Ok(leave) => return Ok(leave),
                Err(Failure::OutOfTime(number)) if Some(number) == limit => scope.problem(408),
                Err(failure) => failure,
            };
            let Failure::Problem { status: found, .. } = problem else {
                return Err(problem);
            };
            if status.is_some_and(|wanted| wanted != found) {
                return Err(problem);
            }
            failed += 1;
            let Some(retry) = retry.filter(|retry| failed < retry.count) else {
                break;
            };
            self.spend(retry.delay)?;
        }
        let Some(handler) = handler else {
            return Ok(Leave::Next(n));
        };
        let mut inside = scope.below("catch/do");
        inside.key.push_str("/@catch");
        self.list(handler, &inside, n)
    }

    fn fork(&mut self, branches: &[Vec<Task>], compete: bool, scope: &Scope, n: u64) -> Outcome {
        let (begin, context) = (self.now, self.context);
        let before = self.entries.len();
        let mut results = Vec::new();
        for (i, tasks) in branches.iter().enumerate() {
            (self.now, self.context) = (begin, context);
            let limits = self.limits.len();
            let mut inside = scope.below(&format!("fork/branches/{i}/b{i}/do"));
            inside.key = format!("{}/b{i}", scope.key);
            self.enter(&inside.key, false)?;
            let result = self.list(tasks, &inside, n);
            self.limits.truncate(limits);
            results.push((self.now, result));
        }
        self.context = context;
        let (end, outcome) = if compete {
            first_to_win(results)?
        } else {
            all_together(results)?
        };
        // What a branch would have done after the end of the fork never happens.
        let mut at = 0;
        self.entries.retain(|(entered, _, _)| {
            at += 1;
            at <= before || *entered <= end
        });
        self.now = end;
        outcome
    }

    fn set_limit(&mut self, millis: u64) -> usize {
        self.limits_set += 1;
        self.limits.push((self.limits_set, self.now + millis));
        self.limits_set
    }

    /// Lets time pass until something is done, or until the first limit before that.
    fn spend(&mut self, millis: u64) -> Result<(), Failure> {
        let end = self.now + millis;
        let first = self.limits.iter().copied().min_by_key(|(_, at)| *at);
        match first.filter(|(_, at)| *at < end) {
            Some((number, at)) => {
                self.now = at;
                Err(Failure::OutOfTime(number))
            }
            None => {
                self.now = end;
                Ok(())
            }
        }
    }
}

/// Ends a fork of which every branch counts: with the first problem, or with the last branch.
fn all_together(results: Vec<(u64, Outcome)>) -> Result<(u64, Outcome), Failure> {
    let mut sum = 0;
    let mut end = 0;
    let mut decisive: Option<(u64, Outcome)> = None;
    for (at, outcome) in results {
        match outcome {
            Err(Failure::Endless) => return Err(Failure::Endless),
            Ok(Leave::Next(n)) => {
                sum += n;
                end = end.max(at);
            }
            other => {
                if decisive.as_ref().is_none_or(|(first, _)| at < *first) {
                    decisive = Some((at, other));
                }
            }
        }
    }
    Ok(decisive.unwrap_or((end, Ok(Leave::Next(sum % 1_000)))))
}

/// Ends a fork of which one branch counts: the first that does not fail; the last problem
/// when all of them do. A limit around it ends it as well.
fn first_to_win(results: Vec<(u64, Outcome)>) -> Result<(u64, Outcome), Failure> {
    let mut best: Option<(u64, Outcome)> = None;
    let mut worst: Option<(u64, Outcome)> = None;
    for (at, outcome) in results {
        match outcome {
            Err(Failure::Endless) => return Err(Failure::Endless),
            Err(Failure::Problem { .. }) => {
                if worst.as_ref().is_none_or(|(last, _)| at > *last) {
                    worst = Some((at, outcome));
                }
            }
            Ok(_) | Err(Failure::OutOfTime(_)) => {
                if best.as_ref().is_none_or(|(first, _)| at < *first) {
                    best = Some((at, outcome));
                }
            }
        }
    }
    Ok(best.or(worst).unwrap_or((0, Ok(Leave::Next(0)))))
}

impl Scope {
    fn key_of(&self, position: usize, visit: u32) -> String {
        let mut key = format!("{}/t{position}", self.key);
        if let Some(pass) = self.pass {
            key.push_str(&format!("[{pass}]"));
        }
        if visit > 1 {
            key.push_str(&format!("#{visit}"));
        }
        key.trim_start_matches('/').to_owned()
    }

    fn below(&self, folder: &str) -> Self {
        Self {
            pointer: format!("{}/{folder}", self.pointer),
            ..self.clone()
        }
    }

    fn problem(&self, status: u16) -> Failure {
        Failure::Problem {
            status,
            instance: self.pointer.clone(),
        }
    }
}
