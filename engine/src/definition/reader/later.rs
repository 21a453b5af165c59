//! What the standard knows and this version does not execute: its form is checked all the same,
//! so that a definition is right when the day comes.

use crate::definition::node::{Entry, Node, escape};
use crate::definition::tree::TaskKind;

use super::Reader;
use super::scope::{Place, Scope};

/// The standard's own calls that this version does not execute: their arguments, those that are
/// required, and what to do instead.
const CALLS: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "asyncapi",
        &[
            "document",
            "channel",
            "operation",
            "server",
            "protocol",
            "message",
            "subscription",
            "authentication",
        ],
        &["document"],
        "there is no replacement yet",
    ),
    (
        "grpc",
        &["proto", "service", "method", "arguments", "authentication"],
        &["proto", "service", "method"],
        "there is no replacement yet",
    ),
    (
        "openapi",
        &[
            "document",
            "operationId",
            "parameters",
            "authentication",
            "output",
            "redirect",
        ],
        &["document", "operationId"],
        "use `call: http` with the operation's method and address",
    ),
    (
        "a2a",
        &["agentCard", "server", "method", "parameters"],
        &["method"],
        "use `call: http` with the agent's address",
    ),
    (
        "mcp",
        &[
            "protocolVersion",
            "method",
            "parameters",
            "timeout",
            "transport",
            "client",
        ],
        &["method", "transport"],
        "offer the tool as a function of the catalog",
    ),
];

/// The kinds of processes: their keys, and those that are required.
const PROCESSES: &[(&str, &[&str], &[&str])] = &[
    (
        "container",
        &[
            "image",
            "name",
            "command",
            "ports",
            "volumes",
            "environment",
            "stdin",
            "arguments",
            "lifetime",
            "pullPolicy",
        ],
        &["image"],
    ),
    (
        "script",
        &[
            "language",
            "code",
            "source",
            "stdin",
            "arguments",
            "environment",
        ],
        &["language"],
    ),
    (
        "shell",
        &["command", "stdin", "arguments", "environment"],
        &["command"],
    ),
];

impl Reader<'_> {
    /// Checks `run` of anything but a routine.
    pub(super) fn later_process(&mut self, entry: &Entry, scope: &Scope) -> TaskKind {
        let why = "call a function of the catalog instead; the runtime can offer its own";
        self.not_executed(entry.key_span, &format!("`run: {}`", entry.key), why);
        if let Some((_, known, required)) = PROCESSES.iter().find(|(kind, ..)| *kind == entry.key) {
            self.form(&entry.value, known, required, scope);
        }
        TaskKind::Unsupported("run".to_owned())
    }

    /// Checks a call of the standard that is not executed; `None` when it is none.
    pub(super) fn later_call(
        &mut self,
        task: &Node,
        node: &Node,
        name: &str,
        scope: &Scope,
    ) -> Option<TaskKind> {
        let (_, known, required, why) = CALLS.iter().find(|(call, ..)| *call == name)?;
        self.not_executed(node.span, &format!("`call: {name}`"), why);
        if let Some(with) = self.required(task, "with", task.place_of("/call")) {
            let inside = scope.with(self.subscription_names(with));
            self.form(with, known, required, &inside);
        }
        Some(TaskKind::Unsupported("call".to_owned()))
    }

    /// The variables of an AsyncAPI subscription's own loop.
    fn subscription_names<'n>(&self, with: &'n Node) -> Vec<&'n str> {
        let each = with
            .get("subscription")
            .and_then(|node| node.get("foreach"));
        let named = |key: &str| each.and_then(|each| each.get(key)).and_then(Node::as_text);
        vec![
            named("item").unwrap_or("item"),
            named("at").unwrap_or("index"),
        ]
    }

    fn form(&mut self, node: &Node, known: &[&str], required: &[&str], scope: &Scope) {
        if !self.keys(node, known) {
            return;
        }
        for key in required {
            self.required(node, key, node.span);
        }
        self.template(node, Place::Task, scope);
    }

    /// Checks `use.extensions`.
    pub(super) fn extensions(&mut self, node: &Node) {
        let scope = Scope::default();
        for (at, entry) in self.named_items(node, "extension") {
            let extension = &entry.value;
            if !self.keys(extension, &["extend", "when", "before", "after"]) {
                continue;
            }
            if let Some(extend) = self.required(extension, "extend", entry.key_span) {
                let kinds = [
                    "call",
                    "composite",
                    "emit",
                    "for",
                    "listen",
                    "raise",
                    "run",
                    "set",
                    "switch",
                    "try",
                    "wait",
                    "all",
                ];
                self.word(extend, &kinds);
            }
            if let Some(when) = extension.get("when") {
                self.expression(when, Place::Task, &scope);
            }
            for key in ["before", "after"] {
                if let Some(tasks) = extension.get(key) {
                    let pointer = format!("/use/extensions/{at}/{}/{key}", escape(&entry.key));
                    self.task_list(tasks, &pointer, &scope);
                }
            }
        }
    }

    /// Checks `schedule`.
    pub(super) fn schedule(&mut self, entry: &Entry) {
        let why = "start it from outside, for instance from cron, until schedules are executed";
        self.not_executed(entry.key_span, "`schedule`", why);
        let node = &entry.value;
        if !self.keys(node, &["every", "cron", "after", "on", "read"]) {
            return;
        }
        for key in ["every", "after"] {
            if let Some(duration) = node.get(key) {
                self.duration(duration, Place::Run, &Scope::default());
            }
        }
        if let Some(cron) = node.get("cron") {
            self.text(cron);
        }
        if let Some(on) = node.get("on") {
            self.strategy(on, &Scope::default());
        }
    }
}
