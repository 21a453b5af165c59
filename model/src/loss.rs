//! What a backend would drop or change of a request, said before the call.

use serde::{Deserialize, Serialize};

/// One thing of a request that a backend cannot take as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// Where in the request, for instance `messages[3].parts[1]`.
    pub at: String,
    /// What kind of thing it is.
    pub kind: LossKind,
    /// What happens to it, in one sentence.
    pub message: String,
}

impl Loss {
    /// Makes a loss at a place of the request.
    pub fn new(at: impl Into<String>, kind: LossKind, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            kind,
            message: message.into(),
        }
    }
}

/// The kind of thing that a backend cannot take as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Reasoning of another dialect, or without what is needed to hand it back.
    Reasoning,
    /// An opaque item of another dialect.
    Opaque,
    /// A picture.
    Image,
    /// A file.
    File,
    /// A setting of how tokens are drawn.
    Sampling,
    /// How hard to think.
    Effort,
    /// Whether a tool must be asked for.
    ToolChoice,
    /// The shape of the answer, or a part of it.
    AnswerSchema,
    /// A prompt cache mark.
    CacheMark,
    /// Labels for the provider's records.
    Metadata,
    /// Something else: text that is empty, a name that is too long.
    Content,
}
