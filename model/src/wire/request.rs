//! One request as it goes over the wire, without anything secret.

use serde::{Deserialize, Serialize};

use crate::{ModelError, ModelErrorKind, Request};

/// What is sent to a provider: a path, headers and a body. The key is added by the transport
/// and never stands in here, so that this may be shown, stored and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireRequest {
    /// The path and query behind the provider's address; begins with `/` or is empty.
    pub path: String,
    /// The headers of the dialect, in order.
    pub headers: Vec<(String, String)>,
    /// The body: JSON text.
    pub body: String,
}

impl WireRequest {
    /// Shows a request of a backend that has no wire: its own JSON, on no path.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `InvalidRequest` when the request has no JSON form.
    pub fn of_request(request: &Request) -> Result<Self, ModelError> {
        let body = serde_json::to_string(request).map_err(|error| {
            let message = format!("the request has no JSON form: {error}");
            ModelError::new(ModelErrorKind::InvalidRequest, message)
        })?;
        Ok(Self {
            path: String::new(),
            headers: Vec::new(),
            body,
        })
    }
}
