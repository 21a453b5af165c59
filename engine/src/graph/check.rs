//! What the control flow says about a definition.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{Dfs, EdgeRef};

use crate::definition::codes;
use crate::definition::report::Report;
use crate::definition::span::Span;
use crate::definition::tree::{Flow, Task, TaskKind, TaskList, Tree};

use super::flow::{ControlFlow, Point, Step};

/// Checks the control flow of a run and of its functions.
pub(crate) fn check(tree: &Tree, report: &mut Report) {
    let run = ControlFlow::of_run(tree);
    check_flow(&run, report);
    unreachable(&run, &tree.tasks, report);
    for task in tree.uses.functions.values() {
        let flow = ControlFlow::of_function(task);
        check_flow(&flow, report);
        lists_of(task).for_each(|list| unreachable(&flow, list, report));
    }
    recursion(tree, report);
}

/// Returns the lists of tasks directly inside of a task.
fn lists_of(task: &Task) -> impl Iterator<Item = &TaskList> {
    let (first, second) = match &task.kind {
        TaskKind::Do(body) => (Some(body), None),
        TaskKind::For(each) => (Some(&each.body), None),
        TaskKind::Try(attempt) => (Some(&attempt.body), attempt.handler.as_ref()),
        TaskKind::Fork(fork) => (Some(&fork.branches), None),
        TaskKind::Listen(listen) => (listen.each.as_ref().map(|each| &each.body), None),
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

/// Reports tasks that no path leads to, the outermost only.
fn unreachable(flow: &ControlFlow<'_>, list: &TaskList, report: &mut Report) {
    let mut reached = BTreeSet::new();
    let mut search = Dfs::new(&flow.graph, flow.start);
    while let Some(node) = search.next(&flow.graph) {
        if let Point::Enter(task) = flow.graph[node] {
            reached.insert(task.pointer.as_str());
        }
    }
    report_unreached(&reached, list, report);
}

fn report_unreached(reached: &BTreeSet<&str>, list: &TaskList, report: &mut Report) {
    for (at, task) in list.0.iter().enumerate() {
        if reached.contains(task.pointer.as_str()) {
            lists_of(task).for_each(|list| report_unreached(reached, list, report));
            continue;
        }
        let message = format!("the task `{}` is never reached", task.name);
        let remark = report.warning(codes::UNREACHABLE, task.span, message);
        let before = at.checked_sub(1).map(|at| &list.0[at]);
        if let Some(before) = before.filter(|before| reached.contains(before.pointer.as_str())) {
            remark.related(leads_elsewhere(before), before.span);
        }
    }
}

fn leads_elsewhere(task: &Task) -> String {
    let name = &task.name;
    match (&task.kind, &task.then) {
        (TaskKind::Raise(_), _) => format!("`{name}` always raises a problem"),
        (TaskKind::Switch(_), _) => format!("every case of `{name}` leads elsewhere"),
        (_, Flow::End) => format!("`{name}` ends the run"),
        (_, Flow::Exit) => format!("`{name}` leaves this list"),
        (_, Flow::Task(target)) => format!("`{name}` goes on with `{target}`"),
        (_, Flow::Continue) => format!("`{name}` never comes to its end"),
    }
}

/// Reports loops that cannot end, and loops that may spin.
fn check_flow(flow: &ControlFlow<'_>, report: &mut Report) {
    let mut reached = BTreeSet::new();
    let mut search = Dfs::new(&flow.graph, flow.start);
    while let Some(node) = search.next(&flow.graph) {
        reached.insert(node);
    }
    for component in tarjan_scc(&flow.graph) {
        let members: BTreeSet<NodeIndex> = component.into_iter().collect();
        let inner: Vec<_> = members
            .iter()
            .flat_map(|node| flow.graph.edges(*node))
            .filter(|edge| members.contains(&edge.target()))
            .collect();
        let counted = inner.iter().any(|edge| *edge.weight() == Step::Again);
        if inner.is_empty() || counted || !members.is_subset(&reached) {
            continue;
        }
        let leaves = members
            .iter()
            .flat_map(|node| flow.graph.neighbors(*node))
            .any(|node| !members.contains(&node));
        let limited = !flow.limited.is_disjoint(&members);
        let tasks = entered(flow, &members);
        if !leaves && !limited {
            report_loop(&tasks, codes::ENDLESS, report);
        } else if leaves && tasks.iter().all(|task| changes_nothing(task)) {
            report_loop(&tasks, codes::MAY_SPIN, report);
        }
    }
}

/// Returns the tasks of a component in the order of the text.
fn entered<'t>(flow: &ControlFlow<'t>, members: &BTreeSet<NodeIndex>) -> Vec<&'t Task> {
    let points = members.iter().map(|node| flow.graph[*node]);
    let mut tasks: Vec<&Task> = points
        .filter_map(|point| match point {
            Point::Enter(task) => Some(task),
            _ => None,
        })
        .collect();
    tasks.sort_by_key(|task| task.span.start);
    tasks
}

/// Tells whether a task leaves all data as it is, so that a condition cannot change.
fn changes_nothing(task: &Task) -> bool {
    let passes = matches!(task.kind, TaskKind::Do(_) | TaskKind::Switch(_));
    let transforms = task.input.from.is_some()
        || task.output.transform.is_some()
        || task.export.transform.is_some();
    passes && !transforms && task.timeout.is_none()
}

fn report_loop(tasks: &[&Task], code: &'static str, report: &mut Report) {
    let Some((first, rest)) = tasks.split_first() else {
        return;
    };
    let names: Vec<String> = tasks
        .iter()
        .map(|task| format!("`{}`", task.name))
        .collect();
    let names = names.join(", ");
    if code == codes::MAY_SPIN {
        let message = format!("the loop over {names} may spin: nothing in it changes anything");
        report.warning(code, first.span, message);
        return;
    }
    let message = match rest {
        [] => format!("the task {names} leads to itself and nowhere else"),
        _ => format!("the tasks {names} lead to each other and nowhere else"),
    };
    let remark = report.error(code, first.span, message);
    for task in rest {
        remark.related("part of the loop", task.span);
    }
    remark.help("let a `switch` or an `if` lead out of the loop, or give the run a `timeout`");
}

/// Reports functions that call themselves.
fn recursion(tree: &Tree, report: &mut Report) {
    let mut calls: StableDiGraph<Span, Span> = StableDiGraph::new();
    let functions = &tree.uses.functions;
    let nodes: BTreeMap<&str, NodeIndex> = functions
        .iter()
        .map(|(name, task)| (name.as_str(), calls.add_node(task.span)))
        .collect();
    for (name, task) in functions {
        for (called, place) in called_functions(task) {
            if let Some(to) = nodes.get(called) {
                calls.add_edge(nodes[name.as_str()], *to, place);
            }
        }
    }
    for component in tarjan_scc(&calls) {
        let members: BTreeSet<NodeIndex> = component.into_iter().collect();
        let names = nodes.iter().filter(|(_, node)| members.contains(*node));
        let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
        let inner = members.iter().flat_map(|node| calls.edges(*node));
        let Some(edge) = inner
            .filter(|edge| members.contains(&edge.target()))
            .min_by_key(|edge| edge.weight().start)
        else {
            continue;
        };
        let message = match names.as_slice() {
            [only] => format!("the function {only} calls itself"),
            _ => format!("the functions {} call each other", names.join(", ")),
        };
        report
            .error(codes::RECURSION, *edge.weight(), message)
            .help("repeat with `for`, or make a sub-routine of it");
    }
}

/// Returns the functions of the document that a task calls, with the calling tasks' places.
fn called_functions(task: &Task) -> Vec<(&str, Span)> {
    let mut found = match &task.kind {
        TaskKind::CallCustom { function, .. } => vec![(function.as_str(), task.span)],
        TaskKind::Call(call) => {
            let evaluator = call.evaluator.iter();
            evaluator.map(|name| (name.as_str(), task.span)).collect()
        }
        TaskKind::Spread(spread) => std::iter::once(&spread.function)
            .chain(&spread.undo)
            .map(|function| (function.as_str(), task.span))
            .collect(),
        _ => Vec::new(),
    };
    for list in lists_of(task) {
        found.extend(list.0.iter().flat_map(called_functions));
    }
    found
}
