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
}
