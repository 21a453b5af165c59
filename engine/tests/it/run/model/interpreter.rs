//! The naive interpreter: plain recursion over a random routine, with a clock of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::routine::{Answer, Kind, Plan, Retry, Task, Then};

/// The most tasks of a routine that is looked at; random jumps may go round for ever.
const TASKS_MAX: usize = 150;

/// What an execution came to.
pub(super) struct Expected {
    /// Keys and attempts of the tasks, in the order of their starts.
    pub(super) starts: Vec<(String, u32)>,
    pub(super) ending: Ending,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed(Value),
    Faulted { status: u16, instance: String },
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
enum Leave {
    Next(u64),
    Run(u64),
}

pub(super) struct Interpreter<'a> {
    answers: &'a [Answer],
    asked: usize,
    now: u64,
    /// Whether the present moment began with time passing, so that every limit that is over
    /// counts before anything else is waited for.
    time_has_come: bool,
    context: u64,
    /// The limits in force, the outermost first: number and time.
    limits: Vec<(usize, u64)>,
    limits_set: usize,
    entries: BTreeMap<String, u32>,
    starts: Vec<(String, u32)>,
}

/// Where a list of tasks stands.
#[derive(Clone)]
struct Scope {
    /// The key above it.
    key: String,
    /// The pointer above it.
    pointer: String,
    /// The pass of a `for` whose body it is.
    pass: Option<usize>,
    /// The value of `$item`.
    item: Option<u64>,
}

impl<'a> Interpreter<'a> {
    /// Executes a routine; `None` when it goes on for too long.
    pub(super) fn run(plan: &'a Plan) -> Option<Expected> {
        let mut interpreter = Self {
            answers: &plan.answers,
            asked: 0,
            now: 0,
            time_has_come: false,
            context: plan.start,
            limits: Vec::new(),
            limits_set: 0,
            entries: BTreeMap::new(),
            starts: Vec::new(),
        };
        let scope = Scope {
            key: String::new(),
            pointer: "/do".to_owned(),
            pass: None,
            item: None,
        };
        let ending = match interpreter.list(&plan.tasks, &scope, plan.start) {
            Ok(Leave::Next(n) | Leave::Run(n)) => Ending::Completed(json!({ "n": n })),
            Err(Failure::Problem { status, instance }) => Ending::Faulted { status, instance },
            Err(Failure::OutOfTime(_) | Failure::Endless) => return None,
        };
        Some(Expected {
            starts: interpreter.starts,
            ending,
        })
    }

    fn list(&mut self, tasks: &[Task], scope: &Scope, mut n: u64) -> Result<Leave, Failure> {
        let mut visits = vec![0; tasks.len()];
        let mut position = 0;
        while let Some(task) = tasks.get(position) {
            visits[position] += 1;
            let then;
            match self.task(task, position, visits[position], scope, n)? {
                None => then = Then::Continue,
                Some((Leave::Run(n), _)) => return Ok(Leave::Run(n)),
                Some((Leave::Next(next), chosen)) => {
                    n = next;
                    then = chosen;
                }
            }
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
        visit: u32,
        scope: &Scope,
        n: u64,
    ) -> Result<Option<(Leave, Then)>, Failure> {
        let mut key = format!("{}/t{position}", scope.key);
        if let Some(pass) = scope.pass {
            key.push_str(&format!("[{pass}]"));
        }
        if visit > 1 {
            key.push_str(&format!("#{visit}"));
        }
        let key = key.trim_start_matches('/').to_owned();
        let entries = self.entries.entry(key.clone()).or_default();
        *entries += 1;
        if task.only.is_some_and(|remainder| n % 3 != remainder) {
            return Ok(None);
        }
        self.starts.push((key.clone(), *entries));
        if self.starts.len() > TASKS_MAX {
            return Err(Failure::Endless);
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
        if let (Leave::Next(n), true) = (&leave, task.exports) {
            self.context = (self.context + n) % 1_000;
        }
        Ok(Some((leave, chosen.unwrap_or(task.then))))
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
            Kind::For { items, below, body } => self.passes(items, *below, body, scope, n),
            Kind::Try {
                body,
                status,
                retry,
                handler,
            } => self.attempts(body, *status, *retry, handler.as_deref(), scope, n),
            Kind::Raise(status) => Err(scope.problem(*status)),
            Kind::Call => {
                // A limit that passes at this very moment ends the call before it is seen.
                self.limits_by(self.now)?;
                let answer = self.answers[self.asked % self.answers.len()];
                self.asked += 1;
                self.spend(answer.takes())?;
                self.time_has_come = false;
                match answer {
                    Answer::Gives { add, .. } => next((n * 2 + add) % 1_000),
                    Answer::Fails { status, .. } => Err(scope.problem(status)),
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
    ) -> Result<(Leave, Option<Then>), Failure> {
        for (pass, item) in items.iter().enumerate() {
            if below.is_some_and(|below| n >= below) {
                break;
            }
            let mut inside = scope.below("do");
            inside.pass = Some(pass);
            inside.item = Some(*item);
            match self.list(body, &inside, n)? {
                Leave::Next(next) => n = next,
                run @ Leave::Run(_) => return Ok((run, None)),
            }
        }
        Ok((Leave::Next(n), None))
    }

    fn attempts(
        &mut self,
        body: &[Task],
        status: Option<u16>,
        retry: Option<Retry>,
        handler: Option<&[Task]>,
        scope: &Scope,
        n: u64,
    ) -> Result<(Leave, Option<Then>), Failure> {
        let mut failed = 0;
        loop {
            let limit = retry.and_then(|retry| retry.attempt_limit);
            let limit = limit.map(|millis| self.set_limit(millis));
            let result = self.list(body, &scope.below("try"), n);
            if limit.is_some() {
                self.limits.pop();
            }
            let problem = match result {
                Ok(leave) => return Ok((leave, None)),
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
            if retry.delay > 0 {
                self.spend(retry.delay)?;
            }
        }
        let Some(handler) = handler else {
            return Ok((Leave::Next(n), None));
        };
        let mut inside = scope.below("catch/do");
        inside.key.push_str("/@catch");
        Ok((self.list(handler, &inside, n)?, None))
    }

    fn set_limit(&mut self, millis: u64) -> usize {
        self.limits_set += 1;
        self.limits.push((self.limits_set, self.now + millis));
        self.limits_set
    }

    /// Lets time pass until something is done, or until the first limit before that.
    fn spend(&mut self, millis: u64) -> Result<(), Failure> {
        let end = self.now + millis;
        let passed = self.limits_by(end);
        self.time_has_come = true;
        if passed.is_ok() {
            self.now = end;
        }
        passed
    }

    /// Fails when a limit passes before that time, or at this very moment.
    fn limits_by(&mut self, end: u64) -> Result<(), Failure> {
        // Of limits that pass at once, the outer one counts.
        let first = self.limits.iter().copied().min_by_key(|(_, at)| *at);
        let is_over = |at| at < end || (self.time_has_come && at <= self.now);
        match first.filter(|(_, at)| is_over(*at)) {
            Some((number, at)) => {
                self.now = self.now.max(at);
                self.time_has_come = true;
                Err(Failure::OutOfTime(number))
            }
            None => Ok(()),
        }
    }
}

impl Scope {
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
