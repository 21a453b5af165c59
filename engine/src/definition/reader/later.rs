//! What the standard knows and this version does not execute: its form is checked all the same,
//! so that a definition is right when the day comes.

use crate::definition::node::Node;
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
];

impl Reader<'_> {
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
}
