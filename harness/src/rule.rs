//! What people decided beforehand: rules by tool, path, host and command. Pure.
//!
//! Rules stand beside the autonomy level. Where several fit a call, the strictest decides; where
//! none fits, the level does. A rule that allows spares a person the question, but never gives
//! an agent what its level denies. What a rule decided is in the log, with the rule's name, its
//! author and the reason.

mod book;
mod preview;
mod subject;

use serde::{Deserialize, Serialize};

pub use book::{RuleBook, RuleError};
pub use preview::{Match, Past, preview};
pub use subject::Subject;

/// One decision for all calls of a kind. A part that is left out fits everything; a rule that
/// names a path, host or command fits only calls that have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name, for the log.
    pub name: String,
    /// What happens with the calls.
    pub verdict: RuleVerdict,
    /// The tool; `*` stands for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The path that the call names, relative to the workspace, as a glob: `docs/**`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The host of the address that the call names: `example.org`, or `*.example.org` for all
    /// hosts below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The command line; `*` stands for any characters. A rule that allows fits only a single
    /// plain command: no `;`, `|`, `&`, `$`, redirection or line break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Who decided.
    pub by: String,
    /// Why; the model reads it when a call is denied.
    #[serde(default)]
    pub why: String,
}

impl Rule {
    /// Makes a rule that fits every call.
    pub fn new(name: impl Into<String>, verdict: RuleVerdict, by: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict,
            tool: None,
            path: None,
            host: None,
            command: None,
            by: by.into(),
            why: String::new(),
        }
    }
}

/// What a rule says about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleVerdict {
    /// It may happen without a question, as far as the autonomy level allows it at all.
    Allow,
    /// A person decides, also where the level would allow it.
    Ask,
    /// It does not happen.
    Deny,
}

#[cfg(test)]
mod tests;
