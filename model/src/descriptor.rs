//! What a backend is, without a call to it.

use serde::{Deserialize, Serialize};

use crate::Price;

/// Describes a backend: name, dialect, limits and price. Unknown is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelDescriptor {
    /// The provider's name, for instance `anthropic` or `scripted`.
    pub provider: String,
    /// The model's name as it is asked for.
    pub model: String,
    /// The wire dialect; reasoning goes back only to the dialect that it came from.
    pub dialect: String,
    /// The size of the context window, in tokens.
    pub context_tokens_max: Option<u64>,
    /// The most tokens that one reply may have.
    pub output_tokens_max: Option<u64>,
    /// What tokens cost.
    pub price: Option<Price>,
    /// The best means it has to answer in a given shape.
    #[serde(default)]
    pub answer_means: AnswerMeans,
}

impl ModelDescriptor {
    /// Makes a descriptor with the names only; limits and price stay unknown.
    pub fn new(
        provider: impl Into<String>,
        model: impl Into<String>,
        dialect: impl Into<String>,
    ) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            dialect: dialect.into(),
            context_tokens_max: None,
            output_tokens_max: None,
            price: None,
            answer_means: AnswerMeans::default(),
        }
    }
}

/// How a backend can be held to the shape of an answer; the best means is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerMeans {
    /// It takes a schema and keeps to it.
    Native,
    /// It can be made to call one tool, whose arguments are the answer.
    Tool,
    /// It can only be asked; the answer must be looked for in its text.
    #[default]
    Prompt,
}
