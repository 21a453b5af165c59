//! Embeddings: texts out, vectors back.

use serde_json::{Value, json};

use super::{json_request, missing, number_at, read_json};
use crate::services::Embeddings;
use crate::wire::decoder::malformed;
use crate::wire::{Dialect, WireRequest};
use crate::{ModelError, Usage};

/// Writes the call that embeds some texts.
pub(crate) fn embed_request(
    dialect: Dialect,
    model: &str,
    texts: &[String],
) -> Result<WireRequest, ModelError> {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            let body = json!({ "model": model, "input": texts, "encoding_format": "float" });
            Ok(json_request("/embeddings".to_owned(), &body))
        }
        Dialect::Gemini => {
            let named = format!("models/{model}");
            let content = |text: &String| json!({ "parts": [{ "text": text }] });
            if let [text] = texts {
                let body = json!({ "model": named, "content": content(text) });
                return Ok(json_request(format!("/{named}:embedContent"), &body));
            }
            let one = |text: &String| json!({ "model": named, "content": content(text) });
            let requests: Vec<Value> = texts.iter().map(one).collect();
            let body = json!({ "requests": requests });
            Ok(json_request(format!("/{named}:batchEmbedContents"), &body))
        }
        #[cfg(feature = "ollama")]
        Dialect::OllamaChat => {
            let body = json!({ "model": model, "input": texts });
            Ok(json_request("/api/embed".to_owned(), &body))
        }
        #[cfg(feature = "bedrock")]
        Dialect::BedrockConverse => Err(missing(dialect, "embeds texts")),
        Dialect::AnthropicMessages => Err(missing(dialect, "embeds texts")),
    }
}

/// Reads the vectors, wherever a dialect puts them; there must be one for each text.
pub(crate) fn read_embeddings(body: &[u8], texts: usize) -> Result<Embeddings, ModelError> {
    let reply = read_json(body)?;
    let vectors = if let Some(data) = reply.get("data").and_then(Value::as_array) {
        numbered(data)?
    } else if let Some(all) = reply.get("embeddings").and_then(Value::as_array) {
        all.iter().map(vector).collect::<Result<_, _>>()?
    } else if let Some(one) = reply.get("embedding") {
        vec![vector(one)?]
    } else {
        return Err(malformed("the reply has no vectors"));
    };
    if vectors.len() != texts {
        let message = format!("{} vectors for {texts} texts", vectors.len());
        return Err(malformed(&message));
    }
    let counts: [&[&str]; 3] = [
        &["usage", "prompt_tokens"],
        &["usageMetadata", "promptTokenCount"],
        &["prompt_eval_count"],
    ];
    let usage = Usage {
        input_tokens: number_at(&reply, &counts).unwrap_or_default(),
        ..Usage::default()
    };
    let model = reply.get("model").and_then(Value::as_str);
    Ok(Embeddings {
        model: model.unwrap_or_default().to_owned(),
        vectors,
        usage,
    })
}

/// The numbers say whose vector it is; not every server keeps the order.
fn numbered(data: &[Value]) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut vectors = Vec::with_capacity(data.len());
    for (place, item) in (0..).zip(data) {
        let number = item.get("index").and_then(Value::as_u64).unwrap_or(place);
        vectors.push((number, vector(item.get("embedding").unwrap_or(item))?));
    }
    vectors.sort_by_key(|(number, _)| *number);
    Ok(vectors.into_iter().map(|(_, vector)| vector).collect())
}

/// Reads a vector: a list of numbers, or an object that holds one as `values`.
fn vector(value: &Value) -> Result<Vec<f32>, ModelError> {
    let list = value.get("values").unwrap_or(value).as_array();
    let list = list.ok_or_else(|| malformed("a vector is no list"))?;
    let number = |value: &Value| value.as_f64().map(|number| number as f32);
    let numbers: Option<Vec<f32>> = list.iter().map(number).collect();
    numbers.ok_or_else(|| malformed("a vector holds something else than numbers"))
}
