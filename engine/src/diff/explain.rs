//! An origin in one sentence, with the two values behind it.

use serde_json::{Value, json};

use super::Cause;
use super::step::{Step, StepKind};
use crate::{Definition, Payload, Record, RecordKind, RunTree, Sequence};

/// Says why two steps differ, and returns the values that do.
pub(super) fn explain(
    cause: Cause,
    a: Option<&Step>,
    b: Option<&Step>,
    trees: (&RunTree, &RunTree),
) -> (String, Value, Value) {
    let value = |step: Option<&Step>, tree: &RunTree| match (cause, step) {
        (_, None) => Value::Null,
        (Cause::Definition, Some(step)) => task_of(step, tree),
        (Cause::Prompt, Some(step)) => prompt_of(step, tree),
        (Cause::Model | Cause::Version, Some(step)) => {
            json!({ "engine": step.engine, "versions": step.versions, "returned": answer_of(step, tree) })
        }
        (_, Some(step)) => answer_of(step, tree),
    };
    let (before, after) = (value(a, trees.0), value(b, trees.1));
    (sentence(cause, a, b), before, after)
}

fn sentence(cause: Cause, a: Option<&Step>, b: Option<&Step>) -> String {
    let name = a.or(b).map_or("", |step| step.name.as_str());
    let hash = a.and_then(|step| step.request).map(|digest| {
        let hex = digest.to_hex();
        format!(" (sha256:{}…)", &hex[..8])
    });
    let hash = hash.unwrap_or_default();
    let only = match (a, b) {
        (Some(_), None) => ", only in the first run",
        (None, Some(_)) => ", only in the second run",
        _ => "",
    };
    match cause {
        Cause::Input => "the runs were started with different input".to_owned(),
        Cause::Definition => format!("the task is defined differently{only}"),
        Cause::Version => format!("`{name}` was done by another version"),
        Cause::Model => {
            format!("`{name}` was answered by another model or with other parameters{hash}")
        }
        Cause::Prompt => match layers(a, b).as_slice() {
            [] => "the model was shown something else".to_owned(),
            layers => format!("the model was shown something else: {}", layers.join(", ")),
        },
        Cause::Sampling => {
            format!("the model was asked exactly the same{hash} and answered differently")
        }
        Cause::Tool => {
            format!("`{name}` was called with the same arguments{hash} and returned something else")
        }
        Cause::Timing => format!("`{name}` came in another order or at another moment{only}"),
        Cause::Human => format!("a person decided differently on the same `{name}`{only}"),
        Cause::Limit => format!("a budget or a policy stopped `{name}` in one run"),
    }
}

/// Names the layers of the prompt that differ.
fn layers(a: Option<&Step>, b: Option<&Step>) -> Vec<String> {
    let (Some(a), Some(b)) = (a, b) else {
        return Vec::new();
    };
    let names = a
        .own
        .keys()
        .filter(|name| a.own.get(*name) != b.own.get(*name));
    names
        .filter_map(|name| name.strip_prefix("prompt."))
        .map(str::to_owned)
        .collect()
}

fn record(tree: &RunTree, step: &Step, seq: Sequence) -> Option<Record> {
    let log = tree.log(step.run);
    log.iter().find(|record| record.seq == seq).cloned()
}

/// Returns what came back.
fn answer_of(step: &Step, tree: &RunTree) -> Value {
    let Some(record) = record(tree, step, step.answered.unwrap_or(step.asked)) else {
        return Value::Null;
    };
    let value = |payload: &Payload| tree.value(payload).cloned().unwrap_or_default();
    match &record.kind {
        RecordKind::RunStarted(start) => value(&start.input),
        RecordKind::EffectFinished {
            result: Ok(payload),
            ..
        } => value(payload),
        RecordKind::EffectFinished {
            result: Err(problem),
            ..
        }
        | RecordKind::TaskFaulted { problem } => json!(problem),
        RecordKind::Decided { decision, .. } => json!({
            "verdict": decision.verdict,
            "by": decision.by,
            "comment": decision.comment,
            "edited": decision.edited,
        }),
        RecordKind::Signalled { data, .. } => value(data),
        RecordKind::Session { body, .. } => value(body),
        RecordKind::RunFinished {
            output, problem, ..
        } => output.as_ref().map_or_else(|| json!(problem), value),
        _ => json!({ "ended": format!("{:?}", step.ending).to_lowercase() }),
    }
}

/// Returns what a model was shown.
fn prompt_of(step: &Step, tree: &RunTree) -> Value {
    if step.kind != StepKind::Model {
        return answer_of(step, tree);
    }
    let answered = record(tree, step, step.answered.unwrap_or(step.asked));
    match answered.map(|record| record.kind) {
        Some(RecordKind::EffectFinished {
            evidence: Some(evidence),
            ..
        }) => {
            let evidence = tree.value(&evidence).cloned().unwrap_or_default();
            evidence["request"].clone()
        }
        _ => answer_of(step, tree),
    }
}

/// Returns the task as the definition has it.
fn task_of(step: &Step, tree: &RunTree) -> Value {
    let first = tree.log(step.run).first();
    let source = first.and_then(|first| tree.definitions.get(&first.definition));
    let document = source.and_then(|text| Definition::document_of(text));
    let path = super::own::path_of(step.key.trim_end_matches("@end"));
    let task = document.and_then(|document| super::own::task_at(&document, &path));
    task.unwrap_or_default()
}
