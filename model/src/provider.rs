//! Providers as rows of a table: where they are, what they speak, how they differ.

mod table;

use serde::{Deserialize, Serialize};

use crate::wire::{Dialect, Quirks};

pub use crate::spec::ModelSpec;

/// One provider. Configuration may add rows and replace the ones that are built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// The name in a model's spec: `anthropic` in `anthropic/claude-sonnet-4-5`.
    pub name: String,
    /// The base address of its interface.
    pub address: String,
    /// The dialect that it speaks.
    pub dialect: Dialect,
    /// How it wants to be shown the key.
    #[serde(default)]
    pub auth: AuthForm,
    /// The name under which its key is looked up, for instance `ANTHROPIC_API_KEY`.
    #[serde(default)]
    pub key_variable: Option<String>,
    /// Whether a call without a key is refused before it is made.
    #[serde(default)]
    pub key_need: KeyNeed,
    /// How it differs from its dialect.
    #[serde(default)]
    pub quirks: Quirks,
}

impl Provider {
    /// Returns the rows that are built in, ordered by name.
    pub fn builtin() -> Vec<Self> {
        table::rows()
    }
}

/// How a provider wants to be shown the key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AuthForm {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// In a header of this name.
    Header(String),
    /// Not at all.
    None,
    /// By a signature of Amazon's (version 4). The key is `ID:SECRET` or `ID:SECRET:SESSION`;
    /// one without a colon is sent as a bearer token.
    #[cfg(feature = "bedrock")]
    AwsSignature,
}

/// Whether a provider needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyNeed {
    /// Nothing works without one.
    #[default]
    Required,
    /// It may be set up to want one.
    Optional,
}
