//! What runs cost, and for what: `layercake.cost/1`, its words, and comma-separated values.

use layercake_engine::CostCause;
use layercake_engine::ledger::{Entry, Ledger, Overhead, Sum, word};
use rust_decimal::Decimal;
use serde::Serialize;

use super::log::actor_name;
use super::paint::{Paint, duration, safe_text};

/// `layercake.cost/1`.
#[derive(Debug, Serialize)]
pub(crate) struct CostDocument {
    schema: &'static str,
    /// The run; nothing for all runs.
    run: Option<String>,
    by: String,
    total: Sum,
    /// What share of the known money was not the work itself, in percent.
    orchestration_percent: Option<Decimal>,
    lines: Vec<Line>,
    overhead: Overhead,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    #[serde(flatten)]
    sum: Sum,
}

impl CostDocument {
    /// Makes the document.
    pub(crate) fn new(
        run: Option<String>,
        by: &str,
        ledger: &Ledger,
        lines: Vec<(String, Sum)>,
    ) -> Self {
        Self {
            schema: "layercake.cost/1",
            run,
            by: by.to_owned(),
            total: ledger.total(),
            orchestration_percent: ledger.orchestration_percent(),
            lines: lines
                .into_iter()
                .map(|(name, sum)| Line { name, sum })
                .collect(),
            overhead: ledger.overhead,
        }
    }
}

/// The most lines that are shown; `--json` has them all.
const LINES_MAX: usize = 40;

/// Paints the document.
pub(crate) fn paint(document: &CostDocument, ledger: &Ledger, paint: Paint) -> String {
    let mut lines = vec![headline(document, ledger, paint)];
    for line in document.lines.iter().take(LINES_MAX) {
        lines.push(format!(
            "  {:<28} {:>14}  {:>6} calls  {} tokens",
            safe_text(&line.name),
            money(&line.sum),
            line.sum.calls,
            line.sum.tokens.values().sum::<u64>()
        ));
    }
    if document.lines.len() > LINES_MAX {
        lines.push(format!("  … and {} more", document.lines.len() - LINES_MAX));
    }
    if document.total.unpriced > 0 {
        let words = format!("{} calls have no known price", document.total.unpriced);
        lines.push(paint.yellow(&words));
    }
    let overhead = &document.overhead;
    lines.push(paint.dim(&format!(
        "beside money: {} records, people were waited for {}, timers {}, calls took {}",
        overhead.records,
        duration(overhead.human_wait_ms),
        duration(overhead.timer_wait_ms),
        duration(overhead.work_ms)
    )));
    lines.join("\n")
}

/// `cost $0.061, of which 31 % orchestration (retry 18, evaluator 9, compaction 4)`.
fn headline(document: &CostDocument, ledger: &Ledger, paint: Paint) -> String {
    let mut line = format!("{} {}", paint.bold("cost"), money(&document.total));
    let Some(percent) = document.orchestration_percent else {
        return line;
    };
    line.push_str(&format!(
        ", of which {} % orchestration",
        percent.normalize()
    ));
    let total = document.total.usd;
    let causes = ledger.by(layercake_engine::ledger::Axis::Cause);
    let parts: Vec<String> = causes
        .iter()
        .filter(|(name, sum)| name != word(CostCause::Productive) && !sum.usd.is_zero())
        .map(|(name, sum)| {
            let share = (sum.usd * Decimal::ONE_HUNDRED / total).round_dp(1);
            format!("{name} {}", share.normalize())
        })
        .collect();
    if !parts.is_empty() {
        line.push_str(&format!(" ({})", parts.join(", ")));
    }
    line
}

fn money(sum: &Sum) -> String {
    let bound = if sum.exact { "" } else { "≥ " };
    format!("{bound}${}", sum.usd.normalize())
}

/// Writes the entries as comma-separated values (RFC 4180).
pub(crate) fn csv(entries: &[Entry]) -> String {
    let mut lines = vec!["run,name,record,at,task,attempt,actor,model,cause,input,cache-read,cache-write,output,reasoning,usd".to_owned()];
    for entry in entries {
        let tokens = |class: &str| entry.tokens.get(class).copied().unwrap_or(0).to_string();
        let cells = [
            entry.run.to_string(),
            entry.name.clone(),
            entry.seq.to_string(),
            entry.at.to_string(),
            entry.task.to_string(),
            entry.attempt.to_string(),
            actor_name(&entry.actor),
            entry.model.clone(),
            word(entry.cause).to_owned(),
            tokens("input"),
            tokens("cache-read"),
            tokens("cache-write"),
            tokens("output"),
            tokens("reasoning"),
            entry.usd.map_or(String::new(), |usd| usd.to_string()),
        ];
        lines.push(cells.map(|cell| quoted(&cell)).join(","));
    }
    lines.join("\r\n")
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}
