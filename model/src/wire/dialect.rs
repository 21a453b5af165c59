//! The dialects by name, and the one way into each codec.

use serde::{Deserialize, Serialize};

use super::anthropic_messages::{self, AnthropicFrames};
#[cfg(feature = "bedrock")]
use super::bedrock_converse::{self, ConverseFrames};
use super::decoder::Decoder;
use super::draft::Encoded;
use super::gemini::{self, GeminiFrames};
#[cfg(feature = "ollama")]
use super::ollama_chat::{self, OllamaFrames};
use super::openai_chat::{self, ChatFrames};
use super::openai_responses::{self, ResponseFrames};
use super::{Quirks, WireRequest};
use crate::loss::{Loss, LossKind};
use crate::{Event, ModelError, Request};

/// A wire dialect: one protocol that many providers may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Dialect {
    /// Anthropic Messages.
    AnthropicMessages,
    /// OpenAI Responses, without state on the provider's side.
    OpenaiResponses,
    /// OpenAI Chat Completions.
    OpenaiChat,
    /// Gemini generateContent.
    Gemini,
    /// Ollama's own chat endpoint.
    #[cfg(feature = "ollama")]
    OllamaChat,
    /// Converse of Amazon Bedrock.
    #[cfg(feature = "bedrock")]
    BedrockConverse,
}

/// Whether the reply comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// In pieces, as it is written.
    #[default]
    Stream,
    /// At once.
    Whole,
}

/// Whom a request is encoded for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The provider's name; selects the request's provider options.
    pub provider: String,
    /// The model's name on the wire.
    pub model: String,
    /// Whether the reply shall come in pieces.
    pub delivery: Delivery,
    /// The provider's differences from its dialect.
    pub quirks: Quirks,
    /// The most tokens that one reply may have, when known.
    pub output_tokens_max: Option<u64>,
}

impl Dialect {
    /// Returns the dialect's name, as it stands in reasoning parts and in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => anthropic_messages::NAME,
            Self::OpenaiResponses => openai_responses::NAME,
            Self::OpenaiChat => openai_chat::NAME,
            Self::Gemini => gemini::NAME,
            #[cfg(feature = "ollama")]
            Self::OllamaChat => ollama_chat::NAME,
            #[cfg(feature = "bedrock")]
            Self::BedrockConverse => bedrock_converse::NAME,
        }
    }

    /// Says the request in this dialect: pure, and the same bytes every time.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `InvalidRequest` when the dialect has no words for it.
    pub fn encode(self, request: &Request, target: &Target) -> Result<WireRequest, ModelError> {
        self.build(request, target).map(|(wire, _)| wire)
    }

    /// Says what [`Dialect::encode`] leaves out or changes.
    pub fn check(self, request: &Request, target: &Target) -> Vec<Loss> {
        match self.build(request, target) {
            Ok((_, losses)) => losses,
            Err(error) => vec![Loss::new("", LossKind::Content, error.message)],
        }
    }

    fn build(self, request: &Request, target: &Target) -> Result<Encoded, ModelError> {
        match self {
            Self::AnthropicMessages => anthropic_messages::build(request, target),
            Self::OpenaiResponses => openai_responses::build(request, target),
            Self::OpenaiChat => openai_chat::build(request, target),
            Self::Gemini => gemini::build(request, target),
            #[cfg(feature = "ollama")]
            Self::OllamaChat => ollama_chat::build(request, target),
            #[cfg(feature = "bedrock")]
            Self::BedrockConverse => bedrock_converse::build(request, target),
        }
    }

    /// Makes a decoder of one streamed reply.
    ///
    /// `turn` is the number of assistant messages in the request. Ids of tool calls that the
    /// provider leaves out are made of it, so that they are unique in the conversation.
    pub fn decoder(self, turn: usize) -> Decoder {
        match self {
            Self::AnthropicMessages => Decoder::of_sse(Box::new(AnthropicFrames::new(turn))),
            Self::OpenaiResponses => Decoder::of_sse(Box::new(ResponseFrames::new(turn))),
            Self::OpenaiChat => Decoder::of_sse(Box::new(ChatFrames::new(turn))),
            Self::Gemini => Decoder::of_sse(Box::new(GeminiFrames::new(turn))),
            #[cfg(feature = "ollama")]
            Self::OllamaChat => Decoder::of_lines(Box::new(OllamaFrames::new(turn))),
            #[cfg(feature = "bedrock")]
            Self::BedrockConverse => Decoder::of_aws_events(Box::new(ConverseFrames::new(turn))),
        }
    }

    /// Decodes a reply that came at once, into the events that a stream would have had. For
    /// `turn` see [`Dialect::decoder`].
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Malformed` when the body is no reply of this dialect, and
    /// the provider's own error when it holds one.
    pub fn decode_reply(self, body: &[u8], turn: usize) -> Result<Vec<Event>, ModelError> {
        match self {
            Self::AnthropicMessages => AnthropicFrames::new(turn).whole(body),
            Self::OpenaiResponses => ResponseFrames::new(turn).whole(body),
            Self::OpenaiChat => ChatFrames::new(turn).whole(body),
            Self::Gemini => GeminiFrames::new(turn).whole(body),
            #[cfg(feature = "ollama")]
            Self::OllamaChat => OllamaFrames::new(turn).whole(body),
            #[cfg(feature = "bedrock")]
            Self::BedrockConverse => ConverseFrames::new(turn).whole(body),
        }
    }
}
