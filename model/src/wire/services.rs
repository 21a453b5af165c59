//! The calls beside answers in the words of each dialect: pure, as all of `wire`.
//!
//! Source: the interface references of the providers; fields that only some servers add to
//! their lists are those of OpenRouter, vLLM, Groq, Mistral and llama.cpp.

mod count;
mod embed;
mod list;

use serde_json::Value;

use super::decoder::malformed;
use super::{Dialect, WireRequest};
use crate::{ModelError, ModelErrorKind};

pub(crate) use count::{count_request, read_count};
pub(crate) use embed::{embed_request, read_embeddings};
pub(crate) use list::{list_path, read_list};

/// Says that a dialect has no such call.
fn missing(dialect: Dialect, what: &str) -> ModelError {
    let message = format!("the dialect {} has no call that {what}", dialect.name());
    ModelError::new(ModelErrorKind::Configuration, message)
}

fn json_request(path: String, body: &Value) -> WireRequest {
    WireRequest {
        path,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string(),
    }
}

fn read_json(body: &[u8]) -> Result<Value, ModelError> {
    serde_json::from_slice(body).map_err(|error| malformed(&format!("not JSON ({error})")))
}

/// Returns the first number that stands at one of the places.
fn number_at(value: &Value, places: &[&[&str]]) -> Option<u64> {
    let mut places = places.iter();
    places.find_map(|path| {
        let found = path.iter().try_fold(value, |at, name| at.get(name));
        found.and_then(Value::as_u64)
    })
}
