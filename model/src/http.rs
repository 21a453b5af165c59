//! The transport of the wire dialects: the only file that knows the HTTP client.

mod auth;
#[cfg(feature = "bedrock")]
mod aws_signature;
mod reply_stream;
mod services;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use self::reply_stream::{read_all, reply_events};
use crate::limits::Limits;
use crate::loss::Loss;
use crate::provider::AuthForm;
use crate::wire::{Delivery, Dialect, ReplyHead, Target, WireRequest};
use crate::{
    CallContext, EventStream, Model, ModelDescriptor, ModelError, ModelErrorKind, Request, Role,
    Secret,
};

/// The most bytes of an error's body that are read; its message is at its start.
const ERROR_BYTES_MAX: usize = 256 << 10;
/// The most bytes of a reply that comes at once; it may hold pictures.
const REPLY_BYTES_MAX: usize = 64 << 20;

/// Connections to providers; clones share them.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

impl HttpClient {
    /// Makes a client that trusts the system's certificates, for addresses with `https`.
    ///
    /// `proxy` is the address of a forward proxy. The environment is not looked at.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the proxy's address is wrong or the
    /// system's certificates cannot be read.
    pub fn secure(proxy: Option<&str>) -> Result<Self, ModelError> {
        Self::build(reqwest::Client::builder(), proxy)
    }

    /// Makes a client for addresses with `http` only; it reads no certificates.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the proxy's address is wrong.
    pub fn plain(proxy: Option<&str>) -> Result<Self, ModelError> {
        Self::build(reqwest::Client::builder().tls_certs_only([]), proxy)
    }

    fn build(builder: reqwest::ClientBuilder, proxy: Option<&str>) -> Result<Self, ModelError> {
        // Whoever installed another provider before keeps it.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let builder = match proxy {
            None => builder.no_proxy(),
            Some(address) => builder.proxy(reqwest::Proxy::all(address).map_err(|error| {
                let message = format!("the proxy address {address} is wrong: {}", causes(&error));
                ModelError::new(ModelErrorKind::Configuration, message)
            })?),
        };
        let client = builder
            .user_agent(concat!("layercake-model/", env!("CARGO_PKG_VERSION")))
            // A key must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build();
        let client = client.map_err(|error| {
            let message = format!("no HTTP client could be made: {}", causes(&error));
            ModelError::new(ModelErrorKind::Configuration, message)
        })?;
        Ok(Self { client })
    }
}

/// Where a model is reached, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The base address, for instance `https://api.anthropic.com`.
    pub address: String,
    /// The dialect that is spoken there.
    pub dialect: Dialect,
    /// How the key is shown.
    pub auth: AuthForm,
    /// The key.
    pub key: Option<Secret>,
    /// Further headers of every call. Their values are treated as secrets.
    pub headers: Vec<(String, Secret)>,
    /// Whom requests are encoded for.
    pub target: Target,
}

/// A model behind an HTTP address.
#[derive(Debug)]
pub struct HttpModel {
    client: HttpClient,
    endpoint: Endpoint,
    descriptor: ModelDescriptor,
}

impl HttpModel {
    /// Makes a model of an endpoint. Nothing is sent before the first call.
    pub fn new(client: HttpClient, endpoint: Endpoint, descriptor: ModelDescriptor) -> Self {
        Self {
            client,
            endpoint,
            descriptor,
        }
    }

    fn http_request(
        &self,
        wire: WireRequest,
        context: &CallContext,
    ) -> Result<reqwest::Request, ModelError> {
        let address = join(&self.endpoint.address, &wire.path);
        let url: reqwest::Url = address.parse().map_err(|_| {
            let message = format!("the address {address} is not a URL");
            ModelError::new(ModelErrorKind::Configuration, message)
        })?;
        let mut request = reqwest::Request::new(reqwest::Method::POST, url);
        let headers = request.headers_mut();
        for (name, value) in &wire.headers {
            put_header(headers, name, value)?;
        }
        for (name, value) in &self.endpoint.headers {
            put_header(headers, name, value.expose())?;
        }
        if let Some(key) = &context.idempotency_key {
            put_header(headers, "idempotency-key", key)?;
        }
        if let Some(parent) = &context.trace_parent {
            put_header(headers, "traceparent", parent)?;
        }
        auth::authorize(&self.endpoint, &mut request, wire.body.as_bytes())?;
        *request.body_mut() = Some(wire.body.into());
        Ok(request)
    }

    async fn send(
        &self,
        request: Request,
        context: &CallContext,
        limits: &Limits,
    ) -> Result<EventStream, ModelError> {
        let turn = request
            .messages
            .iter()
            .filter(|message| message.role == Role::Assistant);
        let turn = turn.count();
        let http_request = self.http_request(self.encode(&request)?, context)?;
        let sent = self.client.client.execute(http_request);
        let response = limits.first_byte(sent).await?;
        let response = response.map_err(|error| self.unreachable(&error))?;
        let head = head_of(&response);
        let body = body_of(response);
        if !(200..300).contains(&head.status) {
            let body = read_all(body, ERROR_BYTES_MAX, limits)
                .await
                .unwrap_or_default();
            return Err(head.error(&body));
        }
        // A server that does not know streams answers at once, whatever it was asked for.
        let is_json = head
            .header("content-type")
            .is_some_and(|kind| kind.contains("/json"));
        if is_json || self.endpoint.target.delivery == Delivery::Whole {
            let body = read_all(body, REPLY_BYTES_MAX, limits).await?;
            let events = self.endpoint.dialect.decode_reply(&body, turn)?;
            return Ok(stream::iter(events.into_iter().map(Ok)).boxed());
        }
        let decoder = self.endpoint.dialect.decoder(turn);
        Ok(reply_events(body, decoder, limits.clone()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        let kind = match error {
            error if error.is_builder() => ModelErrorKind::Configuration,
            error if error.is_timeout() => ModelErrorKind::Timeout,
            _ => ModelErrorKind::Unreachable,
        };
        let address = &self.endpoint.address;
        let message = format!("no connection to {address}: {}", causes(error));
        ModelError::new(kind, message)
    }

    /// Takes whatever a provider may have echoed of the keys out of an error.
    fn redacted(&self, error: ModelError) -> ModelError {
        redacted(&auth::secrets(&self.endpoint), error)
    }
}

fn redacted(secrets: &[Secret], mut error: ModelError) -> ModelError {
    for secret in secrets {
        error.message = secret.redact(&error.message);
    }
    error
}

#[async_trait]
impl Model for HttpModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    fn check(&self, request: &Request) -> Vec<Loss> {
        self.endpoint.dialect.check(request, &self.endpoint.target)
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        self.endpoint.dialect.encode(request, &self.endpoint.target)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(model = %self.descriptor.model))]
    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let limits = Limits::of(&context);
        let sent = self.send(request, &context, &limits).await;
        let events = sent.map_err(|error| self.redacted(error))?;
        let secrets = auth::secrets(&self.endpoint);
        let redact = move |error| redacted(&secrets, error);
        Ok(events.map(move |event| event.map_err(&redact)).boxed())
    }
}

fn put_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), ModelError> {
    let wrong = || {
        // The value may be a key, so the message names the header only.
        let message = format!("the header {name} or its value cannot be sent");
        ModelError::new(ModelErrorKind::Configuration, message)
    };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

/// Joins address and path. Both may name the version, which must stand there once.
fn join(address: &str, path: &str) -> String {
    let address = address.trim_end_matches('/');
    let address = match path.starts_with("/v1/") {
        true => address.strip_suffix("/v1").unwrap_or(address),
        false => address,
    };
    format!("{address}{path}")
}

fn head_of(response: &reqwest::Response) -> ReplyHead {
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    ReplyHead {
        status: response.status().as_u16(),
        headers: headers.collect(),
    }
}

fn body_of(response: reqwest::Response) -> BoxStream<'static, Result<Vec<u8>, ModelError>> {
    let pieces = response.bytes_stream().map(|piece| match piece {
        Ok(piece) => Ok(Vec::from(piece)),
        Err(error) => {
            let message = format!("the connection broke: {}", causes(&error));
            Err(ModelError::new(ModelErrorKind::Interrupted, message))
        }
    });
    pieces.fuse().boxed()
}

/// Writes an error with its causes; the address, which may hold secrets, is left out.
fn causes(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&error.to_string());
        cause = error.source();
    }
    if words.is_empty() {
        words.push_str("the request could not be sent");
    }
    words
}
