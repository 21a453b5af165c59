//! `switch`, `for` and `run`.

use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::definition::tree::{Case, ForEach, Fork, RunWorkflow, TaskKind, TaskList};
use crate::expression::Template;

use super::Reader;
use super::document::is_version;
use super::scope::{Place, Scope};
use super::task::Siblings;
use super::value::STAND_IN;

impl Reader<'_> {
    pub(super) fn cases(
        &mut self,
        node: &Node,
        scope: &Scope,
        siblings: &Siblings<'_>,
    ) -> Vec<Case> {
        let named = self.named_items(node, "case");
        if matches!(&node.shape, Shape::List(items) if items.is_empty()) {
            let message = "a `switch` has at least one case";
            self.report.error(codes::MISSING_KEY, node.span, message);
        }
        let last = named.len().saturating_sub(1);
        let mut cases = Vec::new();
        for (position, (_, entry)) in named.into_iter().enumerate() {
            let case = &entry.value;
            if !self.keys(case, &["when", "then"]) {
                continue;
            }
            self.required(case, "then", entry.key_span);
            if case.get("when").is_none() && position != last {
                let message = format!("the case `{}` always holds, but is not the last", entry.key);
                self.report
                    .error(codes::DEFAULT_NOT_LAST, entry.key_span, message)
                    .help("move it to the end, or give it a `when`");
            }
            cases.push(Case {
                name: entry.key.clone(),
                when: case
                    .get("when")
                    .and_then(|node| self.expression(node, Place::Task, scope)),
                then: self.flow(case.get("then"), siblings),
            });
        }
        cases
    }

    pub(super) fn for_each(
        &mut self,
        task: &Node,
        node: &Node,
        pointer: &str,
        scope: &Scope,
    ) -> TaskKind {
        let for_span = task.place_of("/for");
        let (mut each, mut at) = ("item".to_owned(), "index".to_owned());
        let mut items = STAND_IN;
        if self.keys(node, &["each", "in", "at"]) {
            let mut name = |key| node.get(key).and_then(|node| self.variable(node));
            each = name("each").unwrap_or(each);
            at = name("at").unwrap_or(at);
            if let Some(node) = self.required(node, "in", for_span) {
                items = self.transformation(node, Place::Task, scope);
                if matches!(items.literal(), Some(value) if !value.is_array() && !value.is_null()) {
                    self.wrong_kind(node, "an expression or a list");
                }
            }
        }
        let inside = scope.with([each.as_str(), at.as_str()]);
        let condition = task
            .get("while")
            .and_then(|node| self.expression(node, Place::Task, &inside));
        let body = match self.required(task, "do", for_span) {
            Some(node) => self.task_list(node, &format!("{pointer}/do"), &inside),
            None => TaskList::default(),
        };
        TaskKind::For(Box::new(ForEach {
            each,
            at,
            items,
            condition,
            body,
        }))
    }

    pub(super) fn fork(&mut self, node: &Node, pointer: &str, scope: &Scope) -> TaskKind {
        let mut fork = Fork::default();
        if self.keys(node, &["branches", "compete"]) {
            if let Some(branches) = self.required(node, "branches", node.span) {
                let pointer = format!("{pointer}/fork/branches");
                fork.branches = self.branches(branches, &pointer, scope);
            }
            let compete = node.get("compete").and_then(|node| self.bool(node));
            fork.compete = compete.unwrap_or(false);
        }
        TaskKind::Fork(fork)
    }

    pub(super) fn run(&mut self, node: &Node, scope: &Scope) -> TaskKind {
        let kinds = ["workflow", "script", "shell", "container"];
        let unsupported = || TaskKind::Unsupported("run".to_owned());
        if !self.keys(
            node,
            &[
                "workflow",
                "script",
                "shell",
                "container",
                "await",
                "return",
            ],
        ) {
            return unsupported();
        }
        let found = kinds
            .iter()
            .find_map(|kind| Some((*kind, node.entry(kind)?)));
        let Some((kind, entry)) = found else {
            let message = "`run` has one of `workflow`, `script`, `shell` or `container`";
            self.report.error(codes::MISSING_KEY, node.span, message);
            return unsupported();
        };
        if kind != "workflow" {
            return self.process(node, entry, scope);
        }
        if let Some(value) = node.get("return")
            && self.word(value, &["stdout", "stderr", "code", "all", "none"]) != Some("stdout")
        {
            let why = "leave it out: the output of a sub-routine is the output of the task";
            self.not_executed(value.span, "`return` of a sub-routine", why);
        }
        let wait = node.get("await").and_then(|node| self.bool(node));
        self.run_workflow(&entry.value, wait.unwrap_or(true), scope)
    }

    fn run_workflow(&mut self, node: &Node, wait: bool, scope: &Scope) -> TaskKind {
        self.keys(node, &["namespace", "name", "version", "input"]);
        let mut text = |key| {
            let value = self.required(node, key, node.span);
            value
                .and_then(|value| self.text(value))
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, name) = (text("namespace"), text("name"));
        let version = match node.get("version") {
            Some(value) => self.text(value).unwrap_or_default().to_owned(),
            None => "latest".to_owned(),
        };
        if let Some(value) = node
            .get("version")
            .filter(|value| value.as_text().is_some())
            && version != "latest"
            && !is_version(&version)
        {
            let message = format!("`{version}` is not a version");
            self.report
                .error(codes::NOT_ALLOWED, value.span, message)
                .help("three numbers, for instance `'1.0.0'`, or `latest`");
        }
        let input: Option<Template> = node
            .get("input")
            .map(|node| self.template(node, Place::Task, scope));
        TaskKind::RunWorkflow(RunWorkflow {
            namespace,
            name,
            version,
            input,
            wait,
        })
    }
}
