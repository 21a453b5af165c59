//! Servers on the web: the only file of the crate that knows the HTTP client.

use std::collections::HashMap;
use std::str::FromStr;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationManager};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::error::McpError;
use super::settings::McpWeb;

/// The largest single event that a server may send, in bytes.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// How messages travel to a server on the web.
pub(super) type WebTransport = StreamableHttpClientTransport<AuthClient<reqwest::Client>>;

/// Makes the cryptography of connections known; whoever made another known before keeps it.
pub(super) fn prepare() {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

/// Makes a transport that shows whatever tokens the manager has.
///
/// # Errors
///
/// Returns [`McpError::Settings`] when a header is none or the client cannot be made.
pub(super) fn transport(
    server: &str,
    web: &McpWeb,
    manager: AuthorizationManager,
) -> Result<WebTransport, McpError> {
    let wrong = |message: String| McpError::Settings {
        server: server.to_owned(),
        message,
    };
    let builder = if web.url.starts_with("https:") {
        reqwest::Client::builder()
    } else {
        // Nothing is checked against certificates, so none are read.
        reqwest::Client::builder().tls_certs_only([])
    };
    let client = builder
        .no_proxy()
        .user_agent(concat!("layercake-harness/", env!("CARGO_PKG_VERSION")))
        // A token must not follow a redirect to another host.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let mut headers = HashMap::new();
    for (name, value) in &web.headers {
        let name = HeaderName::from_str(name).map_err(|error| wrong(error.to_string()))?;
        let mut value =
            HeaderValue::from_str(value.expose()).map_err(|error| wrong(error.to_string()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let config = StreamableHttpClientTransportConfig::with_uri(web.url.as_str())
        .custom_headers(headers)
        .max_sse_event_size(EVENT_BYTES_MAX)
        .reinit_on_expired_session(true);
    Ok(StreamableHttpClientTransport::with_client(
        AuthClient::new(client, manager),
        config,
    ))
}
