//! What is asked for when somebody else gives the token: a grant of OAuth 2.0.
//!
//! Source: RFC 6749 (4.3 and 4.4), RFC 8693 (token exchange), OpenID Connect Discovery 1.0.

use reqwest::Url;
use serde_json::{Map, Value};

use super::{field, optional, refused, wrong};
use crate::{Digest, Problem};

/// The name of the grant of RFC 8693.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Where a provider of OpenID Connect tells about itself.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A token that is wanted, from whom, and in whose name.
pub(in crate::http) struct Grant {
    /// Who gives the token.
    pub(super) authority: String,
    /// Where the token is asked for, or where that is found out.
    pub(super) endpoint: Endpoint,
    /// What is said in the request, besides who the client is.
    parameters: Vec<(&'static str, String)>,
    client: Client,
    /// Whether the request is JSON instead of a form.
    pub(super) is_json: bool,
    /// Who may have issued the token; anybody when there is no one.
    pub(super) issuers: Vec<String>,
    /// The name of all this in the cache.
    pub(super) key: Digest,
}

/// Where a token is asked for.
pub(super) enum Endpoint {
    /// There.
    Known(Url),
    /// At the place that the provider names in this document.
    Discovered(Url),
}

/// Who asks for the token.
struct Client {
    id: Option<String>,
    secret: Option<String>,
    assertion: Option<String>,
    method: Method,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Basic,
    Post,
    Assertion,
    None,
}

impl Grant {
    /// Reads the fields of `oauth2`.
    pub(super) fn oauth2(fields: &Value) -> Result<Self, Problem> {
        let authority = field(fields, "authority")?;
        let path = fields
            .get("endpoints")
            .and_then(|all| optional(all, "token"));
        let path = path.unwrap_or_else(|| "/oauth2/token".to_owned());
        let address = match path.contains("://") {
            true => path,
            false => joined(&authority, &path),
        };
        Self::read(fields, authority, Endpoint::Known(url(&address)?))
    }

    /// Reads the fields of `oidc`.
    pub(super) fn oidc(fields: &Value) -> Result<Self, Problem> {
        let authority = field(fields, "authority")?;
        let document = url(&joined(&authority, WELL_KNOWN))?;
        Self::read(fields, authority, Endpoint::Discovered(document))
    }

    fn read(fields: &Value, authority: String, endpoint: Endpoint) -> Result<Self, Problem> {
        let encoding = fields.get("request").and_then(|r| optional(r, "encoding"));
        let is_json = match encoding.as_deref() {
            None | Some("application/x-www-form-urlencoded") => false,
            Some("application/json") => true,
            Some(other) => return Err(wrong(format!("a token is not asked for in `{other}`"))),
        };
        Ok(Self {
            parameters: parameters(fields)?,
            client: Client::read(fields.get("client").unwrap_or(&Value::Null))?,
            is_json,
            issuers: texts(fields, "issuers"),
            key: Digest::of_value(fields),
            authority,
            endpoint,
        })
    }

    /// Returns the login that goes into the header of the request, if one does.
    pub(super) fn login(&self) -> Option<(&str, &str)> {
        let Client {
            id, secret, method, ..
        } = &self.client;
        (*method == Method::Basic)
            .then(|| Some((id.as_deref()?, secret.as_deref()?)))
            .flatten()
    }

    /// Returns what the request says.
    pub(super) fn body(&self) -> Vec<(&'static str, String)> {
        let mut body = self.parameters.clone();
        let Client {
            id,
            secret,
            assertion,
            method,
        } = &self.client;
        if *method != Method::Basic {
            body.extend(id.clone().map(|id| ("client_id", id)));
        }
        if *method == Method::Post {
            body.extend(secret.clone().map(|secret| ("client_secret", secret)));
        }
        if *method == Method::Assertion {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            body.push(("client_assertion_type", kind.to_owned()));
            body.extend(assertion.clone().map(|text| ("client_assertion", text)));
        }
        body
    }

    /// Returns the body as a JSON object.
    pub(super) fn json(&self) -> Value {
        let body = self.body().into_iter();
        let fields = body.map(|(name, text)| (name.to_owned(), Value::String(text)));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

fn parameters(fields: &Value) -> Result<Vec<(&'static str, String)>, Problem> {
    let grant = optional(fields, "grant").unwrap_or_else(|| "client_credentials".to_owned());
    let mut parameters = vec![("grant_type", grant.clone())];
    match grant.as_str() {
        "client_credentials" => {}
        "password" => {
            parameters.push(("username", field(fields, "username")?));
            parameters.push(("password", field(fields, "password")?));
        }
        TOKEN_EXCHANGE => {
            let subject = fields.get("subject").unwrap_or(&Value::Null);
            parameters.push(("subject_token", field(subject, "token")?));
            parameters.push(("subject_token_type", field(subject, "type")?));
            if let Some(actor) = fields.get("actor") {
                parameters.push(("actor_token", field(actor, "token")?));
                parameters.push(("actor_token_type", field(actor, "type")?));
            }
        }
        other => {
            let title = format!("the grant `{other}` needs a person at a browser, or is unknown");
            return Err(wrong(title));
        }
    }
    let scopes = texts(fields, "scopes").join(" ");
    if !scopes.is_empty() {
        parameters.push(("scope", scopes));
    }
    let audiences = texts(fields, "audiences").into_iter();
    parameters.extend(audiences.map(|audience| ("audience", audience)));
    Ok(parameters)
}

impl Client {
    fn read(fields: &Value) -> Result<Self, Problem> {
        let method = match optional(fields, "authentication").as_deref() {
            None | Some("client_secret_post") => Method::Post,
            Some("client_secret_basic") => Method::Basic,
            Some("none") => Method::None,
            // Whoever wrote the definition has signed; nothing is signed here.
            Some("client_secret_jwt" | "private_key_jwt") if !fields["assertion"].is_null() => {
                Method::Assertion
            }
            Some(other) => {
                let title =
                    format!("a client cannot say who it is by `{other}` without `assertion`");
                return Err(wrong(title));
            }
        };
        let client = Self {
            id: optional(fields, "id"),
            secret: optional(fields, "secret"),
            assertion: optional(fields, "assertion"),
            method,
        };
        if method == Method::Basic && (client.id.is_none() || client.secret.is_none()) {
            return Err(refused("the client has no `id` or no `secret`"));
        }
        Ok(client)
    }
}

fn texts(fields: &Value, name: &str) -> Vec<String> {
    let items = fields.get(name).and_then(Value::as_array);
    let items = items.into_iter().flatten().filter_map(Value::as_str);
    items.map(str::to_owned).collect()
}

fn joined(authority: &str, path: &str) -> String {
    let authority = authority.trim_end_matches('/');
    format!("{authority}/{}", path.trim_start_matches('/'))
}

fn url(text: &str) -> Result<Url, Problem> {
    let url: Url = text
        .parse()
        .map_err(|error| wrong(format!("`{text}` is not an address: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(wrong(format!("`{text}` is neither http nor https"))),
    }
}
