//! The control flow as a picture, in the languages of Graphviz and Mermaid.

use std::collections::BTreeMap;

use petgraph::stable_graph::NodeIndex;
use petgraph::visit::EdgeRef;

use crate::definition::tree::{Task, TaskKind, Tree};

use super::flow::{ControlFlow, Point, Step};

/// A task or an end of the run in the picture.
pub(super) struct Shape {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) kind: &'static str,
    /// How many tasks are around it.
    pub(super) depth: usize,
}

/// An arrow between two of them.
pub(super) struct Arrow {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) label: String,
    pub(super) dashed: bool,
}

/// Writes the picture for Graphviz.
pub(crate) fn dot(tree: &Tree) -> String {
    let (shapes, arrows) = drawing(tree);
    let title = quoted(&format!(
        "{}/{}",
        tree.document.namespace, tree.document.name
    ));
    let mut text = format!("digraph {title} {{\n  node [fontname=\"sans-serif\"];\n");
    for shape in shapes {
        let form = match shape.kind {
            "start" | "end" => "circle",
            "switch" => "diamond",
            "for" | "do" | "try" => "folder",
            _ => "box",
        };
        text.push_str(&format!(
            "  {} [label={}, shape={form}];\n",
            shape.id,
            quoted(&shape.label)
        ));
    }
    for arrow in arrows {
        let style = if arrow.dashed { ", style=dashed" } else { "" };
        let label = quoted(&arrow.label);
        text.push_str(&format!(
            "  {} -> {} [label={label}{style}];\n",
            arrow.from, arrow.to
        ));
    }
    text.push_str("}\n");
    text
}

/// Writes the picture for Mermaid.
pub(crate) fn mermaid(tree: &Tree) -> String {
    let (shapes, arrows) = drawing(tree);
    let mut text = "flowchart TD\n".to_owned();
    for shape in shapes {
        let (open, close) = match shape.kind {
            "start" | "end" => ("((", "))"),
            "switch" => ("{", "}"),
            "for" | "do" | "try" => ("[[", "]]"),
            _ => ("[", "]"),
        };
        text.push_str(&format!(
            "  {}{open}{}{close}\n",
            shape.id,
            escaped(&shape.label)
        ));
    }
    for arrow in arrows {
        let line = if arrow.dashed { "-.->" } else { "-->" };
        let label = match arrow.label.as_str() {
            "" => String::new(),
            label => format!("|{}|", escaped(label)),
        };
        text.push_str(&format!("  {} {line}{label} {}\n", arrow.from, arrow.to));
    }
    text
}

/// Writes text for a Graphviz label.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}

/// Writes text for a Mermaid label.
fn escaped(text: &str) -> String {
    let text = text.replace('"', "#quot;").replace('\n', " ");
    format!("\"{text}\"")
}

/// Lays out what is drawn: tasks and the ends; the inner points of the graph are skipped over.
pub(super) fn drawing(tree: &Tree) -> (Vec<Shape>, Vec<Arrow>) {
    let flow = ControlFlow::of_run(tree);
    let mut ids: BTreeMap<NodeIndex, String> = BTreeMap::new();
    let mut shapes = Vec::new();
    for node in flow.graph.node_indices() {
        let (label, kind, depth) = match flow.graph[node] {
            Point::Start => ("start".to_owned(), "start", 0),
            Point::End => ("end".to_owned(), "end", 0),
            Point::Enter(task) => (label(task), word(task), depth_of(task)),
            Point::Done | Point::Leave => continue,
        };
        let id = format!("n{}", shapes.len());
        ids.insert(node, id.clone());
        shapes.push(Shape {
            id,
            label,
            kind,
            depth,
        });
    }
    let mut arrows: Vec<Arrow> = Vec::new();
    for (node, from) in &ids {
        for edge in flow.graph.edges(*node) {
            for (to, step) in drawn_targets(&flow, edge.target(), *edge.weight(), &ids) {
                arrows.push(arrow(from, &to, step));
            }
        }
    }
    arrows.sort_by(|a, b| (&a.from, &a.to, &a.label).cmp(&(&b.from, &b.to, &b.label)));
    arrows.dedup_by(|a, b| (&a.from, &a.to, &a.label) == (&b.from, &b.to, &b.label));
    (shapes, arrows)
}

/// Follows inner points until something drawn comes.
fn drawn_targets<'t>(
    flow: &ControlFlow<'t>,
    node: NodeIndex,
    step: Step<'t>,
    ids: &BTreeMap<NodeIndex, String>,
) -> Vec<(String, Step<'t>)> {
    let mut found = Vec::new();
    let mut open = vec![(node, step)];
    let mut seen = std::collections::BTreeSet::new();
    while let Some((node, step)) = open.pop() {
        if let Some(id) = ids.get(&node) {
            found.push((id.clone(), step));
            continue;
        }
        if !seen.insert(node) {
            continue;
        }
        for edge in flow.graph.edges(node) {
            let told = matches!(
                step,
                Step::Case(_) | Step::Skip | Step::Caught | Step::Raised
            );
            open.push((edge.target(), if told { step } else { *edge.weight() }));
        }
    }
    found
}

fn arrow(from: &str, to: &str, step: Step<'_>) -> Arrow {
    let (label, dashed) = match step {
        Step::Next | Step::Then | Step::Body => ("", false),
        Step::Case(name) => (name, false),
        Step::Skip => ("skipped", true),
        Step::Again => ("again", false),
        Step::Caught => ("caught", true),
        Step::Raised => ("problem", true),
    };
    Arrow {
        from: from.to_owned(),
        to: to.to_owned(),
        label: label.to_owned(),
        dashed,
    }
}

/// Says how many tasks are around a task: each list on the way to it has a number.
fn depth_of(task: &Task) -> usize {
    let numbers = task.pointer.split('/');
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    numbers.filter(is_number).count().saturating_sub(1)
}

fn label(task: &Task) -> String {
    let what = match &task.kind {
        TaskKind::Call(call) => format!("call {}", call.function),
        TaskKind::CallCustom { function, .. } => format!("call {function}"),
        TaskKind::Spread(spread) => format!("for-each {}", spread.function),
        TaskKind::RunWorkflow(run) => format!("run {}/{}", run.namespace, run.name),
        TaskKind::Process(process) => format!("run {}", process.kind.name()),
        _ => word(task).to_owned(),
    };
    format!("{}\n{what}", task.name)
}

fn word(task: &Task) -> &'static str {
    match &task.kind {
        TaskKind::Do(_) => "do",
        TaskKind::Set(_) => "set",
        TaskKind::Switch(_) => "switch",
        TaskKind::For(_) => "for",
        TaskKind::Try(_) => "try",
        TaskKind::Fork(_) => "fork",
        TaskKind::Emit(_) => "emit",
        TaskKind::Listen(_) => "listen",
        TaskKind::Wait(_) => "wait",
        TaskKind::Raise(_) => "raise",
        TaskKind::RunWorkflow(_) | TaskKind::Process(_) => "run",
        TaskKind::Call(_) | TaskKind::CallCustom { .. } | TaskKind::Spread(_) => "call",
        TaskKind::Unsupported(_) => "task",
    }
}
