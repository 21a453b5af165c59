//! A run in words: what happened, why it failed, what it cost, task by task.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::{ChildView, CostView, RunView, TaskView, WaitView};
use crate::report::paint::{Paint, duration, one_line};

/// The most characters of a value that a summary shows.
const EXCERPT_CHARS: usize = 160;
/// The most lines of tasks or runs that a summary shows; `--json` has them all.
const LINES_MAX: usize = 40;

/// Paints the summary of a run.
pub(crate) fn paint(view: &RunView, paint: Paint) -> String {
    let mut lines = vec![headline(view, paint)];
    lines.extend(failure_lines(view, paint));
    if let Some(trouble) = &view.trouble {
        let words = one_line(trouble, 4 * EXCERPT_CHARS);
        lines.push(format!("  {} {words}", paint.red("it cannot go on:")));
    } else if view.interrupted {
        let words = "no process moves it; everything up to the last record is safe";
        lines.push(format!("  {} {words}", paint.red("interrupted:")));
    }
    lines.extend(
        view.waiting_for
            .iter()
            .filter_map(|wait| waiting(wait, paint)),
    );
    lines.extend(section("tasks", task_lines(&view.tasks, paint), paint));
    lines.extend(section("runs below", child_lines(&view.runs, paint), paint));
    if !view.output.is_null() {
        lines.push(format!(
            "{} {}",
            paint.bold("output"),
            excerpt(&view.output)
        ));
    }
    lines.push(format!("{} {}", paint.bold("cost"), cost_words(view)));
    lines.extend(cause_lines(&view.cost));
    lines.join("\n")
}

/// Says in one line what a run cost and how much it called.
fn cost_words(view: &RunView) -> String {
    format!(
        "{}, {} and {}, {} tokens",
        money(&view.cost),
        count(view.model_calls, "model call"),
        count(view.tool_calls, "tool call"),
        view.cost.tokens
    )
}

/// Writes an amount; a lower bound says so.
fn money(cost: &CostView) -> String {
    let bound = if cost.exact { "" } else { "≥ " };
    format!("{bound}${}", amount(cost.usd))
}

fn amount(usd: Decimal) -> String {
    let mut short = usd.round_dp(6).normalize();
    if short.scale() < 2 {
        short.rescale(2);
    }
    short.to_string()
}

fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

fn headline(view: &RunView, paint: Paint) -> String {
    let took = took(view).map(|millis| format!(" in {}", duration(millis)));
    format!(
        "{}  {}  {}{}",
        paint.bold(&view.run),
        view.name,
        paint.status(if view.interrupted {
            "interrupted"
        } else {
            &view.status
        }),
        took.unwrap_or_default()
    )
}

fn took(view: &RunView) -> Option<u64> {
    let moment = |text: &str| {
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(text, format).ok()
    };
    let ended = moment(view.ended_at.as_deref()?)?;
    let millis = (ended - moment(&view.started_at)?).whole_milliseconds();
    u64::try_from(millis).ok()
}

/// Says in one sentence why a run failed, and which record shows it.
fn failure_lines(view: &RunView, paint: Paint) -> Vec<String> {
    let Some(reason) = reason(&view.error) else {
        return Vec::new();
    };
    let head = paint.red("why it failed:");
    let Some(failure) = &view.failure else {
        return vec![format!("  {head} {reason}")];
    };
    let sentence = one_line(&failure.sentence, 6 * EXCERPT_CHARS);
    let mut place = format!("record {}", failure.record);
    if failure.run != view.run {
        place.push_str(&format!(" of run {}", failure.run));
    }
    let at = if failure.task.is_empty() {
        String::new()
    } else {
        format!(", {}", failure.task)
    };
    vec![format!(
        "  {head} {sentence} {}",
        paint.dim(&format!("({place}{at})"))
    )]
}

fn reason(error: &Value) -> Option<String> {
    let title = error.get("title")?.as_str()?;
    let mut words = one_line(title, EXCERPT_CHARS);
    if let Some(detail) = error.get("detail").and_then(Value::as_str) {
        words.push_str(&format!(": {}", one_line(detail, 4 * EXCERPT_CHARS)));
    }
    if let Some(place) = error.get("instance").and_then(Value::as_str) {
        words.push_str(&format!(" (at {place})"));
    }
    Some(words)
}

fn waiting(wait: &WaitView, paint: Paint) -> Option<String> {
    let until = wait.due.as_deref().map(|due| format!(" until {due}"));
    let until = until.unwrap_or_default();
    let what = match wait.kind.as_str() {
        "approval" => format!("a person: {}{until}", one_line(&wait.title, EXCERPT_CHARS)),
        "timer" => format!("time{until}"),
        _ => return None,
    };
    let head = paint.yellow("waits for");
    Some(format!("  {head} {what}  {}", paint.dim(&wait.task)))
}

fn section(title: &str, lines: Vec<String>, paint: Paint) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let mut section = vec![paint.bold(title)];
    section.extend(lines);
    section
}

/// The passes of one task in a loop, told as one line.
struct Group<'a> {
    name: String,
    tasks: Vec<&'a TaskView>,
}

fn task_lines(tasks: &[TaskView], paint: Paint) -> Vec<String> {
    let groups = group(tasks);
    let mut lines: Vec<String> = groups
        .iter()
        .take(LINES_MAX)
        .map(|group| group_line(group, paint))
        .collect();
    if groups.len() > LINES_MAX {
        lines.push(format!("  … and {} more", groups.len() - LINES_MAX));
    }
    lines
}

fn group(tasks: &[TaskView]) -> Vec<Group<'_>> {
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for task in tasks {
        let name = without_passes(&task.task);
        let at = *positions.entry(name.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Group {
                name,
                tasks: Vec::new(),
            });
        }
        groups[at].tasks.push(task);
    }
    groups
}

/// Removes the passes of loops from a stable key: `triage/classify[2]` becomes `triage/classify`.
fn without_passes(key: &str) -> String {
    let mut name = String::new();
    let mut inside = false;
    for letter in key.chars() {
        match letter {
            '[' => inside = true,
            ']' if inside => inside = false,
            other if !inside => name.push(other),
            _ => {}
        }
    }
    name
}

fn group_line(group: &Group<'_>, paint: Paint) -> String {
    let statuses: Vec<&str> = group
        .tasks
        .iter()
        .map(|task| task.status.as_str())
        .collect();
    let passes = match group.tasks.len() {
        1 => String::new(),
        many => format!(" ×{many}"),
    };
    let calls = group
        .tasks
        .iter()
        .map(|task| task.call.as_str())
        .find(|call| !call.is_empty());
    let millis: u64 = group.tasks.iter().map(|task| task.duration_ms).sum();
    let retries: u32 = group
        .tasks
        .iter()
        .map(|task| task.attempts.saturating_sub(1))
        .sum();
    let mut line = format!(
        "  {} {}{passes}  {}",
        mark(&statuses, paint),
        group.name,
        paint.dim(&format!(
            "{} {}",
            calls.unwrap_or_default(),
            duration(millis)
        ))
    );
    if retries > 0 {
        let words = if retries == 1 { "retry" } else { "retries" };
        line.push_str(&paint.yellow(&format!("  {retries} {words}")));
    }
    let failed = group.tasks.iter().find(|task| task.status == "faulted");
    if let Some(reason) = failed.and_then(|task| reason(&task.error)) {
        line.push_str(&format!("  {}", paint.red(&reason)));
    }
    line
}

fn mark(statuses: &[&str], paint: Paint) -> String {
    let any = |status: &str| statuses.contains(&status);
    if any("faulted") {
        return paint.red("✗");
    }
    if any("running") || any("retrying") {
        return paint.cyan("…");
    }
    if statuses.iter().all(|status| *status == "skipped") {
        return paint.dim("–");
    }
    paint.green("✓")
}

/// Runs below that one loop started, told as one line.
fn child_lines(runs: &[ChildView], paint: Paint) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&ChildView>)> = Vec::new();
    for run in runs {
        let group = format!(
            "{} {} {} {}",
            run.kind,
            run.name,
            run.status,
            without_passes(&run.task)
        );
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, members)) => members.push(run),
            None => groups.push((group, vec![run])),
        }
    }
    let mut lines: Vec<String> = groups
        .iter()
        .take(LINES_MAX)
        .map(|(_, members)| child_line(members, paint))
        .collect();
    if groups.len() > LINES_MAX {
        lines.push(format!("  … and {} more", groups.len() - LINES_MAX));
    }
    lines
}

fn child_line(members: &[&ChildView], paint: Paint) -> String {
    let first = members[0];
    let (passes, dots) = match members.len() {
        1 => (String::new(), ""),
        many => (format!(" ×{many}"), " …"),
    };
    format!(
        "  {}{dots}  {} {}{passes}  {}  {}",
        first.run,
        first.kind,
        first.name,
        paint.status(&first.status),
        paint.dim(&without_passes(&first.task))
    )
}

fn cause_lines(cost: &CostView) -> Vec<String> {
    let line = |cause: &super::CauseView| {
        format!(
            "  {:<14} ${:<10} {}",
            cause.cause,
            amount(cause.usd),
            count(cause.calls, "call")
        )
    };
    cost.by_cause.iter().map(line).collect()
}

fn excerpt(value: &Value) -> String {
    one_line(&value.to_string(), EXCERPT_CHARS)
}

/// Paints one task with everything that is known of it.
pub(crate) fn task_words(task: &TaskView, paint: Paint) -> String {
    let mut lines = vec![format!(
        "{}  {}  {} in {}",
        paint.bold(&task.task),
        task.call,
        paint.status(&task.status),
        duration(task.duration_ms)
    )];
    lines.push(format!(
        "  began at {}, attempts: {}",
        task.started_at, task.attempts
    ));
    lines.push(format!(
        "  records {} to {}",
        task.records.0, task.records.1
    ));
    if let Some(reason) = reason(&task.error) {
        lines.push(format!("  {} {reason}", paint.red("why it failed:")));
    }
    if !task.usd.is_zero() {
        lines.push(format!("  cost ${}", amount(task.usd)));
    }
    lines.join("\n")
}
