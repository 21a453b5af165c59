//! What providers and compatible servers really send, and what we make of it. Each test names
//! where the behaviour was reported, if it was.

mod anthropic;
#[cfg(feature = "bedrock")]
mod bedrock;
mod chat;
mod gemini;
#[cfg(feature = "ollama")]
mod ollama;
mod page;
mod responses;

use layercake_model::Reply;
use layercake_model::wire::Dialect;

use crate::ask::{sse, stream_reply};

const CHAT: Dialect = Dialect::OpenaiChat;
const ANTHROPIC: Dialect = Dialect::AnthropicMessages;

fn chat(frames: &[&str]) -> Reply {
    stream_reply(CHAT, sse(frames).as_bytes()).unwrap()
}

fn anthropic(frames: &[&str]) -> Reply {
    stream_reply(ANTHROPIC, sse(frames).as_bytes()).unwrap()
}

fn arguments(reply: &Reply) -> Vec<serde_json::Value> {
    let calls = reply.tool_calls();
    calls.map(|call| call.arguments.clone()).collect()
}

/// The conversation that follows a reply, in the words of the dialect.
fn handed_back(dialect: Dialect, reply: Reply, model: &str) -> serde_json::Value {
    let request = layercake_model::Request {
        messages: vec![reply.into_message()],
        ..layercake_model::Request::default()
    };
    body(dialect, &request, model)
}

/// What is sent for a request.
fn body(dialect: Dialect, request: &layercake_model::Request, model: &str) -> serde_json::Value {
    let target = crate::ask::target("p", model, crate::ask::native());
    serde_json::from_str(&dialect.encode(request, &target).unwrap().body).unwrap()
}
