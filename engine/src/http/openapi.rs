//! `call: openapi`: an operation of a service that describes itself becomes a request.
//!
//! Source: the `OpenAPI` Specification 3.0.4 and 3.1.1, and Swagger 2.0; the Open Workflow
//! Specification, DSL reference, "OpenAPI Call".

mod operation;
mod parameter;
mod service;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::Http;
use super::request::Wanted;
use crate::{Digest, Effect, ExecutorError, Outcome, Problem, ProblemKind, Timestamp};
use operation::Operation;

/// How long a fetched description is used, in milliseconds: services change by day, not by
/// second.
const LIFE_MS: u64 = 300_000;

/// How many descriptions are kept.
const KEPT_MAX: usize = 32;

/// Descriptions of services: those that were given, and those that were fetched.
#[derive(Debug, Default)]
pub(super) struct Documents {
    given: BTreeMap<String, Arc<Value>>,
    fetched: Mutex<BTreeMap<Digest, (Timestamp, Arc<Value>)>>,
}

impl Documents {
    /// Adds a description that is at hand.
    pub(super) fn with(&self, address: String, document: Value) -> Self {
        let mut given = self.given.clone();
        given.insert(address, Arc::new(document));
        Self {
            given,
            fetched: Mutex::default(),
        }
    }

    fn find(&self, address: &str, key: Digest, now: Timestamp) -> Option<Arc<Value>> {
        if let Some(given) = self.given.get(address) {
            return Some(Arc::clone(given));
        }
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, document) = fetched.get(&key)?;
        (*until > now).then(|| Arc::clone(document))
    }

    fn keep(&self, key: Digest, now: Timestamp, document: &Arc<Value>) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.retain(|_, (until, _)| *until > now);
        if fetched.len() >= KEPT_MAX {
            fetched.pop_first();
        }
        fetched.insert(key, (now.plus_millis(LIFE_MS), Arc::clone(document)));
    }
}

impl Http {
    /// Performs `call: openapi`.
    pub(super) async fn openapi(
        &self,
        effect: &Effect,
        with: &Value,
    ) -> Result<Outcome, ExecutorError> {
        let endpoint = with.pointer("/document/endpoint").unwrap_or(&Value::Null);
        let document = match self.document(effect, endpoint).await? {
            Ok(document) => document,
            Err(problem) => return Ok(Outcome::failed(problem)),
        };
        let address = endpoint.get("uri").unwrap_or(endpoint);
        match request_of(&document, address.as_str().unwrap_or_default(), with) {
            Ok(request) => self.http(effect, &request).await,
            Err(problem) => Ok(Outcome::failed(problem)),
        }
    }

    /// Returns the description of a service, from where it was given or by asking for it.
    async fn document(
        &self,
        effect: &Effect,
        endpoint: &Value,
    ) -> Result<Result<Arc<Value>, Problem>, ExecutorError> {
        let uri = endpoint.get("uri").unwrap_or(endpoint);
        let address = uri.as_str().unwrap_or_default();
        let (key, now) = (Digest::of_value(endpoint), self.clock.now());
        if let Some(document) = self.documents.find(address, key, now) {
            return Ok(Ok(document));
        }
        let request = json!({
            "method": "get",
            "endpoint": endpoint,
            "headers": { "accept": "application/json, application/yaml;q=0.9, */*;q=0.5" },
            "output": "content",
            "redirect": true,
        });
        let wanted = match Wanted::read(&request, effect.idempotency_key.as_str(), &*self.secrets) {
            Ok(wanted) => wanted,
            Err(problem) => return Ok(Err(problem)),
        };
        let content = match self.exchange(effect.deadline, wanted).await?.result {
            Ok(content) => content,
            Err(problem) => return Ok(Err(problem)),
        };
        let read = match content {
            Value::String(text) => crate::definition::value_of(&text),
            other => Some(other),
        };
        Ok(match read.filter(Value::is_object) {
            Some(document) => {
                let document = Arc::new(document);
                self.documents.keep(key, now, &document);
                Ok(document)
            }
            None => Err(wrong(format!(
                "{address} is not the description of a service"
            ))),
        })
    }
}

/// Makes the arguments of `call: http` from those of `call: openapi`.
fn request_of(document: &Value, address: &str, with: &Value) -> Result<Value, Problem> {
    let id = with["operationId"].as_str().unwrap_or_default();
    let operation = Operation::find(document, id)
        .ok_or_else(|| wrong(format!("{address} has no operation `{id}`")))?;
    let empty = Map::new();
    let given = with["parameters"].as_object().unwrap_or(&empty);
    let filled = parameter::fill(&operation, given)?;
    let base = service::base(&operation, address)?;
    let mut uri = format!("{}{}", base.trim_end_matches('/'), filled.path);
    if !filled.query.is_empty() {
        uri.push('?');
        uri.push_str(&filled.query.join("&"));
    }
    let mut endpoint = json!({ "uri": uri });
    if let Some(policy) = with.get("authentication") {
        endpoint["authentication"] = policy.clone();
    }
    let mut request = json!({
        "method": operation.method,
        "endpoint": endpoint,
        "headers": filled.headers,
        "body": filled.body,
    });
    for key in ["output", "redirect"] {
        if let Some(value) = with.get(key) {
            request[key] = value.clone();
        }
    }
    Ok(request)
}

fn wrong(title: impl Into<String>) -> Problem {
    Problem::standard(ProblemKind::Configuration, title)
}

#[cfg(test)]
mod tests;
