//! `call: a2a`: a method of an agent elsewhere.
//!
//! Source: the Agent2Agent protocol 0.3, JSON-RPC binding; the Open Workflow Specification,
//! DSL reference, "A2A Call".

use serde_json::{Map, Value, json};

use super::Http;
use super::request::Wanted;
use super::rpc::Rpc;
use crate::{Effect, ExecutorError, Outcome, Problem, ProblemKind};

/// The methods whose answer is a stream.
const STREAMS: [&str; 2] = ["message/stream", "tasks/resubscribe"];

impl Http {
    /// Performs `call: a2a`. The output is the method's result; a list of them for a stream.
    pub(super) async fn a2a(
        &self,
        effect: &Effect,
        with: &Value,
    ) -> Result<Outcome, ExecutorError> {
        let endpoint = match with.get("server").filter(|server| !server.is_null()) {
            Some(server) => server.clone(),
            None => match self.agent(effect, &with["agentCard"]).await? {
                Ok(endpoint) => endpoint,
                Err(problem) => return Ok(Outcome::failed(problem)),
            },
        };
        let method = with["method"].as_str().unwrap_or_default();
        let mut params = with.get("parameters").cloned().unwrap_or_else(|| json!({}));
        complete(method, &mut params, effect);
        let rpc = Rpc {
            endpoint: &endpoint,
            headers: Map::new(),
            method,
            params,
            id: Some(json!(effect.id.to_string())),
        };
        Ok(match self.rpc(effect, rpc).await? {
            Ok(mut reply) => {
                let output = match STREAMS.contains(&method) {
                    true => Value::Array(reply.results),
                    false => reply.results.swap_remove(0),
                };
                let mut outcome = Outcome::completed(output);
                outcome.evidence = reply.evidence;
                outcome
            }
            Err(problem) => Outcome::failed(problem),
        })
    }

    /// Asks an agent's card where the agent is; whoever may read the card calls the agent with
    /// the same authentication.
    async fn agent(
        &self,
        effect: &Effect,
        card: &Value,
    ) -> Result<Result<Value, Problem>, ExecutorError> {
        let endpoint = &card["endpoint"];
        let request = json!({ "method": "get", "endpoint": endpoint, "redirect": true });
        let key = effect.idempotency_key.as_str();
        let wanted = match Wanted::read(&request, key, &*self.secrets) {
            Ok(wanted) => wanted,
            Err(problem) => return Ok(Err(problem)),
        };
        let found = self.exchange(effect.deadline, wanted).await?.result;
        Ok(found.and_then(|card| {
            let mut agent = json!({ "uri": address(&card)? });
            if let Some(policy) = endpoint.get("authentication") {
                agent["authentication"] = policy.clone();
            }
            Ok(agent)
        }))
    }
}

/// Finds in a card where an agent speaks JSON-RPC.
fn address(card: &Value) -> Result<&str, Problem> {
    let preferred = card["preferredTransport"].as_str().unwrap_or("JSONRPC");
    if let Some(url) = card["url"].as_str()
        && preferred == "JSONRPC"
    {
        return Ok(url);
    }
    let others = card["additionalInterfaces"].as_array();
    let mut others = others.into_iter().flatten();
    let found = others.find(|other| other["transport"] == json!("JSONRPC"));
    found
        .and_then(|other| other["url"].as_str())
        .ok_or_else(|| {
            let title = "the agent does not say where it speaks JSON-RPC (A2A 0.3)";
            Problem::standard(ProblemKind::Configuration, title)
        })
}

/// Adds what every message must have. Its id is that of the effect's key, so that an agent can
/// tell a repeated message from a new one.
fn complete(method: &str, params: &mut Value, effect: &Effect) {
    if !matches!(method, "message/send" | "message/stream") {
        return;
    }
    if let Some(Value::Object(message)) = params.get_mut("message") {
        let mut add = |name: &str, value: Value| {
            message.entry(name).or_insert(value);
        };
        add("kind", json!("message"));
        add("role", json!("user"));
        add("messageId", json!(effect.idempotency_key.as_str()));
    }
}
