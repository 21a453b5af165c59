//! Sends events to an address.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Http;
use super::request::Wanted;
use crate::ExecutorError;
use crate::runtime::EventSink;

/// Sends events to an address, one request for each.
///
/// Source: `CloudEvents` 1.0.2, "HTTP Protocol Binding", structured content mode.
#[derive(Debug, Clone)]
pub struct HttpSink {
    http: Http,
    endpoint: Value,
}

impl HttpSink {
    /// Makes a sink. The endpoint is an address, or an object of `uri` and `authentication` as
    /// in `call: http`; secrets are found by `http`.
    pub fn new(http: Http, endpoint: Value) -> Self {
        Self { http, endpoint }
    }
}

#[async_trait]
impl EventSink for HttpSink {
    async fn publish(&self, event: &Value) -> Result<(), ExecutorError> {
        let request = json!({
            "method": "post",
            "endpoint": self.endpoint,
            "headers": { "content-type": "application/cloudevents+json; charset=utf-8" },
            "body": event,
        });
        let refused = |problem: crate::Problem| ExecutorError {
            message: format!("the event was not taken: {problem}"),
        };
        let key = event["id"].as_str().unwrap_or_default();
        let wanted = Wanted::read(&request, key, &*self.http.secrets).map_err(refused)?;
        let outcome = self.http.exchange(None, wanted).await?;
        outcome.result.map(drop).map_err(refused)
    }
}
