//! What differs between two runs: `layercake.diff/1` and its words.

use std::collections::BTreeSet;

use layercake_engine::diff::{Comparison, Label, Origin, Verdict, Word, value_diff, words};
use serde::Serialize;
use serde_json::{Value, json};

use super::paint::{Paint, one_line, safe_text};
use super::run::RunView;

/// `layercake.diff/1`.
#[derive(Debug, Serialize)]
pub(crate) struct DiffView {
    schema: &'static str,
    verdict: Verdict,
    reason: Option<String>,
    /// The runs.
    a: String,
    b: String,
    origins: Vec<OriginView>,
    downstream: usize,
    absorbed_retries: usize,
}

/// Where a difference began.
#[derive(Debug, Serialize)]
pub(crate) struct OriginView {
    cause: Value,
    task: String,
    /// The record in each run.
    a: Option<u64>,
    b: Option<u64>,
    /// The run of each record: one below the compared one, perhaps.
    a_run: Option<String>,
    b_run: Option<String>,
    explanation: String,
    /// What differs, as a JSON Patch.
    patch: Value,
}

impl DiffView {
    /// Makes the document.
    pub(crate) fn new(
        a: &RunView,
        b: &RunView,
        found: &Comparison,
        ignored: &BTreeSet<String>,
    ) -> Self {
        Self {
            schema: "layercake.diff/1",
            verdict: found.verdict,
            reason: found.reason.clone(),
            a: a.run.clone(),
            b: b.run.clone(),
            origins: found
                .origins
                .iter()
                .map(|origin| origin_view(origin, ignored))
                .collect(),
            downstream: found.downstream,
            absorbed_retries: found.absorbed_retries,
        }
    }
}

fn origin_view(origin: &Origin, ignored: &BTreeSet<String>) -> OriginView {
    OriginView {
        cause: json!(origin.cause),
        task: origin.task.clone(),
        a: origin.a.map(|place| place.seq),
        b: origin.b.map(|place| place.seq),
        a_run: origin.a.map(|place| place.run.to_string()),
        b_run: origin.b.map(|place| place.run.to_string()),
        explanation: origin.explanation.clone(),
        patch: value_diff(&origin.before, &origin.after, ignored).to_patch(),
    }
}

/// The most changed places that one origin shows.
const CHANGES_MAX: usize = 12;
/// The most origins that are shown in full.
const ORIGINS_MAX: usize = 10;
const VALUE_CHARS: usize = 160;

/// Paints the comparison.
pub(crate) fn paint(
    a: &RunView,
    b: &RunView,
    found: &Comparison,
    ignored: &BTreeSet<String>,
    paint: Paint,
) -> String {
    let mut lines = vec![head("A", a, paint), head("B", b, paint)];
    if let Some(reason) = &found.reason {
        lines.push(format!("{} {reason}", paint.yellow("not comparable:")));
        return lines.join("\n");
    }
    if found.verdict == Verdict::Same {
        lines.push(paint.green("same"));
    }
    for origin in found.origins.iter().take(ORIGINS_MAX) {
        lines.push(String::new());
        lines.extend(origin_lines(origin, ignored, paint));
    }
    if found.origins.len() > ORIGINS_MAX {
        let more = found.origins.len() - ORIGINS_MAX;
        lines.push(format!("… and {more} more origins; --json has them all"));
    }
    lines.push(tail(found, paint));
    lines.join("\n")
}

fn head(name: &str, run: &RunView, paint: Paint) -> String {
    let bound = if run.cost.exact { "" } else { "≥ " };
    format!(
        "{} {}  {}  {}  {bound}${}  {} tasks",
        paint.bold(name),
        run.run,
        run.name,
        paint.status(&run.status),
        run.cost.usd.normalize(),
        run.tasks.len()
    )
}

fn origin_lines(origin: &Origin, ignored: &BTreeSet<String>, paint: Paint) -> Vec<String> {
    let task = match origin.task.as_str() {
        "" => "the run itself",
        task => task,
    };
    let record = |place: Option<layercake_engine::diff::Place>| {
        place.map_or("–".to_owned(), |place| place.seq.to_string())
    };
    let mut lines = vec![
        format!(
            "{}  {}  {}",
            paint.bold("cause"),
            paint.yellow(origin.cause.words()),
            paint.cyan(&safe_text(task))
        ),
        format!(
            "  {} {}",
            safe_text(&origin.explanation),
            paint.dim(&format!(
                "(records {} and {})",
                record(origin.a),
                record(origin.b)
            ))
        ),
    ];
    let diff = value_diff(&origin.before, &origin.after, ignored);
    for change in diff.changes.iter().take(CHANGES_MAX) {
        let path = match change.path.as_str() {
            "" => String::new(),
            path => format!("{} ", safe_text(path)),
        };
        if let (Some(Value::String(before)), Some(Value::String(after))) =
            (&change.before, &change.after)
            && before.len().min(after.len()) > VALUE_CHARS / 2
        {
            lines.push(format!("  ~ {path}{}", word_line(before, after, paint)));
            continue;
        }
        if let Some(before) = &change.before {
            let line = format!("  - {path}{}", short(before));
            lines.push(paint.red(&line));
        }
        if let Some(after) = &change.after {
            let line = format!("  + {path}{}", short(after));
            lines.push(paint.green(&line));
        }
    }
    if diff.changes.len() > CHANGES_MAX {
        lines.push(format!(
            "  … and {} more places",
            diff.changes.len() - CHANGES_MAX
        ));
    }
    lines
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    one_line(&text, VALUE_CHARS)
}

/// The characters around a changed word that are shown.
const AROUND: usize = 24;

fn word_line(before: &str, after: &str, paint: Paint) -> String {
    let mut line = String::new();
    for word in words(before, after) {
        match word {
            Word::Same(text) if text.chars().count() > 2 * AROUND => {
                let head: String = text.chars().take(AROUND).collect();
                let rest = text.chars().count() - AROUND;
                let tail: String = text.chars().skip(rest).collect();
                line.push_str(&format!("{head} … {tail}"));
            }
            Word::Same(text) => line.push_str(&text),
            Word::Removed(text) => line.push_str(&paint.red(&format!("[-{text}-]"))),
            Word::Added(text) => line.push_str(&paint.green(&format!("{{+{text}+}}"))),
        }
    }
    safe_words(&line)
}

/// Keeps the colours of the painter, and one line.
fn safe_words(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

fn tail(found: &Comparison, paint: Paint) -> String {
    let mut parts = Vec::new();
    if found.downstream > 0 {
        parts.push(format!("{} steps differ because of this", found.downstream));
    }
    if found.absorbed_retries > 0 {
        parts.push(format!("{} retries absorbed", found.absorbed_retries));
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!("{} {}", paint.bold("downstream"), parts.join("; ")),
    }
}

/// Paints one line for each step that differs, or for all.
pub(crate) fn stat(found: &Comparison, all: bool, paint: Paint) -> String {
    let lines = found.pairs.iter().filter_map(|pair| {
        let (mark, word) = match pair.label {
            Label::Equal if !all => return None,
            Label::Equal => (paint.dim("="), "equal"),
            Label::Volatile if !all => return None,
            Label::Volatile => (paint.dim("≈"), "times and ids"),
            Label::Origin => (paint.yellow("!"), "origin"),
            Label::Downstream => (paint.cyan("~"), "downstream"),
            Label::OnlyA => (paint.red("-"), "only in A"),
            Label::OnlyB => (paint.green("+"), "only in B"),
        };
        let task = if pair.task.is_empty() {
            "(run)"
        } else {
            &pair.task
        };
        Some(format!(
            "{mark} {word:<13} {}  {}",
            safe_text(task),
            paint.dim(&pair.name)
        ))
    });
    lines.collect::<Vec<_>>().join("\n")
}
