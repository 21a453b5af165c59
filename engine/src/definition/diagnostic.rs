//! What the reader has to say about a definition.

use std::fmt;

use super::span::Span;

/// One remark about a definition: an error or a warning, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, for instance `LC0104`.
    pub code: &'static str,
    /// Whether the definition can be used all the same.
    pub severity: Severity,
    /// What is wrong: one sentence, lower case, no period.
    pub message: String,
    /// What is written at the place, in few words; empty when the message says it all.
    pub label: String,
    /// The place, in bytes of the source.
    pub span: Span,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The place as a JSON pointer; empty for the whole document.
    pub pointer: String,
    /// What would help.
    pub help: Option<String>,
    /// Other places that have to do with it.
    pub related: Vec<Related>,
}

/// Another place that has to do with a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What is there.
    pub message: String,
    /// The place, in bytes of the source.
    pub span: Span,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definition cannot be used.
    Error,
    /// The definition can be used; the remark is probably right all the same.
    Warning,
}

impl Severity {
    /// Returns `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.name();
        let (code, message) = (self.code, &self.message);
        write!(
            f,
            "{}:{}: {severity}[{code}]: {message}",
            self.line, self.column
        )
    }
}
