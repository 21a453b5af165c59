//! A run driven by hand. Whatever a test does with it, it also checks what must always hold:
//! a snapshot restores the same run, and a replay gives the same records.

use layercake_engine::{
    Actor, ApplyError, Catalog, Decision, Definition, Effect, EffectClass, EffectRequest,
    FunctionSpec, Input, Outcome, Payload, Phase, Problem, Record, RecordKind, Run, RunId, RunKind,
    RunStart, StandardCall, Timestamp, Verdict,
};
use serde_json::{Value, json};

/// When every trial begins, in milliseconds.
pub(crate) const START: u64 = 1_000;

/// A run, its log and its snapshots.
pub(crate) struct Trial {
    pub(crate) run: Run,
    pub(crate) records: Vec<Record>,
    snapshots: Vec<(usize, Vec<u8>)>,
    now: Timestamp,
}

impl Trial {
    /// Starts a routine of which only the part below the head is given.
    pub(crate) fn start(body: &str, input: Value) -> Self {
        Self::start_definition(definition(body), input)
    }

    pub(crate) fn start_definition(definition: Definition, input: Value) -> Self {
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: definition.name().to_owned(),
            input: Payload::Inline(input),
            parent: None,
            key: None,
            by: person("ada"),
        };
        let now = Timestamp::from_millis(START);
        let id = RunId::from_parts(now, 7);
        let (run, records) = Run::start(id, start, definition, now);
        let mut trial = Self {
            run,
            records: Vec::new(),
            snapshots: Vec::new(),
            now,
        };
        trial.keep(records);
        trial
    }

    pub(crate) fn try_apply(&mut self, input: Input) -> Result<(), ApplyError> {
        let before = self.run.clone();
        match self.run.apply(input, self.now) {
            Ok(records) => {
                self.keep(records);
                Ok(())
            }
            Err(error) => {
                assert_eq!(self.run, before, "a refused input changes nothing");
                Err(error)
            }
        }
    }

    #[track_caller]
    pub(crate) fn apply(&mut self, input: Input) -> &mut Self {
        self.try_apply(input).expect("the input is admissible");
        self
    }

    fn keep(&mut self, records: Vec<Record>) {
        for record in records {
            assert_eq!(record.seq, self.records.len() as u64 + 1);
            self.records.push(record);
        }
        let snapshot = self.run.snapshot();
        let restored =
            Run::restore(&snapshot, self.run.definition().clone()).expect("a snapshot can be read");
        assert_eq!(restored, self.run);
        self.snapshots.push((self.records.len(), snapshot));
    }

    /// Returns the pending effect of the task with that key.
    #[track_caller]
    pub(crate) fn effect(&self, task: &str) -> Effect {
        let pending = || self.run.pending();
        pending()
            .find(|effect| effect.task.as_str() == task)
            .unwrap_or_else(|| {
                let keys: Vec<_> = pending().map(|e| e.task.as_str().to_owned()).collect();
                panic!("`{task}` waits for nothing; {keys:?} do")
            })
            .clone()
    }

    #[track_caller]
    pub(crate) fn finish(&mut self, task: &str, output: Value) -> &mut Self {
        self.settle(task, Outcome::completed(output))
    }

    #[track_caller]
    pub(crate) fn fail(&mut self, task: &str, problem: Problem) -> &mut Self {
        self.settle(task, Outcome::failed(problem))
    }

    #[track_caller]
    pub(crate) fn settle(&mut self, task: &str, outcome: Outcome) -> &mut Self {
        let effect = self.effect(task).id;
        self.apply(Input::EffectFinished { effect, outcome })
    }

    /// Lets that many milliseconds pass, and the run know.
    #[track_caller]
    pub(crate) fn pass(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.plus_millis(millis);
        self.apply(Input::TimePassed)
    }

    /// Lets that many milliseconds pass without telling the run.
    pub(crate) fn later(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.plus_millis(millis);
        self
    }

    #[track_caller]
    pub(crate) fn decide(&mut self, task: &str, verdict: Verdict) -> &mut Self {
        let effect = self.effect(task);
        let EffectRequest::Approval(approval) = &effect.request else {
            panic!("`{task}` asks nobody");
        };
        let decision = decision(verdict, approval.shown_hash, self.now);
        self.apply(Input::Decided {
            effect: effect.id,
            decision,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Compares the records, one line for each, and checks what must always hold.
    #[track_caller]
    pub(crate) fn expect(&self, trace: &str) -> &Self {
        self.verify();
        let actual: Vec<String> = self.records.iter().map(describe).collect();
        let expected: Vec<&str> = trace
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(actual, expected, "\n{}\n", actual.join("\n"));
        self
    }

    /// Compares the output of the completed run, and checks what must always hold.
    #[track_caller]
    pub(crate) fn expect_output(&self, output: &Value) -> &Self {
        self.verify();
        assert_eq!(self.run.problem(), None);
        assert_eq!(self.run.phase(), Phase::Completed);
        assert_eq!(self.run.output(), Some(output));
        self
    }

    /// Compares the problem of the faulted run, and checks what must always hold.
    #[track_caller]
    pub(crate) fn expect_problem(&self, kind: &str, instance: &str) -> &Self {
        self.verify();
        assert_eq!(self.run.phase(), Phase::Faulted);
        let problem = self.run.problem().expect("a faulted run has a problem");
        assert_eq!(problem.kind.rsplit('/').next(), Some(kind), "{problem:?}");
        assert_eq!(problem.instance.as_deref(), Some(instance), "{problem:?}");
        self
    }

    /// Checks that the log replays to this run, from its start and from every snapshot.
    #[track_caller]
    pub(crate) fn verify(&self) {
        let definition = || self.run.definition().clone();
        let replayed = Run::replay(definition(), self.records.clone()).expect("the log replays");
        assert_eq!(replayed, self.run);
        for (length, snapshot) in &self.snapshots {
            let mut run = Run::restore(snapshot, definition()).expect("a snapshot can be read");
            run.replay_tail(self.records[*length..].to_vec())
                .expect("the tail replays");
            assert_eq!(run, self.run);
        }
    }
}

/// Reads a routine of which only the part below the head is given.
#[track_caller]
pub(crate) fn definition(body: &str) -> Definition {
    let head = "document: { dsl: '1.0.3', namespace: test, name: trial, version: '1.0.0' }\n";
    read(&format!("{head}{}", outdent(body)))
}

/// Reads a whole definition.
#[track_caller]
pub(crate) fn read(text: &str) -> Definition {
    match Definition::read(text, &catalog()) {
        Ok(checked) => checked.definition,
        Err(diagnostics) => panic!("{diagnostics:#?}\n{text}"),
    }
}

/// Takes away the indentation that all lines share.
pub(crate) fn outdent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let shared = lines().map(indent).min().unwrap_or(0);
    lines()
        .map(|line| format!("{}\n", &line[shared..]))
        .collect()
}

pub(crate) fn catalog() -> Catalog {
    let function = |name: &str, class| FunctionSpec {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        summary: String::new(),
        input: json!(true),
        output: json!(true),
        class,
    };
    StandardCall::ALL
        .into_iter()
        .fold(Catalog::standard(), Catalog::with_standard)
        .with_schedules()
        .with_plain_secrets()
        .with(function("work", EffectClass::Unsafe))
        .with(function("look", EffectClass::Read))
}

pub(crate) fn person(name: &str) -> Actor {
    Actor::Person(name.to_owned())
}

pub(crate) fn decision(
    verdict: Verdict,
    shown_hash: layercake_engine::Digest,
    at: Timestamp,
) -> Decision {
    Decision {
        verdict,
        by: "ada".to_owned(),
        at,
        comment: None,
        edited: None,
        shown_hash,
        roles: Vec::new(),
    }
}

/// Writes a record as one line: what happened, to which task, in which attempt.
fn describe(record: &Record) -> String {
    let task = match (record.task.as_str(), record.attempt) {
        ("", _) => String::new(),
        (key, 1) => format!(" {key}"),
        (key, attempt) => format!(" {key} ({attempt})"),
    };
    let (what, more) = match &record.kind {
        RecordKind::RunStarted(_) => ("run", String::new()),
        RecordKind::EffectFinished { result: Ok(_), .. } => ("answer", String::new()),
        RecordKind::EffectFinished {
            result: Err(problem),
            ..
        } => ("refusal", title(problem)),
        RecordKind::EffectUnknown { .. } => ("unknown", String::new()),
        RecordKind::TimePassed => ("time", record.at.as_millis().to_string()),
        RecordKind::Decided { decision, .. } => ("decided", format!("{:?}", decision.verdict)),
        RecordKind::Signalled { signal, .. } => ("signal", signal.clone()),
        RecordKind::CancelRequested => ("cancel", String::new()),
        RecordKind::Migrated { .. } => ("move", String::new()),
        RecordKind::UndoRequested => ("undo", String::new()),
        RecordKind::RetryRequested => ("try-again", String::new()),
        RecordKind::SuspendRequested => ("suspend", String::new()),
        RecordKind::ResumeRequested => ("resume", String::new()),
        RecordKind::TaskStarted => ("start", String::new()),
        RecordKind::TaskSkipped => ("skip", String::new()),
        RecordKind::EffectIntended(effect) => ("intend", request(effect)),
        RecordKind::EffectAbandoned { .. } => ("abandon", String::new()),
        RecordKind::TaskFinished => ("finish", String::new()),
        RecordKind::TaskCancelled => ("give-up", String::new()),
        RecordKind::TaskFaulted { problem } => ("fault", title(problem)),
        RecordKind::TaskRetried { failed, due, .. } => {
            ("retry", format!("{failed} failed, due {}", due.as_millis()))
        }
        RecordKind::PhaseChanged { phase } => ("phase", format!("{phase:?}")),
        RecordKind::RunFinished { phase, .. } => ("end", format!("{phase:?}")),
        RecordKind::Session { event, .. } => ("session", event.clone()),
    };
    let colon = if more.is_empty() { "" } else { ": " };
    format!("{what}{task}{colon}{more}")
}

fn title(problem: &Problem) -> String {
    match problem.title.as_str() {
        "" => problem.kind.clone(),
        title => title.to_owned(),
    }
}

fn request(effect: &Effect) -> String {
    match &effect.request {
        EffectRequest::Call(call) => call.function.clone(),
        EffectRequest::Timer { due } => format!("until {}", due.as_millis()),
        EffectRequest::Approval(approval) => format!("ask {}", approval.title),
        EffectRequest::Run { routine, .. } => format!("run {routine}"),
    }
}
