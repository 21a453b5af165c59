//! `run: script`, `run: shell` and `run: container`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::StandardCall;
use crate::definition::codes;
use crate::definition::node::{Entry, Node};
use crate::definition::tree::{Process, Return, TaskKind};
use crate::expression::Template;

use super::Reader;
use super::scope::{Place, Scope};
use super::value::fold_object;

/// The languages of `run: script`, in the words of the standard, and what people write.
const LANGUAGES: &[&str] = &["js", "javascript", "python"];

/// The keys of a process, and which of them are required.
pub(in crate::definition) fn form_of(
    kind: StandardCall,
) -> (&'static [&'static str], &'static str) {
    match kind {
        StandardCall::Script => (
            &[
                "language",
                "code",
                "source",
                "stdin",
                "arguments",
                "environment",
            ],
            "language",
        ),
        StandardCall::Shell => (&["command", "stdin", "arguments", "environment"], "command"),
        _ => (
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
            "image",
        ),
    }
}

impl Reader<'_> {
    /// Reads `run` of anything but a routine.
    pub(super) fn process(&mut self, run: &Node, entry: &Entry, scope: &Scope) -> TaskKind {
        let Some(kind) = StandardCall::named(&entry.key) else {
            return TaskKind::Unsupported("run".to_owned());
        };
        if !self.catalog.performs(kind) {
            let what = format!("`run: {}`", entry.key);
            let why = "nothing that runs this definition performs it; processes need a sandbox";
            self.not_executed(entry.key_span, &what, why);
        }
        let wait = run.get("await").and_then(|node| self.bool(node));
        let wait = wait.unwrap_or(true);
        let mut arguments = self.process_arguments(kind, entry, scope);
        arguments.insert("await".to_owned(), Template::Literal(Value::Bool(wait)));
        TaskKind::Process(Process {
            kind,
            with: fold_object(arguments),
            wait,
            returns: self.returns(run),
        })
    }

    fn process_arguments(
        &mut self,
        kind: StandardCall,
        entry: &Entry,
        scope: &Scope,
    ) -> BTreeMap<String, Template> {
        let node = &entry.value;
        let mut arguments = BTreeMap::new();
        let (known, required) = form_of(kind);
        if !self.keys(node, known) {
            return arguments;
        }
        self.required(node, required, entry.key_span);
        if kind == StandardCall::Script
            && node.get("code").is_some() == node.get("source").is_some()
        {
            let message = "a script has exactly one of `code` and `source`";
            self.report.error(codes::NOT_ALLOWED, node.span, message);
        }
        for entry in node.entries() {
            let value = &entry.value;
            let read = match entry.key.as_str() {
                "source" => self.resource(value, scope),
                "lifetime" => {
                    self.lifetime(value, scope);
                    self.template(value, Place::Task, scope)
                }
                key => {
                    match key {
                        "language" => self.word_or_expression(value, LANGUAGES),
                        "pullPolicy" => {
                            self.word(value, &["ifNotPresent", "always", "never"]);
                        }
                        "environment" | "ports" | "volumes" if value.as_text().is_none() => {
                            self.is_map(value);
                        }
                        _ => {}
                    }
                    self.template(value, Place::Task, scope)
                }
            };
            arguments.insert(entry.key.clone(), read);
        }
        arguments
    }

    fn lifetime(&mut self, node: &Node, scope: &Scope) {
        if !self.keys(node, &["cleanup", "after"]) {
            return;
        }
        let cleanup = self
            .required(node, "cleanup", node.span)
            .and_then(|cleanup| self.word(cleanup, &["always", "never", "eventually"]));
        match (cleanup, node.get("after")) {
            (Some("eventually"), None) => {
                let message = "`cleanup: eventually` says how long `after`";
                self.report.error(codes::MISSING_KEY, node.span, message);
            }
            (Some("always" | "never"), Some(after)) => {
                let message = "`after` goes with `cleanup: eventually` only";
                self.report.error(codes::NOT_ALLOWED, after.span, message);
            }
            (_, Some(after)) => {
                self.duration(after, Place::Task, scope);
            }
            (_, None) => {}
        }
    }

    fn returns(&mut self, run: &Node) -> Return {
        let words = ["stdout", "stderr", "code", "all", "none"];
        let word = run.get("return").and_then(|node| self.word(node, &words));
        match word {
            Some("stderr") => Return::Stderr,
            Some("code") => Return::Code,
            Some("all") => Return::All,
            Some("none") => Return::None,
            _ => Return::Stdout,
        }
    }
}
