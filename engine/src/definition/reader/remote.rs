//! `call: openapi`, `call: mcp` and `call: a2a`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::codes;
use crate::definition::node::Node;
use crate::definition::tree::{CallTask, TaskKind};
use crate::expression::Template;
use crate::{EffectClass, StandardCall};

use super::Reader;
use super::scope::{Place, Scope};
use super::value::{STAND_IN, fold_object};

/// The methods of MCP that the standard knows.
const MCP_METHODS: &[&str] = &[
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
];

/// The methods of A2A that the standard knows.
const A2A_METHODS: &[&str] = &[
    "message/send",
    "message/stream",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/resubscribe",
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
    "agent/getAuthenticatedExtendedCard",
];

/// The arguments of a call, and which of them are required.
pub(in crate::definition) fn form_of(
    call: StandardCall,
) -> (&'static [&'static str], &'static [&'static str]) {
    match call {
        StandardCall::OpenApi => (
            &[
                "document",
                "operationId",
                "parameters",
                "authentication",
                "output",
                "redirect",
            ],
            &["document", "operationId"],
        ),
        StandardCall::Mcp => (
            &[
                "protocolVersion",
                "method",
                "parameters",
                "timeout",
                "transport",
                "client",
            ],
            &["method", "transport"],
        ),
        _ => (
            &["agentCard", "server", "method", "parameters"],
            &["method"],
        ),
    }
}

impl Reader<'_> {
    pub(super) fn remote_call(
        &mut self,
        call: StandardCall,
        task: &Node,
        node: &Node,
        scope: &Scope,
    ) -> TaskKind {
        if !self.catalog.performs(call) {
            let what = format!("`call: {}`", call.name());
            self.not_executed(
                node.span,
                &what,
                "nothing that runs this definition performs it",
            );
        }
        let mut arguments = BTreeMap::new();
        let (known, required) = form_of(call);
        if let Some(with) = self.required(task, "with", task.place_of("/call"))
            && self.keys(with, known)
        {
            for key in required {
                self.required(with, key, task.place_of("/with"));
            }
            if call == StandardCall::A2a && known[..2].iter().all(|key| with.get(key).is_none()) {
                let message = "`agentCard` or `server` says which agent is called";
                self.report
                    .error(codes::MISSING_KEY, task.place_of("/with"), message);
            }
            for entry in with.entries() {
                let value = self.remote_argument(call, &entry.key, &entry.value, scope);
                arguments.insert(entry.key.clone(), value);
            }
        }
        TaskKind::Call(CallTask {
            function: call.name().to_owned(),
            version: String::new(),
            class: class_of(call, &arguments),
            with: fold_object(arguments),
            arguments: None,
            result: None,
            checks_answer: false,
            evaluator: None,
        })
    }

    fn remote_argument(
        &mut self,
        call: StandardCall,
        key: &str,
        node: &Node,
        scope: &Scope,
    ) -> Template {
        match key {
            "document" | "agentCard" => return self.resource(node, scope),
            "server" => return self.endpoint(node, scope),
            "authentication" => return self.authentication(node, scope),
            "transport" => return self.transport(node, scope),
            "timeout" => return self.duration(node, Place::Task, scope),
            "operationId" => {
                self.text(node);
            }
            "output" => self.word_or_expression(node, &["raw", "content", "response"]),
            "redirect" => {
                self.bool(node);
            }
            "method" if call == StandardCall::Mcp => self.word_or_expression(node, MCP_METHODS),
            "method" => self.word_or_expression(node, A2A_METHODS),
            "parameters" | "client" if node.as_text().is_none() => {
                self.is_map(node);
            }
            _ => {}
        }
        self.template(node, Place::Task, scope)
    }

    /// Reads something that stands elsewhere: `{ name, endpoint }`.
    pub(super) fn resource(&mut self, node: &Node, scope: &Scope) -> Template {
        if !self.keys(node, &["name", "endpoint"]) {
            return STAND_IN;
        }
        let mut entries = BTreeMap::new();
        if let Some(name) = node.get("name") {
            self.text(name);
            entries.insert("name".to_owned(), self.template(name, Place::Task, scope));
        }
        if let Some(endpoint) = self.required(node, "endpoint", node.span) {
            entries.insert("endpoint".to_owned(), self.endpoint(endpoint, scope));
        }
        fold_object(entries)
    }

    fn transport(&mut self, node: &Node, scope: &Scope) -> Template {
        if !self.keys(node, &["http", "stdio", "options"]) {
            return STAND_IN;
        }
        if node.get("http").is_some() == node.get("stdio").is_some() {
            let message = "`transport` has exactly one of `http` and `stdio`";
            self.report.error(codes::NOT_ALLOWED, node.span, message);
        }
        let mut entries = BTreeMap::new();
        for entry in node.entries() {
            let value = match entry.key.as_str() {
                "http" => self.http_transport(&entry.value, scope),
                "stdio" => {
                    self.keys(&entry.value, &["command", "arguments", "environment"]);
                    self.required(&entry.value, "command", entry.key_span);
                    self.template(&entry.value, Place::Task, scope)
                }
                _ => self.template(&entry.value, Place::Task, scope),
            };
            entries.insert(entry.key.clone(), value);
        }
        fold_object(entries)
    }

    fn http_transport(&mut self, node: &Node, scope: &Scope) -> Template {
        if !self.keys(node, &["endpoint", "headers"]) {
            return STAND_IN;
        }
        let mut entries = BTreeMap::new();
        if let Some(endpoint) = self.required(node, "endpoint", node.span) {
            entries.insert("endpoint".to_owned(), self.endpoint(endpoint, scope));
        }
        if let Some(headers) = node.get("headers") {
            let headers = self.template(headers, Place::Task, scope);
            entries.insert("headers".to_owned(), headers);
        }
        fold_object(entries)
    }
}

/// Tells what repeating a call means, as far as its method says.
fn class_of(call: StandardCall, arguments: &BTreeMap<String, Template>) -> EffectClass {
    let method = arguments.get("method").and_then(Template::literal);
    match (call, method.and_then(Value::as_str).unwrap_or_default()) {
        (StandardCall::Mcp, method) if !matches!(method, "" | "tools/call") => EffectClass::Read,
        (StandardCall::A2a, "tasks/get" | "tasks/list" | "agent/getAuthenticatedExtendedCard") => {
            EffectClass::Read
        }
        (StandardCall::A2a, "tasks/cancel") => EffectClass::Idempotent,
        _ => EffectClass::Unsafe,
    }
}
