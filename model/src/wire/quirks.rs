//! How providers of one dialect differ, as data.

use serde::{Deserialize, Serialize};

use crate::descriptor::AnswerMeans;

/// The differences of one provider from its dialect. `Default` is the dialect's own author.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Quirks {
    /// The best means to get an answer in a given shape.
    pub answer_means: AnswerMeans,
    /// The name of the field that limits the output (Chat Completions).
    pub output_limit_field: OutputLimitField,
    /// How the effort is said (Chat Completions).
    pub effort: EffortForm,
    /// Whether, and how, reasoning is handed back (Chat Completions).
    pub reasoning_back: ReasoningBack,
    /// The word for "some tool must be called" (Chat Completions).
    pub required_word: RequiredWord,
    /// The form that ids of tool calls must have.
    pub call_id_form: CallIdForm,
    /// How the names of models begin that draw their tokens in their own way, and reject a
    /// temperature (OpenAI).
    pub fixed_sampling: Vec<String>,
    /// Fields that the provider rejects, and that are left out of the body.
    pub rejected_fields: Vec<String>,
}

/// The name of the field that limits the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimitField {
    /// `max_tokens`: every compatible server knows it.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`: the newer name, which reasoning models demand.
    MaxCompletionTokens,
}

/// How the effort is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffortForm {
    /// Not at all.
    #[default]
    None,
    /// As `reasoning_effort`.
    Field,
    /// As `reasoning: {effort}`.
    Object,
}

/// Whether, and how, reasoning is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningBack {
    /// Not at all; the provider rejects it or ignores it.
    #[default]
    Never,
    /// As text in `reasoning_content`.
    ReasoningContent,
    /// As text in `reasoning`, or as the items of `reasoning_details` that came.
    Reasoning,
}

/// The word for "some tool must be called".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequiredWord {
    /// `required`.
    #[default]
    Required,
    /// `any`.
    Any,
}

/// The form that ids of tool calls must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallIdForm {
    /// Any text.
    #[default]
    Free,
    /// Nine letters and digits.
    NineAlphanumeric,
}
