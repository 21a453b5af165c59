//! The tree of a run: runs, tasks, turns and tools, with time and cost: `layercake.tree/1`.

use layercake_engine::{Record, RunTree};
use rust_decimal::Decimal;
use serde::Serialize;

use super::paint::{Paint, duration, one_line};
use super::run::{RunView, TaskView, view};

/// `layercake.tree/1`.
#[derive(Debug, Serialize)]
pub(crate) struct TreeView {
    schema: &'static str,
    root: Node,
}

/// One line of the tree.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    /// `run`, `task`, `turn` or `tool`.
    kind: &'static str,
    /// The name of a run, the key of a task.
    name: String,
    /// The run that it belongs to, or is.
    run: String,
    /// What it calls, empty for the others.
    call: String,
    status: String,
    duration_ms: Option<u64>,
    /// The known part of what it cost, with everything below.
    usd: Decimal,
    exact: bool,
    children: Vec<Node>,
}

/// Makes the tree; nothing for an empty one.
pub(crate) fn tree(runs: &RunTree) -> Option<TreeView> {
    let root = run_node(runs, runs.logs.first()?)?;
    Some(TreeView {
        schema: "layercake.tree/1",
        root,
    })
}

fn run_node(runs: &RunTree, log: &[Record]) -> Option<Node> {
    let own = view(std::slice::from_ref(&log.to_vec()))?;
    let is_agent = own.kind == "agent";
    let mut node = Node {
        kind: "run",
        name: own.name.clone(),
        run: own.run.clone(),
        call: own.kind.clone(),
        status: own.status.clone(),
        duration_ms: span_of(log),
        usd: own.cost.usd,
        exact: own.cost.exact,
        children: Vec::new(),
    };
    for task in &own.tasks {
        place(&mut node.children, task_node(task, &own, is_agent));
    }
    for child in children(runs, &own) {
        let key = child.0;
        let Some(below) = run_node(runs, child.1) else {
            continue;
        };
        node.usd += below.usd;
        node.exact &= below.exact;
        match deepest(&mut node.children, &key) {
            Some(task) => {
                task.usd += below.usd;
                task.children.push(below);
            }
            None => node.children.push(below),
        }
    }
    Some(node)
}

fn task_node(task: &TaskView, own: &RunView, is_agent: bool) -> Node {
    let kind = match (is_agent, task.call.as_str()) {
        (true, "model") => "turn",
        (true, _) => "tool",
        (false, _) => "task",
    };
    Node {
        kind,
        name: task.task.clone(),
        run: own.run.clone(),
        call: task.call.clone(),
        status: task.status.clone(),
        duration_ms: Some(task.duration_ms),
        usd: task.usd,
        exact: true,
        children: Vec::new(),
    }
}

/// Puts a task below the one whose key its own begins with.
fn place(nodes: &mut Vec<Node>, task: Node) {
    let inside = |outer: &Node| {
        let rest = task.name.strip_prefix(outer.name.as_str());
        outer.kind == "task" && rest.is_some_and(|rest| rest.starts_with(['/', '[']))
    };
    match nodes.iter().rposition(inside) {
        Some(index) => place(&mut nodes[index].children, task),
        None => nodes.push(task),
    }
}

fn deepest<'a>(nodes: &'a mut [Node], key: &str) -> Option<&'a mut Node> {
    for node in nodes {
        if node.kind != "run" && node.name == key {
            return Some(node);
        }
        if let Some(found) = deepest(&mut node.children, key) {
            return Some(found);
        }
    }
    None
}

/// Returns the runs that a run asked for, each with the task that did.
fn children<'a>(
    runs: &'a RunTree,
    own: &'a RunView,
) -> impl Iterator<Item = (String, &'a [Record])> {
    runs.logs.iter().skip(1).filter_map(|log| {
        let (parent, task) = super::run::parent_of(log)?;
        (parent == own.run).then_some((task, log.as_slice()))
    })
}

fn span_of(log: &[Record]) -> Option<u64> {
    let (first, last) = (log.first()?, log.last()?);
    Some(last.at.as_millis().saturating_sub(first.at.as_millis()))
}

/// The most lines of a tree; `--json` has them all.
const LINES_MAX: usize = 400;
const NAME_CHARS: usize = 72;

/// Paints the tree.
pub(crate) fn paint(view: &TreeView, paint: Paint) -> String {
    let mut lines = Vec::new();
    draw(&view.root, "", "", paint, &mut lines);
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("… and {more} more; --json has them all"));
    }
    lines.join("\n")
}

fn draw(node: &Node, head: &str, indent: &str, paint: Paint, lines: &mut Vec<String>) {
    lines.push(format!("{head}{}", line(node, paint)));
    for (position, child) in node.children.iter().enumerate() {
        let last = position + 1 == node.children.len();
        let (branch, below) = if last {
            ("└ ", "  ")
        } else {
            ("├ ", "│ ")
        };
        let head = format!("{indent}{branch}");
        draw(child, &head, &format!("{indent}{below}"), paint, lines);
    }
}

fn line(node: &Node, paint: Paint) -> String {
    let name = one_line(&node.name, NAME_CHARS);
    let name = if node.kind == "run" {
        paint.bold(&name)
    } else {
        name
    };
    let mut line = format!("{name}  {}", paint.status(&node.status));
    let mut facts: Vec<String> = Vec::new();
    if !node.call.is_empty() {
        facts.push(node.call.clone());
    }
    facts.extend(node.duration_ms.map(duration));
    if !node.usd.is_zero() || !node.exact {
        let bound = if node.exact { "" } else { "≥ " };
        facts.push(format!("{bound}${}", node.usd.normalize()));
    }
    if node.kind == "run" {
        facts.push(node.run.clone());
    }
    line.push_str(&format!("  {}", paint.dim(&facts.join(", "))));
    line
}
