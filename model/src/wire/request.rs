//! One request as it goes over the wire, without anything secret.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Target;
use crate::{ModelError, ModelErrorKind, Request};

/// The provider option that becomes headers instead of body fields.
const HEADERS_OPTION: &str = "headers";

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
    /// Writes a body, with the request's options for the provider laid over it. Options are
    /// looked up under the provider's name, and under the dialect's.
    pub(super) fn of_body(
        path: impl Into<String>,
        mut body: Map<String, Value>,
        dialect: &str,
        request: &Request,
        target: &Target,
    ) -> Result<Self, ModelError> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        for name in [dialect, target.provider.as_str()] {
            let Some(options) = request.provider_options.get(name) else {
                continue;
            };
            let Value::Object(options) = options else {
                let message = format!("the options for {name} are no object");
                return Err(ModelError::new(ModelErrorKind::InvalidRequest, message));
            };
            for (option, value) in options {
                if option == HEADERS_OPTION {
                    headers.extend(option_headers(value));
                } else {
                    body.insert(option.clone(), value.clone());
                }
            }
        }
        Ok(Self {
            path: path.into(),
            headers,
            body: Value::Object(body).to_string(),
        })
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn option_headers(value: &Value) -> impl Iterator<Item = (String, String)> {
    let named = value.as_object().into_iter().flatten();
    named.filter_map(|(name, value)| {
        let value = value.as_str()?.to_owned();
        Some((name.to_ascii_lowercase(), value))
    })
}
