//! Counting tokens: the request of an answer, without what only an answer needs.

use serde_json::{Value, json};

use super::{json_request, missing, number_at, read_json};
use crate::wire::decoder::malformed;
use crate::wire::{Delivery, Dialect, Target, WireRequest};
use crate::{ModelError, ModelErrorKind, Request};

/// What the count of Anthropic takes of a request.
const ANTHROPIC_FIELDS: [&str; 6] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
];
/// What the count of OpenAI Responses takes of a request.
const RESPONSES_FIELDS: [&str; 7] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "text",
    "reasoning",
];

/// Writes the call that counts the tokens of a request.
pub(crate) fn count_request(
    dialect: Dialect,
    request: &Request,
    target: &Target,
) -> Result<WireRequest, ModelError> {
    let whole = Target {
        delivery: Delivery::Whole,
        ..target.clone()
    };
    let mut wire = dialect.encode(request, &whole)?;
    let only = |fields: &[&str]| -> Result<Value, ModelError> {
        let mut body = body_of(&wire)?;
        if let Some(all) = body.as_object_mut() {
            all.retain(|name, _| fields.contains(&name.as_str()));
        }
        Ok(body)
    };
    let (path, body) = match dialect {
        Dialect::AnthropicMessages => (
            "/v1/messages/count_tokens".to_owned(),
            only(&ANTHROPIC_FIELDS)?,
        ),
        Dialect::OpenaiResponses => (
            "/responses/input_tokens".to_owned(),
            only(&RESPONSES_FIELDS)?,
        ),
        Dialect::Gemini => {
            let model = format!("models/{}", target.model);
            let mut body = body_of(&wire)?;
            body["model"] = json!(model);
            (
                format!("/{model}:countTokens"),
                json!({ "generateContentRequest": body }),
            )
        }
        Dialect::OpenaiChat => return Err(missing(dialect, "counts tokens")),
        #[cfg(feature = "ollama")]
        Dialect::OllamaChat => return Err(missing(dialect, "counts tokens")),
        #[cfg(feature = "bedrock")]
        Dialect::BedrockConverse => {
            let path = wire.path.replace("/converse", "/count-tokens");
            let body = only(&["messages", "system", "toolConfig"])?;
            (path, json!({ "input": { "converse": body } }))
        }
    };
    let headers = std::mem::take(&mut wire.headers);
    Ok(WireRequest {
        headers,
        ..json_request(path, &body)
    })
}

fn body_of(wire: &WireRequest) -> Result<Value, ModelError> {
    serde_json::from_str(&wire.body).map_err(|error| {
        let message = format!("the request is no JSON: {error}");
        ModelError::new(ModelErrorKind::InvalidRequest, message)
    })
}

/// Reads the count, whichever word the dialect has for it.
pub(crate) fn read_count(body: &[u8]) -> Result<u64, ModelError> {
    let reply = read_json(body)?;
    let places: [&[&str]; 3] = [&["input_tokens"], &["totalTokens"], &["inputTokens"]];
    number_at(&reply, &places).ok_or_else(|| malformed("the reply has no count of tokens"))
}
