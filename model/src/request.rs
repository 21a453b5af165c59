//! What is asked of a model, in words that belong to no provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One immutable question to a model: everything it will see, and how it shall answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The instructions that stand before the conversation.
    pub system: Option<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// Whether, and which, tool must be asked for.
    pub tool_choice: ToolChoice,
    /// The shape that the answer must have, if it must have one.
    pub answer: Option<AnswerSchema>,
    /// How the backend draws its tokens.
    pub sampling: Sampling,
    /// Labels for the provider's own records; never content.
    pub metadata: BTreeMap<String, String>,
    /// Settings that only one provider knows, by provider name; passed on untouched.
    pub provider_options: BTreeMap<String, Value>,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Whether the provider may keep the prefix up to here in its prompt cache.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cache_mark: bool,
}

impl Message {
    /// Makes a user message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::of(Role::User, vec![Part::text(text)])
    }

    /// Makes an assistant message of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::of(Role::Assistant, vec![Part::text(text)])
    }

    /// Makes a message of the given parts.
    pub fn of(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            cache_mark: false,
        }
    }
}

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person or program that asks; tool results travel here as well.
    User,
    /// The model.
    Assistant,
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// The media type, for instance `image/png`.
        media_type: String,
        /// The bytes, base64.
        data: String,
    },
    /// A file, for instance a PDF.
    File {
        /// The name shown to the model.
        name: String,
        /// The media type.
        media_type: String,
        /// The bytes, base64.
        data: String,
    },
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// A tool answers.
    ToolResult(ToolResult),
    /// What the model thought, with what is needed to hand it back.
    Reasoning(Reasoning),
    /// Something that only one dialect understands, kept so that it can be handed back.
    Opaque {
        /// The dialect that it came from.
        dialect: String,
        /// The item as it was received.
        item: Value,
    },
}

impl Part {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// A model's wish to run a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// The call's id, unique in the conversation; the result names it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments. Text that was not JSON is kept as a JSON string.
    pub arguments: Value,
}

/// What a tool returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// The id of the call that this answers.
    pub call_id: String,
    /// What the model is shown.
    pub content: String,
    /// Whether the tool failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// A piece of reasoning with its provenance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reasoning {
    /// The readable text; empty when the provider hides it.
    pub text: String,
    /// The signature or encrypted content that must be handed back unchanged.
    pub signature: Option<String>,
    /// The dialect that produced it; only this one can take it back.
    pub dialect: String,
}

/// A tool as the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// The name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
}

/// Whether the model must ask for a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Tool(String),
}

/// The shape of a structured answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerSchema {
    /// A name for the shape; letters, digits, `_` and `-`.
    pub name: String,
    /// The JSON Schema that the answer must satisfy.
    pub schema: Value,
}

/// How tokens are drawn. Whatever is `None` is left to the backend.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sampling {
    /// Temperature; the scale is the backend's.
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    pub top_p: Option<f64>,
    /// The most tokens to write.
    pub output_tokens_max: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The seed, where the backend has one.
    pub seed: Option<u64>,
    /// How hard to think.
    pub effort: Option<Effort>,
}

/// How hard the model shall think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As little as possible.
    Low,
    /// The usual.
    Medium,
    /// More than usual.
    High,
    /// As much as the model can.
    Max,
}
