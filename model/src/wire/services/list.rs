//! Lists of models, page by page.

use serde_json::Value;

#[cfg(feature = "bedrock")]
use super::missing;
use super::{number_at, read_json};
use crate::ModelError;
use crate::services::ListedModel;
use crate::wire::Dialect;
use crate::wire::decoder::malformed;

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) models: Vec<ListedModel>,
    /// What the next page is asked for with; `None` on the last.
    pub(crate) next: Option<String>,
}

/// Returns the path of a page of the list.
pub(crate) fn list_path(dialect: Dialect, after: Option<&str>) -> Result<String, ModelError> {
    let page = |path: &str, parameter: &str| match after {
        Some(after) => format!("{path}&{parameter}={after}"),
        None => path.to_owned(),
    };
    match dialect {
        Dialect::AnthropicMessages => Ok(page("/v1/models?limit=1000", "after_id")),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => Ok("/models".to_owned()),
        Dialect::Gemini => Ok(page("/models?pageSize=1000", "pageToken")),
        #[cfg(feature = "ollama")]
        Dialect::OllamaChat => Ok("/api/tags".to_owned()),
        #[cfg(feature = "bedrock")]
        Dialect::BedrockConverse => Err(missing(dialect, "lists models")),
    }
}

/// Reads a page.
pub(crate) fn read_list(body: &[u8]) -> Result<Page, ModelError> {
    let reply = read_json(body)?;
    let items = reply.get("data").or_else(|| reply.get("models"));
    let items = items.and_then(Value::as_array);
    let items = items.ok_or_else(|| malformed("the reply has no list of models"))?;
    let models = items.iter().filter_map(listed).collect();
    let text = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
    let has_more = reply.get("has_more").and_then(Value::as_bool) == Some(true);
    let next = text("nextPageToken").or_else(|| text("last_id").filter(|_| has_more));
    Ok(Page {
        models,
        next: next.filter(|next| next.bytes().all(is_plain)),
    })
}

/// What may stand in a query without an escape; every known token is of these.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~=".contains(&byte)
}

fn listed(item: &Value) -> Option<ListedModel> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let name = text("id").or(text("name"))?;
    let context: [&[&str]; 8] = [
        &["inputTokenLimit"],
        &["max_input_tokens"],
        &["context_length"],
        &["context_window"],
        &["max_context_length"],
        &["max_model_len"],
        &["meta", "n_ctx"],
        &["meta", "n_ctx_train"],
    ];
    let output: [&[&str]; 4] = [
        &["outputTokenLimit"],
        &["top_provider", "max_completion_tokens"],
        &["max_completion_tokens"],
        &["max_tokens"],
    ];
    Some(ListedModel {
        name: name.strip_prefix("models/").unwrap_or(name).to_owned(),
        context_tokens_max: number_at(item, &context),
        output_tokens_max: number_at(item, &output),
    })
}
