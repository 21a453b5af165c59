//! `call: mcp` over HTTP. Servers that are started as processes belong to whoever may start
//! processes; see [`crate::Functions::with_standard`].
//!
//! Source: the Model Context Protocol, "Transports" (streamable HTTP) and "Lifecycle".

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Http;
use super::request::Wanted;
use super::rpc::{Reply, Rpc};
use crate::{Effect, ExecutorError, Outcome, Problem, ProblemKind, duration_millis};

/// The version that is spoken unless the definition names another one.
const VERSION: &str = "2025-06-18";

/// The header that names a session.
const SESSION: &str = "mcp-session-id";

/// The header that names the version.
const PROTOCOL: &str = "mcp-protocol-version";

/// A connection to a server, as far as there is one.
struct Session<'a> {
    http: &'a Http,
    effect: &'a Effect,
    endpoint: &'a Value,
    headers: Map<String, Value>,
}

impl Http {
    /// Performs `call: mcp`. The output is the method's result.
    pub(super) async fn mcp(
        &self,
        effect: &Effect,
        with: &Value,
    ) -> Result<Outcome, ExecutorError> {
        let Some(transport) = with.pointer("/transport/http") else {
            let title = "nobody here starts MCP servers; only `transport: http` is spoken";
            let problem = Problem::standard(ProblemKind::Configuration, title);
            return Ok(Outcome::failed(problem));
        };
        let work = self.mcp_session(effect, with, transport);
        let limit = with
            .get("timeout")
            .and_then(|limit| duration_millis(limit).ok());
        let Some(millis) = limit else {
            return work.await;
        };
        match tokio::time::timeout(Duration::from_millis(millis), work).await {
            Ok(result) => result,
            Err(_) => {
                let title = format!("the server did not answer within {millis} ms");
                let problem = Problem::standard(ProblemKind::Timeout, title);
                Ok(Outcome::failed(problem))
            }
        }
    }

    async fn mcp_session(
        &self,
        effect: &Effect,
        with: &Value,
        transport: &Value,
    ) -> Result<Outcome, ExecutorError> {
        let mut session = Session {
            http: self,
            effect,
            endpoint: &transport["endpoint"],
            headers: transport["headers"]
                .as_object()
                .cloned()
                .unwrap_or_default(),
        };
        if let Err(problem) = session.begin(with).await? {
            return Ok(Outcome::failed(problem));
        }
        let method = with["method"].as_str().unwrap_or_default();
        let params = with.get("parameters").cloned().unwrap_or_else(|| json!({}));
        let reply = session
            .call(method, params, json!(effect.id.to_string()))
            .await?;
        session.end().await;
        Ok(match reply {
            Ok(reply) => outcome(reply),
            Err(problem) => Outcome::failed(problem),
        })
    }
}

impl Session<'_> {
    /// Says hello, unless the server belongs to those that have done away with it.
    async fn begin(&mut self, with: &Value) -> Result<Result<(), Problem>, ExecutorError> {
        let wanted = with["protocolVersion"].as_str().unwrap_or(VERSION);
        let client = with.get("client").cloned().unwrap_or_else(
            || json!({ "name": "layercake", "version": env!("CARGO_PKG_VERSION") }),
        );
        let params = json!({ "protocolVersion": wanted, "capabilities": {}, "clientInfo": client });
        let reply = match self.call("initialize", params, json!(0)).await? {
            Ok(reply) => reply,
            Err(problem) if problem.detail.as_deref().is_some_and(is_unknown) => {
                self.headers.insert(PROTOCOL.to_owned(), json!(wanted));
                return Ok(Ok(()));
            }
            Err(problem) => return Ok(Err(problem)),
        };
        let spoken = reply
            .results
            .first()
            .map(|result| &result["protocolVersion"]);
        let spoken = spoken.and_then(Value::as_str).unwrap_or(wanted);
        self.headers.insert(PROTOCOL.to_owned(), json!(spoken));
        if let Some(id) = reply.headers.get(SESSION) {
            self.headers.insert(SESSION.to_owned(), id.clone());
        }
        let ready = Rpc {
            endpoint: self.endpoint,
            headers: self.headers.clone(),
            method: "notifications/initialized",
            params: json!({}),
            id: None,
        };
        Ok(self.http.rpc(self.effect, ready).await?.map(drop))
    }

    async fn call(
        &self,
        method: &str,
        params: Value,
        id: Value,
    ) -> Result<Result<Reply, Problem>, ExecutorError> {
        let rpc = Rpc {
            endpoint: self.endpoint,
            headers: self.headers.clone(),
            method,
            params,
            id: Some(id),
        };
        self.http.rpc(self.effect, rpc).await
    }

    /// Takes leave. Servers end sessions by themselves as well, so it may fail.
    async fn end(self) {
        if !self.headers.contains_key(SESSION) {
            return;
        }
        let request = json!({
            "method": "delete",
            "endpoint": self.endpoint,
            "headers": self.headers,
        });
        let key = self.effect.idempotency_key.as_str();
        if let Ok(wanted) = Wanted::read(&request, key, &*self.http.secrets) {
            drop(self.http.exchange(self.effect.deadline, wanted).await);
        }
    }
}

/// Says whether a problem is that of a method that is not known (JSON-RPC 2.0, 5.1).
fn is_unknown(detail: &str) -> bool {
    detail.starts_with("code -32601")
}

/// A tool that failed says so in its result; nobody may take that for success.
fn outcome(mut reply: Reply) -> Outcome {
    let result = reply.results.pop().unwrap_or_default();
    let mut outcome = match result["isError"].as_bool() {
        Some(true) => {
            let texts = result["content"].as_array().into_iter().flatten();
            let texts: Vec<&str> = texts.filter_map(|part| part["text"].as_str()).collect();
            let problem = Problem::standard(ProblemKind::Runtime, "the tool failed");
            Outcome::failed(problem.with_detail(texts.join("\n")))
        }
        Some(false) | None => Outcome::completed(result),
    };
    outcome.evidence = reply.evidence;
    outcome
}
