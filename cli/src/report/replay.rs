//! What came of a strict replay: `layercake.replay/1` and its words.

use std::collections::BTreeSet;

use layercake_engine::diff::value_diff;
use layercake_engine::{Record, ReplayOutcome, Replayed};
use serde::Serialize;
use serde_json::Value;

use super::log::RecordView;
use super::paint::{Paint, one_line};

/// `layercake.replay/1`.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayView {
    schema: &'static str,
    /// What was replayed: a run or a bundle.
    what: String,
    /// `exact`, `diverged` or `not-replayable`.
    pub(crate) verdict: &'static str,
    runs: Vec<RunLine>,
    /// The first mismatch.
    mismatch: Option<Mismatch>,
}

/// One run of the tree.
#[derive(Debug, Serialize)]
struct RunLine {
    run: String,
    name: String,
    records: usize,
    /// `exact`, `diverged`, `refused`, `not-replayable`, or `kept`: the log of an agent, whose
    /// chain of hashes was checked.
    outcome: &'static str,
    detail: Option<String>,
}

/// Where a replay and the stored log part.
#[derive(Debug, Serialize)]
struct Mismatch {
    run: String,
    seq: u64,
    task: String,
    /// What is stored; nothing when the log ends before.
    expected: Value,
    /// What the machine gives; nothing when it gives nothing more.
    actual: Value,
    /// The difference, as a JSON Patch.
    patch: Value,
}

impl ReplayView {
    /// Makes the document. `broken` names logs of agents that were changed.
    pub(crate) fn new(what: &str, replayed: &[Replayed], broken: &[(String, String)]) -> Self {
        let mut view = Self {
            schema: "layercake.replay/1",
            what: what.to_owned(),
            verdict: "exact",
            runs: Vec::new(),
            mismatch: None,
        };
        for run in replayed {
            view.add(run, broken);
        }
        view
    }

    fn add(&mut self, run: &Replayed, broken: &[(String, String)]) {
        let id = run.run.to_string();
        let damage = broken.iter().find(|(name, _)| *name == id);
        let (outcome, detail) = match (&run.outcome, damage) {
            (ReplayOutcome::Exact(_), _) => ("exact", None),
            (ReplayOutcome::Agent, None) => ("kept", None),
            (ReplayOutcome::Agent, Some((_, why))) => ("not-replayable", Some(why.clone())),
            (ReplayOutcome::Diverged(at), _) => {
                let detail = format!(
                    "record {} of `{}` is not what a replay gives",
                    at.seq, at.task
                );
                if self.mismatch.is_none() {
                    let (expected, actual) =
                        (plain(at.expected.as_ref()), plain(at.actual.as_ref()));
                    self.mismatch = Some(Mismatch {
                        run: id.clone(),
                        seq: at.seq,
                        task: at.task.to_string(),
                        patch: value_diff(&expected, &actual, &BTreeSet::new()).to_patch(),
                        expected,
                        actual,
                    });
                }
                ("diverged", Some(detail))
            }
            (ReplayOutcome::Refused { seq, reason }, _) => {
                ("refused", Some(format!("record {seq}: {reason}")))
            }
            (ReplayOutcome::NotReplayable(why), _) => ("not-replayable", Some(why.clone())),
        };
        match outcome {
            "diverged" | "refused" => self.verdict = "diverged",
            "not-replayable" if self.verdict == "exact" => self.verdict = "not-replayable",
            _ => {}
        }
        self.runs.push(RunLine {
            run: id,
            name: run.name.clone(),
            records: run.records,
            outcome,
            detail,
        });
    }
}

fn plain(record: Option<&Record>) -> Value {
    record.map_or(Value::Null, |record| {
        serde_json::to_value(RecordView::new(record)).unwrap_or_default()
    })
}

/// The most places of a mismatch that are shown.
const PLACES_MAX: usize = 20;
const VALUE_CHARS: usize = 160;

/// Paints the result.
pub(crate) fn paint(view: &ReplayView, paint: Paint) -> String {
    let verdict = match view.verdict {
        "exact" => paint.green("exact"),
        other => paint.red(other),
    };
    let mut lines = vec![format!("{}  {verdict}", paint.bold(&view.what))];
    for run in &view.runs {
        let detail = run.detail.as_deref().unwrap_or_default();
        lines.push(format!(
            "  {}  {}  {} records  {}  {}",
            run.run,
            run.name,
            run.records,
            run.outcome,
            one_line(detail, VALUE_CHARS)
        ));
    }
    if let Some(mismatch) = &view.mismatch {
        let head = format!("record {} of run {}", mismatch.seq, mismatch.run);
        lines.push(format!("{} {}", paint.red("first mismatch:"), head));
        let places = mismatch.patch.as_array().into_iter().flatten();
        for place in places.take(PLACES_MAX) {
            let path = place["path"].as_str().unwrap_or_default();
            let before = mismatch.expected.pointer(path).unwrap_or(&Value::Null);
            let before = one_line(&before.to_string(), VALUE_CHARS);
            let after = one_line(&place["value"].to_string(), VALUE_CHARS);
            lines.push(paint.red(&format!("  - {path} {before}")));
            lines.push(paint.green(&format!("  + {path} {after}")));
        }
    }
    lines.join("\n")
}
