//! JSON-RPC over HTTP, as MCP and A2A speak it: one request, and an answer that comes whole or
//! as a stream of events.
//!
//! Source: JSON-RPC 2.0; the WHATWG HTML standard, "Server-sent events".

use serde_json::{Map, Value, json};

use super::Http;
use super::request::Wanted;
use crate::{Effect, ExecutorError, Outcome, Problem, ProblemKind};

/// What both protocols accept.
const ACCEPTED: &str = "application/json, text/event-stream";

/// One call of a method.
#[derive(Debug)]
pub(super) struct Rpc<'a> {
    /// Where to: an address, or one with an authentication.
    pub(super) endpoint: &'a Value,
    /// Headers beyond the usual ones.
    pub(super) headers: Map<String, Value>,
    pub(super) method: &'a str,
    pub(super) params: Value,
    /// Nothing for a notification, which nobody answers.
    pub(super) id: Option<Value>,
}

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) headers: Map<String, Value>,
    /// The results, in order; a stream may bring several.
    pub(super) results: Vec<Value>,
    /// Whatever is worth keeping for the operator.
    pub(super) evidence: Option<Value>,
}

impl Http {
    /// Calls a method. The outer error is that of the machinery, the inner one failed work.
    pub(super) async fn rpc(
        &self,
        effect: &Effect,
        rpc: Rpc<'_>,
    ) -> Result<Result<Reply, Problem>, ExecutorError> {
        let mut body = json!({ "jsonrpc": "2.0", "method": rpc.method, "params": rpc.params });
        if let Some(id) = &rpc.id {
            body["id"] = id.clone();
        }
        let mut headers = rpc.headers;
        headers.entry("accept").or_insert(json!(ACCEPTED));
        let request = json!({
            "method": "post",
            "endpoint": rpc.endpoint,
            "headers": headers,
            "body": body,
            "output": "response",
        });
        let key = effect.idempotency_key.as_str();
        let wanted = match Wanted::read(&request, key, &*self.secrets) {
            Ok(wanted) => wanted,
            Err(problem) => return Ok(Err(problem)),
        };
        let Outcome {
            result, evidence, ..
        } = self.exchange(effect.deadline, wanted).await?;
        Ok(result.and_then(|response| {
            let results = match &rpc.id {
                Some(id) => results(&response["content"], id)?,
                None => Vec::new(),
            };
            Ok(Reply {
                headers: response["headers"].as_object().cloned().unwrap_or_default(),
                results,
                evidence,
            })
        }))
    }
}

/// Takes the results for one request out of an answer.
fn results(content: &Value, id: &Value) -> Result<Vec<Value>, Problem> {
    let messages = match content {
        Value::String(stream) => messages(stream),
        Value::Array(batch) => batch.clone(),
        single => vec![single.clone()],
    };
    let mut results = Vec::new();
    // Others are requests and notifications of the server, which this client does not serve.
    let own = |message: &&Value| message.get("method").is_none();
    for message in messages.iter().filter(own) {
        if let Some(error) = message.get("error").filter(|error| !error.is_null()) {
            return Err(problem(error));
        }
        if message.get("id") == Some(id)
            && let Some(result) = message.get("result")
        {
            results.push(result.clone());
        }
    }
    match results.is_empty() {
        false => Ok(results),
        true => Err(Problem::standard(
            ProblemKind::Communication,
            "the answer has no result",
        )),
    }
}

/// Reads the messages of a stream of events; what is no JSON is left out.
fn messages(stream: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    let mut data = String::new();
    for line in stream.lines().chain([""]) {
        if let Some(text) = line.strip_prefix("data:") {
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(text.strip_prefix(' ').unwrap_or(text));
        } else if line.is_empty() && !data.is_empty() {
            messages.extend(serde_json::from_str::<Value>(&data).ok());
            data.clear();
        }
    }
    messages
}

fn problem(error: &Value) -> Problem {
    let message = error["message"].as_str().unwrap_or("no reason given");
    let title = format!("the method failed: {message}");
    let problem = Problem::standard(ProblemKind::Communication, title);
    match (error.get("code"), error.get("data")) {
        (Some(code), None) => problem.with_detail(format!("code {code}")),
        (Some(code), Some(data)) => problem.with_detail(format!("code {code}: {data}")),
        (None, _) => problem,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::results;

    #[test]
    fn a_stream_brings_several_results_and_what_is_for_others_is_left_out() {
        let stream = concat!(
            ": hello\n",
            "event: message\n",
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"id\":1,\n",
            "data: \"result\":{\"n\":1}}\n\n",
            "data:{\"id\":2,\"result\":{}}\n\n",
            "data: {\"id\":1,\"result\":{\"n\":2}}",
        );
        let found = results(&json!(stream), &json!(1)).expect("two results");
        assert_eq!(found, [json!({ "n": 1 }), json!({ "n": 2 })]);
    }

    #[test]
    fn an_error_or_nothing_at_all_is_a_problem() {
        let error = json!({ "id": 1, "error": { "code": -32601, "message": "no such method" } });
        let problem = results(&error, &json!(1)).expect_err("an error");
        assert_eq!(problem.title, "the method failed: no such method");
        assert_eq!(problem.detail.as_deref(), Some("code -32601"));
        assert!(results(&json!({ "id": 7, "result": 1 }), &json!(1)).is_err());
        assert!(results(&json!("<html>"), &json!(1)).is_err());
    }
}
