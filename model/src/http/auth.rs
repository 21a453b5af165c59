//! How the key is shown to the provider. Whatever is put into a header here is a secret.

use super::{Endpoint, put_header};
use crate::provider::AuthForm;
use crate::{ModelError, Secret};

/// Adds to a request what shows the key. `body` is what will be sent with it.
pub(super) fn authorize(
    endpoint: &Endpoint,
    request: &mut reqwest::Request,
    body: &[u8],
) -> Result<(), ModelError> {
    let _ = body;
    let Some(key) = &endpoint.key else {
        return Ok(());
    };
    let headers = request.headers_mut();
    match &endpoint.auth {
        AuthForm::None => Ok(()),
        AuthForm::Header(name) => put_header(headers, name, key.expose()),
        #[cfg(feature = "bedrock")]
        AuthForm::AwsSignature if key.expose().contains(':') => {
            super::aws_signature::sign(request, body, key)
        }
        #[cfg(feature = "bedrock")]
        AuthForm::AwsSignature => put_bearer(headers, key),
        AuthForm::Bearer => put_bearer(headers, key),
    }
}

fn put_bearer(headers: &mut reqwest::header::HeaderMap, key: &Secret) -> Result<(), ModelError> {
    let value = format!("Bearer {}", key.expose());
    put_header(headers, "authorization", &value)
}

/// Returns everything that no message may show.
pub(super) fn secrets(endpoint: &Endpoint) -> Vec<Secret> {
    let headers = endpoint.headers.iter().map(|(_, value)| value.clone());
    let key = endpoint.key.iter();
    // A provider may repeat the parts of a joined key one by one.
    let parts = key.clone().flat_map(|key| {
        let parts = key.expose().split(':');
        parts.map(|part| Secret::new(part.trim()))
    });
    key.cloned().chain(parts).chain(headers).collect()
}
