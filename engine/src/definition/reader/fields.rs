//! Keys, kinds and allowed words.

use serde_json::Value;

use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::definition::span::Span;
use crate::definition::suggestion::{alternatives, nearest};

use super::Reader;

impl Reader<'_> {
    /// Checks that a node is an object and has no other keys than these.
    pub(super) fn keys(&mut self, node: &Node, known: &[&str]) -> bool {
        if !self.is_map(node) {
            return false;
        }
        for entry in node.entries() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let help = match nearest(&entry.key, known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("known here: {}", alternatives(known.iter().copied())),
            };
            self.report
                .error(
                    codes::UNKNOWN_KEY,
                    entry.key_span,
                    format!("unknown key `{}`", entry.key),
                )
                .label("not known here")
                .help(help);
        }
        true
    }

    /// Returns the value of a required key.
    pub(super) fn required<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        place: Span,
    ) -> Option<&'n Node> {
        let found = node.get(key);
        if found.is_none() && matches!(node.shape, Shape::Map(_)) {
            let mistyped = nearest(key, node.entries().iter().map(|entry| entry.key.as_str()));
            if mistyped.is_none_or(|word| !self.is_reported(node, word)) {
                self.report.error(
                    codes::MISSING_KEY,
                    place,
                    format!("the key `{key}` is missing"),
                );
            }
        }
        found
    }

    /// Tells whether the entry of that key was already reported as unknown.
    fn is_reported(&self, node: &Node, key: &str) -> bool {
        node.entry(key)
            .is_some_and(|entry| self.report.mentions(codes::UNKNOWN_KEY, entry.key_span))
    }

    pub(super) fn is_map(&mut self, node: &Node) -> bool {
        let is_map = matches!(node.shape, Shape::Map(_));
        if !is_map {
            self.wrong_kind(node, "an object");
        }
        is_map
    }

    pub(super) fn is_list(&mut self, node: &Node) -> bool {
        let is_list = matches!(node.shape, Shape::List(_));
        if !is_list {
            self.wrong_kind(node, "a list");
        }
        is_list
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, expected: &str) {
        let kind = node.kind();
        let message = format!("expected {expected}, found {kind}");
        let remark = self.report.error(codes::WRONG_KIND, node.span, message);
        if expected == "text" && matches!(node.shape, Shape::Number(_) | Shape::Bool(_)) {
            remark.help("put it into quotes");
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = node.as_text();
        if text.is_none() {
            self.wrong_kind(node, "text");
        }
        text
    }

    /// Reads optional text; absent is empty.
    pub(super) fn optional_text(&mut self, node: &Node, key: &str) -> String {
        node.get(key)
            .and_then(|value| self.text(value))
            .unwrap_or_default()
            .to_owned()
    }

    /// Reads a whole number that is not negative.
    pub(super) fn count(&mut self, node: &Node) -> Option<u32> {
        let count = match &node.shape {
            Shape::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        if count.is_none() {
            self.wrong_kind(node, "a whole number from 0");
        }
        count
    }

    pub(super) fn bool(&mut self, node: &Node) -> Option<bool> {
        let Shape::Bool(bool) = node.shape else {
            self.wrong_kind(node, "`true` or `false`");
            return None;
        };
        Some(bool)
    }

    /// Reads one of several words.
    pub(super) fn word<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<&'n str> {
        let text = self.text(node)?;
        if known.contains(&text) {
            return Some(text);
        }
        let help = match nearest(text, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("allowed: {}", alternatives(known.iter().copied())),
        };
        let message = format!("`{text}` is not allowed here");
        self.report
            .error(codes::NOT_ALLOWED, node.span, message)
            .help(help);
        None
    }

    /// Reads a name for a variable, without `$`.
    pub(super) fn variable(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let name = text.strip_prefix('$').unwrap_or(text);
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !starts_well || !goes_on {
            let message = format!("`{text}` cannot be the name of a variable");
            self.report
                .error(codes::NOT_ALLOWED, node.span, message)
                .help("a letter, then letters, digits and `_`");
            return None;
        }
        Some(name.to_owned())
    }

    /// Says that this version does not execute something.
    pub(super) fn not_executed(&mut self, place: Span, what: &str, why: &str) {
        let message = format!("{what} is not executed by this version");
        self.report
            .error(codes::NOT_EXECUTED, place, message)
            .help(why);
    }

    /// Reads an object that is kept as it is (`metadata`, `tags`).
    pub(super) fn free_object(&mut self, node: &Node, key: &str) -> Value {
        match node.get(key) {
            Some(value) if self.is_map(value) => value.to_value(),
            _ => Value::Null,
        }
    }
}
