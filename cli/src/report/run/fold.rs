//! From records to the view of a run. Pure: the same records give the same view.

use std::collections::BTreeMap;

use layercake_engine::{
    Actor, CostEntry, EffectId, EffectRequest, Payload, Phase, Record, RecordKind, RunKind,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::failure;
use super::{CauseView, ChildView, CostView, RUN_SCHEMA, RunView, TaskView, WaitView};

/// Makes the view of a run from its records and those of all runs below it.
///
/// The first log is the run's own; returns nothing when it is empty.
pub(crate) fn view(logs: &[Vec<Record>]) -> Option<RunView> {
    let failure = failure::of(logs);
    let mut folded = logs.iter().filter_map(|log| LogFold::of(log));
    let mut own = folded.next()?;
    let below: Vec<LogFold> = folded.collect();
    let mut costs = std::mem::take(&mut own.costs);
    let mut waiting = own.waiting();
    let mut tool_calls = own.tool_calls;
    let mut runs = Vec::new();
    for child in below {
        costs.absorb(&child.costs);
        tool_calls += child.tool_calls;
        waiting.extend(
            child
                .waiting()
                .into_iter()
                .filter(|wait| wait.kind != "run"),
        );
        runs.push(child.as_child());
    }
    if own.phase.is_final() {
        waiting.clear();
    }
    Some(RunView {
        schema: RUN_SCHEMA.to_owned(),
        run: own.run,
        kind: kind_name(own.kind).to_owned(),
        name: own.name,
        status: phase_name(own.phase).to_owned(),
        input: own.input,
        output: own.output,
        error: own.error,
        parent: own.parent.map(|(run, _)| run),
        started_at: own.started_at,
        ended_at: own.ended_at,
        model_calls: costs.calls(),
        tool_calls,
        cost: costs.view(),
        waiting_for: waiting,
        tasks: own.tasks,
        runs,
        interrupted: false,
        trouble: None,
        failure,
    })
}

/// Returns the run that asked for the run of a log, and the task in it.
pub(crate) fn parent_of(log: &[Record]) -> Option<(String, String)> {
    match &log.first()?.kind {
        RecordKind::RunStarted(start) => {
            let (run, task) = start.parent.as_ref()?;
            Some((run.to_string(), task.to_string()))
        }
        _ => None,
    }
}

/// Returns the word for a kind of run.
pub(crate) fn kind_name(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Routine => "routine",
        RunKind::Agent => "agent",
    }
}

/// Returns the standard's word for a phase.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "pending",
        Phase::Running => "running",
        Phase::Waiting => "waiting",
        Phase::Suspended => "suspended",
        Phase::Cancelled => "cancelled",
        Phase::Faulted => "faulted",
        Phase::Completed => "completed",
    }
}

/// Adds up what was spent, by cause.
#[derive(Debug, Clone, Default)]
pub(crate) struct CostFold {
    by_cause: BTreeMap<String, CauseView>,
    unknown: bool,
}

impl CostFold {
    /// Adds one billable attempt.
    pub(crate) fn add(&mut self, entry: &CostEntry) {
        let tokens: u64 = entry.tokens.values().sum();
        let cause = serde_json::to_value(entry.cause).unwrap_or_default();
        let line = self.line(cause.as_str().unwrap_or("productive"));
        line.calls += 1;
        line.tokens += tokens;
        line.usd += entry.usd.unwrap_or_default();
        self.unknown |= entry.usd.is_none();
    }

    fn absorb(&mut self, other: &Self) {
        for line in other.by_cause.values() {
            let own = self.line(&line.cause);
            own.calls += line.calls;
            own.tokens += line.tokens;
            own.usd += line.usd;
        }
        self.unknown |= other.unknown;
    }

    fn line(&mut self, cause: &str) -> &mut CauseView {
        self.by_cause
            .entry(cause.to_owned())
            .or_insert_with(|| CauseView {
                cause: cause.to_owned(),
                usd: Decimal::ZERO,
                calls: 0,
                tokens: 0,
            })
    }

    fn calls(&self) -> u64 {
        self.by_cause.values().map(|line| line.calls).sum()
    }

    /// Returns the sums, the largest cause first.
    pub(crate) fn view(&self) -> CostView {
        let mut by_cause: Vec<CauseView> = self.by_cause.values().cloned().collect();
        by_cause.sort_by(|a, b| b.usd.cmp(&a.usd).then(b.calls.cmp(&a.calls)));
        CostView {
            usd: by_cause
                .iter()
                .map(|line| line.usd)
                .sum::<Decimal>()
                .normalize(),
            exact: !self.unknown,
            tokens: by_cause.iter().map(|line| line.tokens).sum(),
            by_cause,
        }
    }
}

/// What one log says.
struct LogFold {
    run: String,
    kind: RunKind,
    name: String,
    phase: Phase,
    input: Value,
    output: Value,
    error: Value,
    parent: Option<(String, String)>,
    started_at: String,
    ended_at: Option<String>,
    tool_calls: u64,
    costs: CostFold,
    tasks: Vec<TaskView>,
    starts: BTreeMap<String, (usize, u64)>,
    open: BTreeMap<EffectId, WaitView>,
    suspension: Option<WaitView>,
}

impl LogFold {
    fn of(log: &[Record]) -> Option<Self> {
        let first = log.first()?;
        let RecordKind::RunStarted(start) = &first.kind else {
            return None;
        };
        let mut fold = Self {
            run: first.run.to_string(),
            kind: start.run_kind,
            name: start.name.clone(),
            phase: Phase::Pending,
            input: value_of(&start.input),
            output: Value::Null,
            error: Value::Null,
            parent: parent_of(log),
            started_at: first.at.to_string(),
            ended_at: None,
            tool_calls: 0,
            costs: CostFold::default(),
            tasks: Vec::new(),
            starts: BTreeMap::new(),
            open: BTreeMap::new(),
            suspension: None,
        };
        log.iter().for_each(|record| fold.add(record));
        Some(fold)
    }

    fn add(&mut self, record: &Record) {
        for entry in &record.costs {
            self.costs.add(entry);
        }
        self.touch(record);
        match &record.kind {
            RecordKind::TaskStarted => self.begin(record, "running"),
            RecordKind::TaskSkipped => self.begin(record, "skipped"),
            RecordKind::TaskFinished => self.settle(record, "completed", Value::Null),
            RecordKind::TaskCancelled => self.settle(record, "cancelled", Value::Null),
            RecordKind::TaskFaulted { problem } => {
                let problem = serde_json::to_value(problem).unwrap_or_default();
                self.settle(record, "faulted", problem);
            }
            RecordKind::TaskRetried { problem, due, .. } => {
                let problem = serde_json::to_value(problem).unwrap_or_default();
                self.settle(record, "retrying", problem);
                tracing::trace!(%due, "retry planned");
            }
            RecordKind::EffectIntended(effect) => {
                let wait = wait_of(record, &effect.request);
                self.note_call(record, &effect.request);
                self.open.insert(effect.id, wait_with_id(wait, effect.id));
            }
            RecordKind::EffectFinished { effect, .. }
            | RecordKind::EffectAbandoned { effect }
            | RecordKind::Decided { effect, .. } => {
                self.open.remove(effect);
            }
            RecordKind::PhaseChanged { phase } => self.phase = *phase,
            RecordKind::RunFinished {
                phase,
                output,
                problem,
            } => {
                self.phase = *phase;
                self.output = output.as_ref().map_or(Value::Null, value_of);
                self.error = serde_json::to_value(problem).unwrap_or_default();
                self.ended_at = Some(record.at.to_string());
            }
            RecordKind::Session { event, body } => self.add_session(record, event, body),
            RecordKind::RunStarted(_)
            | RecordKind::EffectUnknown { .. }
            | RecordKind::TimePassed
            | RecordKind::Signalled { .. }
            | RecordKind::CancelRequested
            | RecordKind::UndoRequested
            | RecordKind::RetryRequested
            | RecordKind::Migrated { .. }
            | RecordKind::SuspendRequested
            | RecordKind::ResumeRequested => {}
        }
    }

    fn add_session(&mut self, record: &Record, event: &str, body: &Payload) {
        match event {
            "tool-settled" => {
                self.tool_calls += 1;
                self.settle(record, "completed", Value::Null);
            }
            "tool-intended" => {
                self.begin(record, "running");
                if let (Actor::Tool(tool), Some(task)) = (&record.actor, self.tasks.last_mut()) {
                    task.call.clone_from(tool);
                }
            }
            "model-requested" => {
                self.suspension = None;
                self.begin(record, "running");
                self.name_call(record, "model");
            }
            "model-settled" => {
                self.suspension = None;
                let failed = body
                    .inline()
                    .is_some_and(|it| it["outcome"]["replied"].is_null());
                let status = if failed { "faulted" } else { "completed" };
                self.settle(record, status, Value::Null);
            }
            "suspended" => self.suspension = suspension_of(record, body.inline()),
            _ => self.suspension = None,
        }
    }

    fn begin(&mut self, record: &Record, status: &str) {
        if self.phase == Phase::Pending {
            self.phase = Phase::Running;
        }
        let key = record.task.to_string();
        let at = record.at.as_millis();
        if let Some(&(index, _)) = self.starts.get(&key) {
            self.tasks[index].attempts = record.attempt;
            self.tasks[index].status = status.to_owned();
            return;
        }
        self.starts.insert(key.clone(), (self.tasks.len(), at));
        self.tasks.push(TaskView {
            task: key,
            status: status.to_owned(),
            call: String::new(),
            attempts: record.attempt,
            started_at: record.at.to_string(),
            duration_ms: 0,
            error: Value::Null,
            records: (record.seq, record.seq),
            usd: Decimal::ZERO,
        });
    }

    fn touch(&mut self, record: &Record) {
        if let Some(&(index, began)) = self.starts.get(record.task.as_str()) {
            let task = &mut self.tasks[index];
            task.records.1 = record.seq;
            task.duration_ms = record.at.as_millis().saturating_sub(began);
            task.usd += record
                .costs
                .iter()
                .filter_map(|entry| entry.usd)
                .sum::<Decimal>();
        }
    }

    fn settle(&mut self, record: &Record, status: &str, error: Value) {
        if let Some(&(index, _)) = self.starts.get(record.task.as_str()) {
            let task = &mut self.tasks[index];
            task.status = status.to_owned();
            task.attempts = task.attempts.max(record.attempt);
            if !error.is_null() {
                task.error = error;
            }
        }
    }

    fn note_call(&mut self, record: &Record, request: &EffectRequest) {
        let EffectRequest::Call(call) = request else {
            return;
        };
        // Model calls are counted by what they cost, one entry for each billable attempt.
        if !matches!(call.function.as_str(), "decide" | "agent") {
            self.tool_calls += 1;
        }
        self.name_call(record, &call.function);
    }

    fn name_call(&mut self, record: &Record, name: &str) {
        if let Some(&(index, _)) = self.starts.get(record.task.as_str()) {
            self.tasks[index].call = name.to_owned();
        }
    }

    fn waiting(&self) -> Vec<WaitView> {
        self.open
            .values()
            .chain(&self.suspension)
            .cloned()
            .collect()
    }

    fn as_child(&self) -> ChildView {
        let (parent, task) = self.parent.clone().unzip();
        ChildView {
            run: self.run.clone(),
            parent,
            kind: kind_name(self.kind).to_owned(),
            name: self.name.clone(),
            status: phase_name(self.phase).to_owned(),
            task: task.unwrap_or_default(),
        }
    }
}

fn wait_of(record: &Record, request: &EffectRequest) -> WaitView {
    let (kind, title, due) = match request {
        EffectRequest::Call(call) => ("call", call.function.clone(), None),
        EffectRequest::Timer { due } => ("timer", String::new(), Some(due.to_string())),
        EffectRequest::Approval(approval) => {
            let due = approval.expires_at.map(|at| at.to_string());
            ("approval", approval.title.clone(), due)
        }
        EffectRequest::Run { routine, .. } => ("run", routine.clone(), None),
    };
    WaitView {
        kind: kind.to_owned(),
        id: String::new(),
        run: record.run.to_string(),
        task: record.task.to_string(),
        title,
        due,
    }
}

/// Says why an agent was put aside, where that is not a question that stands for itself.
fn suspension_of(record: &Record, body: Option<&Value>) -> Option<WaitView> {
    let cause = body?.get("cause")?;
    let (kind, title) = match cause {
        Value::Object(cause) => match cause.iter().next()? {
            (kind, Value::String(what)) => (kind.clone(), what.clone()),
            (kind, what) => {
                let message = what.get("message").and_then(Value::as_str);
                (kind.clone(), message.unwrap_or_default().to_owned())
            }
        },
        Value::String(kind) => (kind.clone(), String::new()),
        _ => return None,
    };
    if kind == "waiting" || kind == "tool-waiting" {
        return None;
    }
    Some(WaitView {
        kind,
        id: String::new(),
        run: record.run.to_string(),
        task: record.task.to_string(),
        title,
        due: None,
    })
}

fn wait_with_id(mut wait: WaitView, id: EffectId) -> WaitView {
    wait.id = id.digest().to_hex();
    wait
}

fn value_of(payload: &Payload) -> Value {
    match payload {
        Payload::Inline(value) => value.clone(),
        Payload::Stored { digest, size_bytes } => {
            serde_json::json!({"stored": digest, "sizeBytes": size_bytes})
        }
    }
}

#[cfg(test)]
mod tests;
