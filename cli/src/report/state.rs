//! The state of a run after one of its records: `layercake.state/1` and its words.

use layercake_engine::{Catalog, Definition, Run, RunTree, Sequence};
use serde::Serialize;
use serde_json::Value;

use super::paint::{Paint, one_line};
use super::run::{RunView, view};

/// `layercake.state/1`.
#[derive(Debug, Serialize)]
pub(crate) struct StateView {
    schema: &'static str,
    /// The record that was asked for.
    seq: Sequence,
    /// The last record that the data takes account of: records of one step belong together.
    data_seq: Sequence,
    /// The run as it stood.
    run: RunView,
    /// The value of `$context`; null for agents and for runs that had ended.
    context: Value,
    /// The open tasks, the outer ones first, each with the input that it worked on.
    open: Vec<OpenTask>,
}

#[derive(Debug, Serialize)]
struct OpenTask {
    task: String,
    input: Value,
}

/// Makes the state; nothing when the tree has no such record.
pub(crate) fn state(runs: &RunTree, seq: Sequence) -> Option<StateView> {
    let cut = runs.until(seq);
    let last = cut.logs.first()?.last()?.seq;
    let mut state = StateView {
        schema: "layercake.state/1",
        seq: last,
        data_seq: last,
        run: view(&cut.logs)?,
        context: Value::Null,
        open: Vec::new(),
    };
    if let Some(run) = machine(runs, last) {
        state.data_seq = run.last_seq();
        state.context = run.context().cloned().unwrap_or_default();
        state.open = run
            .open_tasks()
            .map(|(task, input)| OpenTask {
                task: task.to_string(),
                input: input.clone(),
            })
            .collect();
    }
    Some(state)
}

/// Rebuilds the machine of a routine at the end of the step that a record belongs to.
fn machine(runs: &RunTree, seq: Sequence) -> Option<Run> {
    let log = runs.logs.first()?;
    let source = runs.definitions.get(&log.first()?.definition)?;
    let definition = Definition::read(source, &Catalog::standard())
        .ok()?
        .definition;
    let step = log.iter().filter(|it| it.seq > seq);
    let end = step.take_while(|it| !it.kind.is_input()).last();
    let end = end.map_or(seq, |last| last.seq);
    Run::replay(definition, log.iter().filter(|it| it.seq <= end).cloned()).ok()
}

const VALUE_CHARS: usize = 400;

/// Paints the state.
pub(crate) fn paint(state: &StateView, paint: Paint) -> String {
    let mut lines = vec![
        format!("{} after record {}", paint.bold("state"), state.seq),
        super::run::paint(&state.run, paint),
    ];
    if !state.context.is_null() {
        let text = one_line(&state.context.to_string(), VALUE_CHARS);
        lines.push(format!("{} {text}", paint.bold("context")));
    }
    if !state.open.is_empty() {
        lines.push(paint.bold("open tasks"));
    }
    for open in &state.open {
        let key = if open.task.is_empty() {
            "(the run)"
        } else {
            &open.task
        };
        let input = one_line(&open.input.to_string(), VALUE_CHARS);
        lines.push(format!("  {key}  {}", paint.dim(&input)));
    }
    lines.join("\n")
}
