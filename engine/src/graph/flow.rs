//! From the task tree to the graph of what may come after what.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::stable_graph::{NodeIndex, StableDiGraph};

use crate::definition::tree::{Case, Flow, Fork, Task, TaskKind, TaskList, Tree, Try};

/// A point of the control flow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Point<'t> {
    /// The run starts.
    Start,
    /// The run ends, well or not.
    End,
    /// A task is entered.
    Enter(&'t Task),
    /// A task is done and goes on to its `then`.
    Done,
    /// A list of tasks is left.
    Leave,
}

/// Why one point may follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'t> {
    /// It is the next in order.
    Next,
    /// The condition of the task does not hold.
    Skip,
    /// `then` says so.
    Then,
    /// A case of a `switch` says so.
    Case(&'t str),
    /// A body is entered or left.
    Body,
    /// A loop goes on with the next item, or a `try` with the next attempt.
    Again,
    /// A problem is caught.
    Caught,
    /// A problem is raised, or a time limit passes.
    Raised,
}

/// The control flow of a run.
pub(super) struct ControlFlow<'t> {
    pub(super) graph: StableDiGraph<Point<'t>, Step<'t>>,
    pub(super) start: NodeIndex,
    end: NodeIndex,
    /// Where tasks are entered that a time limit around them ends some day.
    pub(super) limited: BTreeSet<NodeIndex>,
    /// Whether what is added now is under a time limit.
    under_limit: bool,
}

impl<'t> ControlFlow<'t> {
    /// Builds the control flow of a run.
    pub(super) fn of_run(tree: &'t Tree) -> Self {
        let mut flow = Self::new();
        flow.under_limit = tree.timeout.is_some();
        let (first, leave) = flow.list(&tree.tasks);
        flow.edge(flow.start, first, Step::Next);
        flow.edge(leave, flow.end, Step::Next);
        flow
    }

    /// Builds the control flow of a function.
    pub(super) fn of_function(task: &'t Task) -> Self {
        let mut flow = Self::new();
        let (enter, done) = flow.task(task);
        flow.edge(flow.start, enter, Step::Next);
        flow.edge(done, flow.end, Step::Next);
        flow.inside(task, enter, done, |_, _| None, None);
        flow
    }

    fn new() -> Self {
        let mut graph = StableDiGraph::new();
        let start = graph.add_node(Point::Start);
        let end = graph.add_node(Point::End);
        Self {
            graph,
            start,
            end,
            limited: BTreeSet::new(),
            under_limit: false,
        }
    }

    fn edge(&mut self, from: NodeIndex, to: NodeIndex, step: Step<'t>) {
        self.graph.add_edge(from, to, step);
    }

    fn task(&mut self, task: &'t Task) -> (NodeIndex, NodeIndex) {
        let enter = self.graph.add_node(Point::Enter(task));
        (enter, self.graph.add_node(Point::Done))
    }

    /// Adds a list of tasks; returns where it is entered and where it is left.
    fn list(&mut self, list: &'t TaskList) -> (NodeIndex, NodeIndex) {
        let leave = self.graph.add_node(Point::Leave);
        let points: Vec<_> = list.0.iter().map(|task| self.task(task)).collect();
        let names: BTreeMap<&str, NodeIndex> = list
            .0
            .iter()
            .zip(&points)
            .map(|(task, (enter, _))| (task.name.as_str(), *enter))
            .collect();
        let end = self.end;
        for (at, (task, (enter, done))) in list.0.iter().zip(&points).enumerate() {
            let next = points.get(at + 1).map_or(leave, |(enter, _)| *enter);
            let target = |flow: &Flow, step: Step<'t>| match flow {
                Flow::Continue => Some((next, step)),
                Flow::Exit => Some((leave, step)),
                Flow::End => Some((end, step)),
                Flow::Task(name) => names.get(name.as_str()).map(|enter| (*enter, step)),
            };
            let step = match task.then {
                Flow::Continue => Step::Next,
                _ => Step::Then,
            };
            if let Some((to, step)) = target(&task.then, step) {
                self.edge(*done, to, step);
            }
            self.inside(task, *enter, *done, target, Some(next));
        }
        (points.first().map_or(leave, |(enter, _)| *enter), leave)
    }

    /// Adds what happens between entering a task and being done with it.
    fn inside(
        &mut self,
        task: &'t Task,
        enter: NodeIndex,
        done: NodeIndex,
        target: impl Fn(&Flow, Step<'t>) -> Option<(NodeIndex, Step<'t>)>,
        next: Option<NodeIndex>,
    ) {
        if task.condition.is_some() {
            // A skipped task ignores its `then`.
            self.edge(enter, next.unwrap_or(done), Step::Skip);
        }
        if task.timeout.is_some() {
            self.edge(enter, self.end, Step::Raised);
        }
        let outside = self.under_limit;
        self.under_limit |= task.timeout.is_some();
        if self.under_limit {
            self.limited.insert(enter);
        }
        match &task.kind {
            TaskKind::Do(body) => self.body(body, enter, done),
            TaskKind::Switch(cases) => self.switch(cases, enter, done, target),
            TaskKind::For(each) => self.again_and_again(&each.body, enter, done),
            TaskKind::Try(attempt) => self.attempt(attempt, enter, done, target),
            TaskKind::Fork(fork) => self.fork(fork, enter, done),
            TaskKind::Listen(listen) => match &listen.each {
                Some(each) => self.again_and_again(&each.body, enter, done),
                None => self.edge(enter, done, Step::Next),
            },
            TaskKind::Raise(_) => self.edge(enter, self.end, Step::Raised),
            _ => self.edge(enter, done, Step::Next),
        }
        self.under_limit = outside;
    }

    fn body(&mut self, body: &'t TaskList, enter: NodeIndex, done: NodeIndex) {
        let (first, leave) = self.list(body);
        self.edge(enter, first, Step::Body);
        self.edge(leave, done, Step::Body);
    }

    fn switch(
        &mut self,
        cases: &'t [Case],
        enter: NodeIndex,
        done: NodeIndex,
        target: impl Fn(&Flow, Step<'t>) -> Option<(NodeIndex, Step<'t>)>,
    ) {
        for case in cases {
            match target(&case.then, Step::Case(&case.name)) {
                Some((to, step)) => self.edge(enter, to, step),
                None => self.edge(enter, done, Step::Case(&case.name)),
            }
        }
        if cases.iter().all(|case| case.when.is_some()) {
            self.edge(enter, done, Step::Next);
        }
    }

    fn again_and_again(&mut self, body: &'t TaskList, enter: NodeIndex, done: NodeIndex) {
        let (first, leave) = self.list(body);
        self.edge(enter, first, Step::Body);
        self.edge(leave, first, Step::Again);
        self.edge(leave, done, Step::Body);
        self.edge(enter, done, Step::Next);
    }

    fn fork(&mut self, fork: &'t Fork, enter: NodeIndex, done: NodeIndex) {
        if fork.branches.0.is_empty() {
            self.edge(enter, done, Step::Next);
        }
        for branch in &fork.branches.0 {
            let (first, last) = self.task(branch);
            self.edge(enter, first, Step::Body);
            let end = self.end;
            let target = |flow: &Flow, step: Step<'t>| match flow {
                Flow::End => Some((end, step)),
                Flow::Continue | Flow::Exit | Flow::Task(_) => Some((done, step)),
            };
            if let Some((to, step)) = target(&branch.then, Step::Body) {
                self.edge(last, to, step);
            }
            self.inside(branch, first, last, target, None);
        }
    }

    fn attempt(
        &mut self,
        attempt: &'t Try,
        enter: NodeIndex,
        done: NodeIndex,
        target: impl Fn(&Flow, Step<'t>) -> Option<(NodeIndex, Step<'t>)>,
    ) {
        let (first, leave) = self.list(&attempt.body);
        self.edge(enter, first, Step::Body);
        self.edge(leave, done, Step::Body);
        let after = attempt
            .then
            .as_ref()
            .and_then(|then| target(then, Step::Then));
        let (after, step) = after.unwrap_or((done, Step::Body));
        match &attempt.handler {
            Some(handler) => {
                let (first, leave) = self.list(handler);
                self.edge(enter, first, Step::Caught);
                self.edge(leave, after, step);
            }
            None => self.edge(enter, after, Step::Caught),
        }
    }
}
