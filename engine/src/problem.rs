//! Failed work, in the standard's words: a problem object.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// What went wrong in a run: the error object of the Open Workflow Specification.
///
/// Source: RFC 9457 (problem details), as used by the specification, "Errors".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Deserialize)]
#[error("{title}")]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status code, in HTTP's numbering.
    pub status: u16,
    /// One line for people.
    #[serde(default)]
    pub title: String,
    /// More, when there is more.
    #[serde(default)]
    pub detail: Option<String>,
    /// A JSON pointer to the task in the definition.
    #[serde(default)]
    pub instance: Option<String>,
}

impl Serialize for Problem {
    /// Leaves absent fields out of text; a stored record keeps all five in their places,
    /// because there the place is the name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = !serializer.is_human_readable();
        let fields = 3
            + usize::from(all || self.detail.is_some())
            + usize::from(all || self.instance.is_some());
        let mut state = serializer.serialize_struct("Problem", fields)?;
        state.serialize_field("type", &self.kind)?;
        state.serialize_field("status", &self.status)?;
        state.serialize_field("title", &self.title)?;
        if all || self.detail.is_some() {
            state.serialize_field("detail", &self.detail)?;
        }
        if all || self.instance.is_some() {
            state.serialize_field("instance", &self.instance)?;
        }
        state.end()
    }
}

const STANDARD_PREFIX: &str = "https://open-workflow-specification.org/spec/1.0.0/errors/";

/// The standard's kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The definition or the settings are wrong (400).
    Configuration,
    /// A value did not satisfy its schema (400).
    Validation,
    /// An expression failed (400).
    Expression,
    /// The caller is not known (401).
    Authentication,
    /// The caller may not (403).
    Authorization,
    /// A time limit passed (408).
    Timeout,
    /// The other side failed or could not be reached (500, or the HTTP status).
    Communication,
    /// Anything else at run time (500).
    Runtime,
}

impl ProblemKind {
    /// Returns the last segment of the kind's URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Validation => "validation",
            Self::Expression => "expression",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Timeout => "timeout",
            Self::Communication => "communication",
            Self::Runtime => "runtime",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Configuration | Self::Validation | Self::Expression => 400,
            Self::Authentication => 401,
            Self::Authorization => 403,
            Self::Timeout => 408,
            Self::Communication | Self::Runtime => 500,
        }
    }
}

impl Problem {
    /// Makes a problem of a standard kind with its usual status.
    pub fn standard(kind: ProblemKind, title: impl Into<String>) -> Self {
        Self {
            kind: format!("{STANDARD_PREFIX}{}", kind.name()),
            status: kind.status(),
            title: title.into(),
            detail: None,
            instance: None,
        }
    }

    /// Returns the same problem with more detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the same problem with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}
