//! The list of runs: `layercake.runs/1` and its words.

use serde::{Deserialize, Serialize};

use super::paint::{Paint, one_line};

/// `layercake.runs/1`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListView {
    /// `layercake.runs/1`.
    pub(crate) schema: String,
    /// The runs, the newest first.
    pub(crate) runs: Vec<BriefView>,
    /// How many runs there are that the list leaves out.
    pub(crate) left_out: usize,
}

/// One run of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BriefView {
    /// The id.
    pub(crate) run: String,
    /// `routine` or `agent`.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// Its phase.
    pub(crate) status: String,
    /// The run that asked for it.
    pub(crate) parent: Option<String>,
    /// When it was asked for, RFC 3339.
    pub(crate) started_at: String,
    /// When it ended, RFC 3339.
    pub(crate) ended_at: Option<String>,
    /// The caller's idempotency key.
    pub(crate) key: Option<String>,
    /// Whether it ought to be at work and no process moves it.
    #[serde(default)]
    pub(crate) interrupted: bool,
}

const NAME_CHARS: usize = 48;
const STATUS_CHARS: usize = 11;
/// What the list says of a run that ought to be at work and that no process moves.
const INTERRUPTED: &str = "interrupted";

/// Paints the list as a table.
pub(crate) fn paint(view: &ListView, paint: Paint) -> String {
    if view.runs.is_empty() {
        return "no runs".to_owned();
    }
    let mut lines: Vec<String> = view.runs.iter().map(|run| line(run, paint)).collect();
    if view.left_out > 0 {
        lines.push(format!("… and {} older", view.left_out));
    }
    lines.join("\n")
}

fn line(run: &BriefView, paint: Paint) -> String {
    let word = if run.interrupted {
        INTERRUPTED
    } else {
        &run.status
    };
    let status = paint.status(word) + &" ".repeat(STATUS_CHARS.saturating_sub(word.len()));
    let child = if run.parent.is_some() { "└ " } else { "" };
    let name = one_line(&format!("{child}{}", run.name), NAME_CHARS);
    let moment = run.started_at.get(..19).unwrap_or(&run.started_at);
    format!(
        "{}  {status}  {:<7}  {name:<NAME_CHARS$}  {}",
        run.run,
        run.kind,
        paint.dim(&moment.replace('T', " "))
    )
}
