//! Lifecycle events: what runs and tasks do, told to a sink as it becomes durable.
//!
//! Source: the Open Workflow Specification, DSL reference, "Lifecycle Events". The types keep
//! the standard's old prefix, as the standard does.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::core::{Core, Stage};
use super::events::EventSink;
use super::feed::{Feed, Progress};
use crate::journal::JournalReads;
use crate::{Phase, Problem, Record, RecordKind, RunId, RunKind};

/// The prefix of all types.
const PREFIX: &str = "io.serverlessworkflow";

/// How many names of runs are remembered.
const NAMES_MAX: usize = 1024;

/// How often an event is offered before it is given up: the sink is not the journal.
const TRIES_MAX: u32 = 3;

/// Tells a sink what happens, until the engine ends. A slow sink misses events rather than
/// slowing the runs down; the journal has them all.
pub(super) async fn report(core: Arc<Core>, mut feed: Feed, sink: Arc<dyn EventSink>) {
    let mut stage = core.stage.subscribe();
    let mut names = Names::default();
    loop {
        let progress = tokio::select! {
            progress = feed.next() => progress,
            _ = stage.wait_for(|stage| *stage == Stage::Stopped) => None,
        };
        match progress {
            Some(Progress::Step(records)) => {
                for record in records.iter() {
                    let Some(head) = names.find(&core, record) else {
                        continue;
                    };
                    if let Some(event) = event_of(record, &head) {
                        offer(&*sink, &event).await;
                    }
                }
            }
            Some(Progress::Lost(steps)) => {
                tracing::warn!(steps, "a slow sink has missed lifecycle events");
            }
            None => return,
        }
    }
}

async fn offer(sink: &dyn EventSink, event: &Value) {
    for attempt in 1..=TRIES_MAX {
        match sink.publish(event).await {
            Ok(()) => return,
            Err(error) if attempt == TRIES_MAX => {
                tracing::warn!(%error, "a lifecycle event was given up");
            }
            Err(error) => tracing::debug!(%error, "a lifecycle event was not taken"),
        }
    }
}

/// The names of routines by their runs.
#[derive(Default)]
struct Names(BTreeMap<RunId, String>);

impl Names {
    fn find(&mut self, core: &Core, record: &Record) -> Option<String> {
        if let Some(name) = self.0.get(&record.run) {
            return Some(name.clone());
        }
        let row = core.journal.row(record.run).ok()??;
        if row.kind != RunKind::Routine {
            return None;
        }
        if self.0.len() >= NAMES_MAX {
            self.0.pop_first();
        }
        self.0.insert(record.run, row.name.clone());
        Some(row.name)
    }
}

/// What a record tells: the last part of the type, the name of its moment, and what went wrong.
type Told<'r> = (&'static str, &'static str, Option<&'r Problem>);

/// Returns what a record tells, if it tells anything.
fn told(kind: &RecordKind) -> Option<Told<'_>> {
    Some(match kind {
        RecordKind::RunStarted(_) => ("workflow.started", "startedAt", None),
        RecordKind::SuspendRequested => ("workflow.suspended", "suspendedAt", None),
        RecordKind::ResumeRequested => ("workflow.resumed", "resumedAt", None),
        RecordKind::RunFinished { phase, problem, .. } => match phase {
            Phase::Completed => ("workflow.completed", "completedAt", None),
            Phase::Cancelled => ("workflow.cancelled", "cancelledAt", None),
            _ => ("workflow.faulted", "faultedAt", problem.as_ref()),
        },
        RecordKind::TaskStarted => ("task.started", "startedAt", None),
        RecordKind::TaskRetried { problem, .. } => ("task.retried", "retriedAt", Some(problem)),
        RecordKind::TaskFinished => ("task.completed", "completedAt", None),
        RecordKind::TaskCancelled => ("task.cancelled", "cancelledAt", None),
        RecordKind::TaskFaulted { problem } => ("task.faulted", "faultedAt", Some(problem)),
        _ => return None,
    })
}

/// Makes the event of a record, if it has one.
fn event_of(record: &Record, name: &str) -> Option<Value> {
    let (kind, moment, problem) = told(&record.kind)?;
    let (full, version) = name.split_once('@').unwrap_or((name, ""));
    let (namespace, short) = full.split_once('/').unwrap_or(("", full));
    let mut data = json!({
        "name": record.run.to_string(),
        "definition": { "namespace": namespace, "name": short, "version": version },
        moment: record.at.to_string(),
    });
    if kind.starts_with("task") {
        data["workflow"] = json!(record.run.to_string());
        data["task"] = json!(record.task.as_str());
    }
    if let Some(problem) = problem {
        data["error"] = json!(problem);
    }
    Some(json!({
        "specversion": "1.0",
        "id": format!("{}-{}", record.run, record.seq),
        "source": format!("urn:layercake:{full}"),
        "type": format!("{PREFIX}.{kind}.v1"),
        "subject": record.run.to_string(),
        "time": record.at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    }))
}
