//! Who a request says it is from: policies of the standard, and how each is carried out.
//!
//! Source: the Open Workflow Specification, DSL reference, "Authentication".

mod digest;
mod grant;
mod scrub;
mod token;

use reqwest::RequestBuilder;
use serde_json::Value;

use super::text_of;
use crate::{Problem, ProblemKind, Secrets};

pub(super) use digest::{Asked, Challenge};
pub(super) use grant::Grant;
pub(super) use scrub::Scrub;
pub(super) use token::Tokens;

/// A policy with everything that it needs.
pub(super) enum Policy {
    /// Nobody in particular.
    None,
    /// A name and a password in every request (RFC 7617).
    Basic(Login),
    /// A token that is at hand (RFC 6750).
    Bearer(String),
    /// A name and the proof that one knows the password (RFC 7616).
    Digest(Login),
    /// A token that somebody else gives first (RFC 6749, or OpenID Connect).
    Granted(Box<Grant>),
}

/// A name and a password.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

impl Policy {
    /// Reads a policy; what is secret in it is also told to the scrub.
    pub(super) fn read(
        policy: Option<&Value>,
        secrets: &dyn Secrets,
        scrub: &mut Scrub,
    ) -> Result<Self, Problem> {
        let Some(policy) = policy.filter(|policy| !policy.is_null()) else {
            return Ok(Self::None);
        };
        let scheme = policy.as_object().and_then(|map| map.iter().next());
        let Some((scheme, fields)) = scheme else {
            return Err(wrong("the authentication names no scheme"));
        };
        let fields = resolved(fields, secrets, scrub)?;
        match scheme.as_str() {
            "basic" => {
                let login = Login::read(&fields)?;
                scrub.login(&login);
                Ok(Self::Basic(login))
            }
            "bearer" => Ok(Self::Bearer(match &fields {
                Value::String(token) => token.clone(),
                fields => field(fields, "token")?,
            })),
            "digest" => Login::read(&fields).map(Self::Digest),
            "oauth2" => Grant::oauth2(&fields).map(|grant| Self::Granted(Box::new(grant))),
            "oidc" => Grant::oidc(&fields).map(|grant| Self::Granted(Box::new(grant))),
            other => Err(wrong(format!("`{other}` is no scheme of authentication"))),
        }
    }

    /// Adds what can be added without asking anybody.
    pub(super) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic(Login { username, password }) => {
                request.basic_auth(username, Some(password))
            }
            Self::Bearer(token) => request.bearer_auth(token),
            Self::None | Self::Digest(_) | Self::Granted(_) => request,
        }
    }
}

impl Login {
    fn read(fields: &Value) -> Result<Self, Problem> {
        Ok(Self {
            username: field(fields, "username")?,
            password: field(fields, "password")?,
        })
    }
}

/// Replaces a named secret by its value.
fn resolved(fields: &Value, secrets: &dyn Secrets, scrub: &mut Scrub) -> Result<Value, Problem> {
    let Some(name) = fields.get("use").and_then(Value::as_str) else {
        scrub.fields(fields);
        return Ok(fields.clone());
    };
    let secret = secrets.secret(name).ok_or_else(|| {
        let title = format!("the secret `{name}` is not set");
        Problem::standard(ProblemKind::Authentication, title)
    })?;
    scrub.fields(secret.reveal());
    Ok(secret.reveal().clone())
}

fn field(fields: &Value, name: &str) -> Result<String, Problem> {
    optional(fields, name).ok_or_else(|| {
        let title = format!("the authentication has no `{name}`");
        Problem::standard(ProblemKind::Authentication, title)
    })
}

fn optional(fields: &Value, name: &str) -> Option<String> {
    fields
        .get(name)
        .filter(|value| !value.is_null())
        .map(text_of)
}

fn wrong(title: impl Into<String>) -> Problem {
    Problem::standard(ProblemKind::Configuration, title)
}

/// The problem of somebody who was not let in.
fn refused(title: impl Into<String>) -> Problem {
    Problem::standard(ProblemKind::Authentication, title)
}
