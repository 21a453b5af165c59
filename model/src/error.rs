//! Why a call failed, as data: what the caller can do is a field, never a guess from a text.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Usage;

/// A failed call. The message is safe to show: it never holds a key.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct ModelError {
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// One sentence for people.
    pub message: String,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
    /// Whether parts of the reply had already arrived.
    pub partial: bool,
    /// What the failed call had used, as far as the provider said so; it is billed all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl ModelError {
    /// Makes an error of a kind, with a message and nothing else known.
    pub fn new(kind: ModelErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            status: None,
            request_id: None,
            partial: false,
            usage: None,
        }
    }

    /// Says what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self.kind {
            ModelErrorKind::RateLimited
            | ModelErrorKind::Overloaded
            | ModelErrorKind::Unreachable
            | ModelErrorKind::Timeout
            | ModelErrorKind::Interrupted
            | ModelErrorKind::Malformed
            | ModelErrorKind::Server => Remedy::Retry,
            ModelErrorKind::ContextOverflow => Remedy::ShrinkInput,
            ModelErrorKind::Authentication
            | ModelErrorKind::Permission
            | ModelErrorKind::UnknownModel
            | ModelErrorKind::Quota
            | ModelErrorKind::Configuration
            | ModelErrorKind::Script
            | ModelErrorKind::NotRecorded => Remedy::FixConfiguration,
            ModelErrorKind::InvalidRequest
            | ModelErrorKind::Refused
            | ModelErrorKind::Cancelled
            | ModelErrorKind::BudgetExceeded => Remedy::GiveUp,
        }
    }
}

/// What went wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelErrorKind {
    /// Too many requests or tokens; wait and try again.
    RateLimited,
    /// The provider has no capacity now.
    Overloaded,
    /// No connection.
    Unreachable,
    /// A time limit of the call passed.
    Timeout,
    /// The stream broke before its end.
    Interrupted,
    /// The provider failed.
    Server,
    /// The input does not fit the context window.
    ContextOverflow,
    /// The key is missing or wrong.
    Authentication,
    /// The key may not do this.
    Permission,
    /// The provider does not know the model.
    UnknownModel,
    /// The account has no credit left.
    Quota,
    /// The settings are wrong: a bad address, a model that nothing answers for.
    Configuration,
    /// The script of a scripted model cannot be read or followed.
    Script,
    /// A replayed cassette holds no such call.
    NotRecorded,
    /// The provider rejected the request as malformed.
    InvalidRequest,
    /// The reply could not be understood.
    Malformed,
    /// The provider's filter rejected the request, before the model saw it.
    Refused,
    /// The caller cancelled.
    Cancelled,
    /// A budget forbade the call.
    BudgetExceeded,
}

/// What the caller of a failed call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again, after `retry_after` if it is set.
    Retry,
    /// Send less.
    ShrinkInput,
    /// Change the settings.
    FixConfiguration,
    /// Trying again cannot help.
    GiveUp,
}
