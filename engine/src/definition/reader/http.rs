//! `call: http`, and addresses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::EffectClass;
use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::definition::tree::{CallTask, TaskKind};
use crate::expression::{Expression, Template};

use super::Reader;
use super::scope::{Place, Scope};
use super::value::{STAND_IN, fold_object};

pub(in crate::definition) const WITH_KEYS: &[&str] = &[
    "method", "endpoint", "headers", "body", "query", "output", "redirect",
];

/// The header that makes a request safe to repeat.
///
/// Source: the IETF draft "The Idempotency-Key HTTP Header Field".
const IDEMPOTENCY_HEADER: &str = "idempotency-key";

impl Reader<'_> {
    pub(super) fn http(&mut self, task: &Node, scope: &Scope) -> TaskKind {
        let place = task.place_of("/call");
        let mut arguments = BTreeMap::new();
        if let Some(with) = self.required(task, "with", place)
            && self.keys(with, WITH_KEYS)
        {
            let with_place = task.place_of("/with");
            for key in ["method", "endpoint"] {
                self.required(with, key, with_place);
            }
            for entry in with.entries() {
                let value = self.http_argument(&entry.key, &entry.value, scope);
                arguments.insert(entry.key.clone(), value);
            }
        }
        let class = class_of(&arguments);
        TaskKind::Call(CallTask {
            function: "http".to_owned(),
            version: String::new(),
            with: fold_object(arguments),
            arguments: None,
            result: None,
            checks_answer: false,
            evaluator: None,
            class,
        })
    }

    fn http_argument(&mut self, key: &str, node: &Node, scope: &Scope) -> Template {
        match key {
            "endpoint" => return self.endpoint(node, scope),
            "method" => {
                self.text(node);
            }
            "output" => {
                self.word(node, &["raw", "content", "response"]);
            }
            "redirect" => {
                self.bool(node);
            }
            "headers" | "query" if node.as_text().is_none() => {
                self.is_map(node);
            }
            _ => {}
        }
        self.template(node, Place::Task, scope)
    }

    /// Reads an endpoint: an address, or one with an authentication.
    pub(super) fn endpoint(&mut self, node: &Node, scope: &Scope) -> Template {
        if let Shape::Text(_) = node.shape {
            return self.address(node, scope);
        }
        if !self.keys(node, &["uri", "authentication"]) {
            return STAND_IN;
        }
        let mut entries = BTreeMap::new();
        if let Some(uri) = self.required(node, "uri", node.span) {
            entries.insert("uri".to_owned(), self.address(uri, scope));
        }
        if let Some(policy) = node.get("authentication") {
            let policy = self.authentication(policy, scope);
            entries.insert("authentication".to_owned(), policy);
        }
        fold_object(entries)
    }

    /// Reads an address; `{name}` in it stands for a key of the input.
    fn address(&mut self, node: &Node, scope: &Scope) -> Template {
        let Some(text) = self.text(node) else {
            return STAND_IN;
        };
        if text.trim_start().starts_with("${") {
            return self.template(node, Place::Task, scope);
        }
        if !text.contains("://") {
            let message = format!("`{text}` is not an absolute address");
            self.report
                .error(codes::NOT_ALLOWED, node.span, message)
                .help("write the whole address, for instance `https://example.com/orders`");
            return STAND_IN;
        }
        match template_to_expression(text) {
            Ok(None) => Template::Literal(Value::String(text.to_owned())),
            Ok(Some(expression)) => Template::Expression(expression),
            Err(part) => {
                let message = format!("`{part}` in an address is not understood");
                self.report
                    .error(codes::NOT_ALLOWED, node.span, message)
                    .help("`{name}` takes a key of the input; for more, write an expression");
                STAND_IN
            }
        }
    }
}

/// Tells what repeating the request means.
///
/// Source: RFC 9110, section 9.2 (safe and idempotent methods).
fn class_of(arguments: &BTreeMap<String, Template>) -> EffectClass {
    let method = arguments.get("method").and_then(Template::literal);
    let method = method.and_then(Value::as_str).unwrap_or_default();
    let has_key = match arguments.get("headers") {
        Some(Template::Object(headers)) => headers.keys().any(|name| is_key(name)),
        Some(Template::Literal(Value::Object(headers))) => headers.keys().any(|name| is_key(name)),
        _ => false,
    };
    match method.to_ascii_lowercase().as_str() {
        "get" | "head" | "options" | "trace" => EffectClass::Read,
        "put" | "delete" => EffectClass::Idempotent,
        _ if has_key => EffectClass::Idempotent,
        _ => EffectClass::Unsafe,
    }
}

fn is_key(header: &str) -> bool {
    header.eq_ignore_ascii_case(IDEMPOTENCY_HEADER)
}

/// Turns `https://host/{name}` into an expression that puts in the input's key, percent-encoded.
///
/// `None` when there is nothing to put in; the error is the part that is not understood.
/// Source: RFC 6570, level 1.
fn template_to_expression(text: &str) -> Result<Option<Expression>, String> {
    if !text.contains('{') {
        return Ok(None);
    }
    let (mut source, mut rest) = ("@uri \"".to_owned(), text);
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or(&rest[open..])? + open;
        let name = &rest[open + 1..close];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_key = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_key || !name.chars().all(word) {
            return Err(rest[open..=close].to_owned());
        }
        quote(&rest[..open], &mut source);
        source.push_str(&format!(
            "\\(.{name} // error(\"the input has no `{name}` for the address\"))"
        ));
        rest = &rest[close + 1..];
    }
    quote(rest, &mut source);
    source.push('"');
    Expression::compile(&source, &[])
        .map(Some)
        .map_err(|_| text.to_owned())
}

fn quote(text: &str, source: &mut String) {
    let quoted = Value::String(text.to_owned()).to_string();
    source.push_str(&quoted[1..quoted.len() - 1]);
}
