//! Shapes along the control flow: what each task gets, gives, and leaves in the context.

use std::collections::{BTreeMap, BTreeSet};

use jaq_core::load::parse::Term;

use super::Shape;
use super::inference::{Inference, Sight};
use crate::definition::alignment::place_in_text;
use crate::definition::node::Node;
use crate::definition::reader::inner;
use crate::definition::report::Report;
use crate::definition::tree::{
    CallTask, Flow, ForEach, Return, Task, TaskKind, TaskList, Tree, Try,
};
use crate::expression::{Expression, Template};

/// The most tasks that are looked at, repetitions counted. Nobody reads warnings about more.
const VISITS_MAX: usize = 20_000;

/// How often a task is looked at until its shapes count as unknown.
const ROUNDS_MAX: usize = 4;

/// What flows from task to task.
#[derive(Debug, Clone, PartialEq)]
struct State {
    data: Shape,
    context: Shape,
}

impl State {
    const UNKNOWN: Self = Self {
        data: Shape::Unknown,
        context: Shape::Unknown,
    };

    fn or(self, other: Self) -> Self {
        Self {
            data: self.data.or(other.data),
            context: self.context.or(other.context),
        }
    }
}

type Variables = BTreeMap<String, Shape>;

/// Warns of keys that are not there and of comparisons that never hold.
pub(crate) fn check(tree: &Tree, root: &Node, report: &mut Report) {
    let schema = tree.input.schema.as_ref();
    let raw = schema.map_or(Shape::Unknown, |schema| Shape::of_schema(schema.document()));
    let secrets = tree
        .uses
        .secrets
        .iter()
        .map(|name| (name.clone(), Shape::Unknown));
    let workflow = Shape::Object {
        keys: [("input".to_owned(), raw.clone())].into(),
        closed: false,
    };
    let variables = Variables::from([
        ("workflow".to_owned(), workflow),
        (
            "secrets".to_owned(),
            Shape::Object {
                keys: secrets.collect(),
                closed: true,
            },
        ),
    ]);
    let mut walk = Walk {
        root,
        report,
        loud: true,
        visits: 0,
    };
    let mut data = raw.clone();
    if let Some(from) = &tree.input.from {
        data = walk.template(from, "/input/from", &sight(raw, &variables));
    }
    let context = data.clone();
    let inside = with(&variables, [("input", data.clone())]);
    let end = walk.list(&tree.tasks, State { data, context }, &inside);
    if let Some(transform) = &tree.output.transform {
        let inside = with(&inside, [("context", end.context)]);
        walk.template(transform, "/output/as", &sight(end.data, &inside));
    }
}

fn with<const N: usize>(variables: &Variables, more: [(&str, Shape); N]) -> Variables {
    let mut variables = variables.clone();
    variables.extend(more.map(|(name, shape)| (name.to_owned(), shape)));
    variables
}

fn sight(dot: Shape, variables: &Variables) -> Sight {
    Sight {
        dot,
        variables: variables.clone(),
    }
}

struct Walk<'w> {
    root: &'w Node,
    report: &'w mut Report,
    /// Whether findings are reported; first the shapes must have settled.
    loud: bool,
    visits: usize,
}

impl Walk<'_> {
    /// Goes through a list; returns what it leaves behind.
    fn list(&mut self, list: &TaskList, entry: State, variables: &Variables) -> State {
        let straight = list.0.iter().all(|task| {
            task.then == Flow::Continue
                && !matches!(task.kind, TaskKind::Switch(_))
                && !catches_away(task)
        });
        if straight {
            return list.0.iter().fold(entry, |state, task| {
                let after = self.task(task, state.clone(), variables);
                if task.condition.is_some() {
                    after.or(state)
                } else {
                    after
                }
            });
        }
        let loud = std::mem::replace(&mut self.loud, false);
        let (entries, end) = self.settle(list, entry, variables);
        self.loud = loud;
        if loud {
            for (task, entry) in list.0.iter().zip(entries) {
                if let Some(entry) = entry {
                    self.task(task, entry, variables);
                }
            }
        }
        end
    }

    /// Follows every jump until the shapes no longer change.
    fn settle(
        &mut self,
        list: &TaskList,
        entry: State,
        variables: &Variables,
    ) -> (Vec<Option<State>>, State) {
        let positions: BTreeMap<&str, usize> = list
            .0
            .iter()
            .enumerate()
            .map(|(at, task)| (task.name.as_str(), at))
            .collect();
        let mut entries: Vec<Option<State>> = vec![None; list.0.len()];
        let mut rounds = vec![0; list.0.len()];
        let mut end: Option<State> = None;
        let mut open = BTreeSet::from([0]);
        if let Some(first) = entries.first_mut() {
            *first = Some(entry.clone());
        }
        while let Some(at) = open.pop_first() {
            let (Some(task), Some(Some(state))) = (list.0.get(at), entries.get(at)) else {
                continue;
            };
            let state = state.clone();
            let after = self.task(task, state.clone(), variables);
            let mut flows: Vec<(&Flow, State)> =
                exits(task).map(|flow| (flow, after.clone())).collect();
            if task.condition.is_some() {
                flows.push((&Flow::Continue, state));
            }
            for (flow, state) in flows {
                let next = match flow {
                    Flow::Continue => at + 1,
                    Flow::Exit => list.0.len(),
                    Flow::End => continue,
                    Flow::Task(name) => positions
                        .get(name.as_str())
                        .copied()
                        .unwrap_or(list.0.len()),
                };
                let Some(old) = entries.get(next).cloned() else {
                    end = Some(end.map_or(state.clone(), |end| end.or(state)));
                    continue;
                };
                rounds[next] += 1;
                let new = match old.clone() {
                    _ if rounds[next] > ROUNDS_MAX * 2 => State::UNKNOWN,
                    Some(old) => old.or(state),
                    None => state,
                };
                if old.as_ref() != Some(&new) {
                    entries[next] = Some(new);
                    open.insert(next);
                }
            }
        }
        (entries, end.unwrap_or(State::UNKNOWN))
    }

    /// Goes through a task; returns what it leaves behind.
    fn task(&mut self, task: &Task, state: State, variables: &Variables) -> State {
        self.visits += 1;
        if self.visits > VISITS_MAX {
            self.loud = false;
            return State::UNKNOWN;
        }
        let pointer = task.pointer.as_str();
        let outside = with(
            variables,
            [
                ("context", state.context.clone()),
                ("input", state.data.clone()),
            ],
        );
        if let Some(condition) = &task.condition {
            let pointer = format!("{pointer}/if");
            self.expression(condition, &pointer, &sight(state.data.clone(), &outside));
        }
        let input = match &task.input.from {
            Some(from) => {
                let pointer = format!("{pointer}/input/from");
                self.template(from, &pointer, &sight(state.data, &outside))
            }
            None => state.data,
        };
        let inside = with(&outside, [("input", input.clone())]);
        let done = self.kind(
            task,
            State {
                data: input,
                context: state.context,
            },
            &inside,
        );
        let inside = with(&inside, [("context", done.context.clone())]);
        let output = match &task.output.transform {
            Some(transform) => {
                let pointer = format!("{pointer}/output/as");
                self.template(transform, &pointer, &sight(done.data, &inside))
            }
            None => done.data,
        };
        let context = match &task.export.transform {
            Some(transform) => {
                let pointer = format!("{pointer}/export/as");
                let inside = with(&inside, [("output", output.clone())]);
                self.template(transform, &pointer, &sight(output.clone(), &inside))
            }
            None => done.context,
        };
        State {
            data: output.cut(0),
            context: context.cut(0),
        }
    }

    /// Goes through what is particular to a task.
    fn kind(&mut self, task: &Task, state: State, variables: &Variables) -> State {
        let pointer = task.pointer.as_str();
        let here = sight(state.data.clone(), variables);
        let data = match &task.kind {
            TaskKind::Do(body) => return self.list(body, state, variables),
            TaskKind::Set(template) => self.template(template, &format!("{pointer}/set"), &here),
            TaskKind::Switch(cases) => {
                for (at, case) in cases.iter().enumerate() {
                    if let Some(when) = &case.when {
                        let pointer = format!("{pointer}/switch/{at}/{}/when", case.name);
                        self.expression(when, &pointer, &here);
                    }
                }
                state.data
            }
            TaskKind::For(each) => return self.for_each(each, pointer, state, variables),
            TaskKind::Try(attempt) => return self.attempt(attempt, pointer, state, variables),
            TaskKind::Call(call) => self.call(call, pointer, &here),
            TaskKind::CallCustom { with, .. } => {
                self.template(with, &format!("{pointer}/with"), &here);
                Shape::Unknown
            }
            TaskKind::Fork(fork) => {
                for branch in &fork.branches.0 {
                    self.task(branch, state.clone(), variables);
                }
                Shape::Unknown
            }
            TaskKind::RunWorkflow(run) => {
                if let Some(input) = &run.input {
                    self.template(input, &format!("{pointer}/run/workflow/input"), &here);
                }
                Shape::Unknown
            }
            TaskKind::Process(process) => {
                let pointer = format!("{pointer}/run/{}", process.kind.name());
                self.template(&process.with, &pointer, &here);
                match process.returns {
                    Return::Stdout | Return::Stderr => Shape::Text,
                    Return::Code => Shape::Number,
                    Return::All => Shape::object([
                        ("code", Shape::Number),
                        ("stdout", Shape::Text),
                        ("stderr", Shape::Text),
                    ]),
                    Return::None => Shape::Unknown,
                }
            }
            TaskKind::Emit(event) => {
                self.template(event, &format!("{pointer}/emit/event/with"), &here);
                Shape::Unknown
            }
            TaskKind::Listen(listen) => {
                if let Some(each) = &listen.each {
                    let names = [
                        (each.item.as_str(), Shape::Unknown),
                        (each.at.as_str(), Shape::Number),
                    ];
                    self.list(&each.body, State::UNKNOWN, &with(variables, names));
                }
                return State::UNKNOWN;
            }
            TaskKind::Wait(_) => state.data,
            _ => Shape::Unknown,
        };
        State {
            data,
            context: state.context,
        }
    }

    fn for_each(
        &mut self,
        each: &ForEach,
        pointer: &str,
        state: State,
        variables: &Variables,
    ) -> State {
        let here = sight(state.data.clone(), variables);
        let items = self.template(&each.items, &format!("{pointer}/for/in"), &here);
        let names = [
            (each.each.as_str(), items.item()),
            (each.at.as_str(), Shape::Number),
        ];
        let inside = with(variables, names);
        let loud = std::mem::replace(&mut self.loud, false);
        let once = self.list(&each.body, state.clone(), &inside);
        let twice = self.list(&each.body, state.clone().or(once), &inside);
        self.loud = loud;
        let any = state.or(twice);
        if let Some(condition) = &each.condition {
            let pointer = format!("{pointer}/while");
            let inside = with(&inside, [("context", any.context.clone())]);
            self.expression(condition, &pointer, &sight(any.data.clone(), &inside));
        }
        any.clone().or(self.list(&each.body, any, &inside))
    }

    fn attempt(
        &mut self,
        attempt: &Try,
        pointer: &str,
        state: State,
        variables: &Variables,
    ) -> State {
        let done = self.list(&attempt.body, state, variables);
        let problem = Shape::object([
            ("type", Shape::Text),
            ("status", Shape::Number),
            ("title", Shape::Text),
            ("detail", Shape::Text),
            ("instance", Shape::Text),
        ]);
        let inside = with(
            variables,
            [
                (attempt.binding.as_str(), problem),
                ("context", Shape::Unknown),
                ("input", Shape::Unknown),
            ],
        );
        let here = sight(Shape::Unknown, &inside);
        for (key, condition) in [
            ("when", &attempt.when),
            ("exceptWhen", &attempt.except_when),
        ] {
            if let Some(condition) = condition {
                self.expression(condition, &format!("{pointer}/catch/{key}"), &here);
            }
        }
        match &attempt.handler {
            Some(handler) => done.or(self.list(handler, State::UNKNOWN, &inside)),
            None => done.or(State::UNKNOWN),
        }
    }

    fn call(&mut self, call: &CallTask, pointer: &str, here: &Sight) -> Shape {
        self.template(&call.with, &format!("{pointer}/with"), here);
        let answer = match &call.with {
            Template::Literal(with) => with.get("answer"),
            with => with.entry("answer").and_then(Template::literal),
        };
        match (answer, &call.result) {
            (Some(schema), _) if matches!(call.function.as_str(), "decide" | "agent") => {
                Shape::of_schema(schema)
            }
            (_, Some(schema)) => Shape::of_schema(schema.document()),
            _ => Shape::Unknown,
        }
    }

    fn template(&mut self, template: &Template, pointer: &str, here: &Sight) -> Shape {
        match template {
            Template::Literal(value) => Shape::of_value(value),
            Template::Expression(expression) => self.expression(expression, pointer, here),
            Template::Array(items) => {
                let mut shape = Shape::Null;
                for (at, item) in items.iter().enumerate() {
                    shape = shape.or(self.template(item, &format!("{pointer}/{at}"), here));
                }
                Shape::list_of(shape)
            }
            Template::Object(entries) => Shape::Object {
                keys: entries
                    .iter()
                    .map(|(key, item)| {
                        let pointer = format!("{pointer}/{}", crate::definition::node::escape(key));
                        (key.clone(), self.template(item, &pointer, here))
                    })
                    .collect(),
                closed: true,
            },
        }
    }

    fn expression(&mut self, expression: &Expression, pointer: &str, here: &Sight) -> Shape {
        let source = expression.source();
        let term: Option<Term<&str>> = jaq_core::load::parse(source, |parser| parser.term());
        let Some(term) = term else {
            return Shape::Unknown;
        };
        let mut inference = Inference::new(source);
        let shape = inference.term(&term, here);
        let Some(node) = self.root.node_at(pointer).filter(|_| self.loud) else {
            return shape;
        };
        let text = node.as_text().unwrap_or_default();
        let start = match inner(text) {
            Some(Ok((inner, start))) if inner == source => start,
            None if text == source => 0,
            _ => return shape,
        };
        for finding in inference.findings {
            let range = start + finding.range.start..start + finding.range.end;
            let span = place_in_text(self.report.source(), node.span, text, range);
            self.report
                .warning(finding.code, span, finding.message)
                .help(finding.help);
        }
        shape
    }
}

/// Tells whether a `catch` leads elsewhere than its task.
fn catches_away(task: &Task) -> bool {
    matches!(&task.kind, TaskKind::Try(attempt) if attempt.then.is_some())
}

/// Returns where a task may go on.
fn exits(task: &Task) -> impl Iterator<Item = &Flow> {
    let (cases, caught) = match &task.kind {
        TaskKind::Switch(cases) => (cases.as_slice(), None),
        TaskKind::Try(attempt) => (&[][..], attempt.then.as_ref()),
        _ => (&[][..], None),
    };
    let always = cases.iter().any(|case| case.when.is_none());
    let own = (!always && !matches!(task.kind, TaskKind::Raise(_))).then_some(&task.then);
    cases.iter().map(|case| &case.then).chain(caught).chain(own)
}
