//! The lifecycle of runs as events, for those who watch from outside.
//!
//! An event is a function of a record: the same record gives the same event under the same id,
//! so whoever publishes may repeat.
//!
//! Source: the specification, "Lifecycle Events" (types with the prefix that it has kept).

use serde_json::{Map, Value, json};

use crate::{Payload, Phase, Record, RecordKind, Timestamp};

/// What the types of all lifecycle events begin with.
const TYPE_PREFIX: &str = "io.serverlessworkflow";

/// Returns the lifecycle event (`CloudEvents` 1.0, JSON) of a record of a routine's run, if the
/// standard knows one. `name` is what runs: `namespace/name@version`.
///
/// A value that is kept elsewhere is left out; the event then names its hash.
pub fn lifecycle_event(record: &Record, name: &str) -> Option<Value> {
    let (kind, moment, mut data) = told(record)?;
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (namespace, short) = path.split_once('/').unwrap_or(("", path));
    let instance = format!("{short}-{}.{namespace}", record.run);
    if kind.starts_with("task.") {
        data.insert("workflow".to_owned(), json!(instance));
        data.insert("task".to_owned(), json!(record.task.as_str()));
    } else {
        data.insert("name".to_owned(), json!(instance));
        let definition = json!({ "namespace": namespace, "name": short, "version": version });
        data.insert("definition".to_owned(), definition);
    }
    data.insert(moment.to_owned(), json!(record.at.to_string()));
    Some(json!({
        "specversion": "1.0",
        "id": format!("{}-{}", record.run, record.seq),
        "source": format!("urn:layercake:{path}"),
        "type": format!("{TYPE_PREFIX}.{kind}.v1"),
        "time": record.at.to_string(),
        "subject": record.run.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    }))
}

/// Returns the type of the event, the name of its moment, and what else it says.
fn told(record: &Record) -> Option<(&'static str, &'static str, Map<String, Value>)> {
    let nothing = Map::new;
    Some(match &record.kind {
        RecordKind::RunStarted(_) => ("workflow.started", "startedAt", nothing()),
        RecordKind::SuspendRequested => ("workflow.suspended", "suspendedAt", nothing()),
        RecordKind::ResumeRequested => ("workflow.resumed", "resumedAt", nothing()),
        RecordKind::RunFinished {
            phase: Phase::Completed,
            output,
            ..
        } => (
            "workflow.completed",
            "completedAt",
            output_of(output.as_ref()),
        ),
        RecordKind::RunFinished {
            phase: Phase::Cancelled,
            ..
        } => ("workflow.cancelled", "cancelledAt", nothing()),
        RecordKind::RunFinished { problem, .. } => (
            "workflow.faulted",
            "faultedAt",
            one("error", json!(problem)),
        ),
        RecordKind::TaskStarted => ("task.started", "startedAt", nothing()),
        RecordKind::TaskFinished => {
            let output = record.output.map(|digest| json!(digest.to_string()));
            let data = output.map_or_else(nothing, |digest| one("outputDigest", digest));
            ("task.completed", "completedAt", data)
        }
        RecordKind::TaskCancelled => ("task.cancelled", "cancelledAt", nothing()),
        RecordKind::TaskFaulted { problem } => {
            ("task.faulted", "faultedAt", one("error", json!(problem)))
        }
        RecordKind::TaskRetried { due, .. } => {
            let due: Timestamp = *due;
            (
                "task.retried",
                "retriedAt",
                one("dueAt", json!(due.to_string())),
            )
        }
        _ => return None,
    })
}

fn output_of(output: Option<&Payload>) -> Map<String, Value> {
    match output {
        Some(Payload::Inline(value)) => one("output", value.clone()),
        Some(Payload::Stored { digest, .. }) => one("outputDigest", json!(digest.to_string())),
        None => Map::new(),
    }
}

fn one(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}
