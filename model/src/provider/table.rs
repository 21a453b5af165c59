//! The rows that are built in.
//!
//! Source: the interface pages of the providers. An address or a key's name is the
//! provider's own default; every field can be replaced by configuration.

use super::{AuthForm, KeyNeed, Provider};
use crate::descriptor::AnswerMeans;
use crate::wire::{
    CallIdForm, Dialect, EffortForm, OutputLimitField, Quirks, ReasoningBack, RequiredWord,
};

pub(super) fn rows() -> Vec<Provider> {
    let mut rows = authors();
    rows.extend(hosts());
    rows.extend(local());
    #[cfg(feature = "ollama")]
    rows.push(ollama_native());
    #[cfg(feature = "bedrock")]
    rows.push(bedrock());
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// Those who made the dialects.
fn authors() -> Vec<Provider> {
    let anthropic = Provider {
        auth: AuthForm::Header("x-api-key".to_owned()),
        ..hosted(
            "anthropic",
            "https://api.anthropic.com",
            Dialect::AnthropicMessages,
            "ANTHROPIC_API_KEY",
            native(),
        )
    };
    let openai_quirks = Quirks {
        output_limit_field: OutputLimitField::MaxCompletionTokens,
        effort: EffortForm::Field,
        fixed_sampling: names(&["gpt-5", "gpt-6", "o1", "o3", "o4"]),
        ..native()
    };
    let azure = Provider {
        auth: AuthForm::Header("api-key".to_owned()),
        ..chat(
            "azure",
            // Every resource has its own; configuration sets it.
            "https://RESOURCE.openai.azure.com/openai/v1",
            "AZURE_OPENAI_API_KEY",
            openai_quirks.clone(),
        )
    };
    let openai_address = "https://api.openai.com/v1";
    let openai = hosted(
        "openai",
        openai_address,
        Dialect::OpenaiResponses,
        "OPENAI_API_KEY",
        openai_quirks.clone(),
    );
    let openai_chat = chat(
        "openai-chat",
        openai_address,
        "OPENAI_API_KEY",
        openai_quirks,
    );
    let google = Provider {
        auth: AuthForm::Header("x-goog-api-key".to_owned()),
        ..hosted(
            "google",
            "https://generativelanguage.googleapis.com/v1beta",
            Dialect::Gemini,
            "GEMINI_API_KEY",
            native(),
        )
    };
    vec![anthropic, azure, google, openai, openai_chat]
}

/// Those who speak Chat Completions on the net.
fn hosts() -> Vec<Provider> {
    let mistral = Quirks {
        required_word: RequiredWord::Any,
        call_id_form: CallIdForm::NineAlphanumeric,
        rejected_fields: names(&["seed", "metadata", "stream_options"]),
        ..native()
    };
    let deepseek = Quirks {
        answer_means: AnswerMeans::Tool,
        reasoning_back: ReasoningBack::ReasoningContent,
        rejected_fields: names(&["metadata", "seed"]),
        ..Quirks::default()
    };
    let openrouter = Quirks {
        effort: EffortForm::Object,
        reasoning_back: ReasoningBack::Reasoning,
        ..native()
    };
    let with_effort = || Quirks {
        effort: EffortForm::Field,
        rejected_fields: names(&["metadata"]),
        ..native()
    };
    let plain = || Quirks {
        rejected_fields: names(&["metadata"]),
        ..native()
    };
    vec![
        chat(
            "deepseek",
            "https://api.deepseek.com/v1",
            "DEEPSEEK_API_KEY",
            deepseek,
        ),
        chat(
            "fireworks",
            "https://api.fireworks.ai/inference/v1",
            "FIREWORKS_API_KEY",
            with_effort(),
        ),
        chat(
            "groq",
            "https://api.groq.com/openai/v1",
            "GROQ_API_KEY",
            with_effort(),
        ),
        chat(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            mistral,
        ),
        chat(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            openrouter,
        ),
        chat(
            "together",
            "https://api.together.xyz/v1",
            "TOGETHER_API_KEY",
            plain(),
        ),
        chat("xai", "https://api.x.ai/v1", "XAI_API_KEY", with_effort()),
    ]
}

/// Those who run on the user's own machine, at the ports that they take by default.
fn local() -> Vec<Provider> {
    let own = |name: &str, address: &str, variable: &str| Provider {
        key_need: KeyNeed::Optional,
        ..chat(name, address, variable, native())
    };
    vec![
        own("litellm", "http://localhost:4000/v1", "LITELLM_API_KEY"),
        own("llamacpp", "http://localhost:8080/v1", "LLAMACPP_API_KEY"),
        own("lmstudio", "http://localhost:1234/v1", "LMSTUDIO_API_KEY"),
        own("ollama", "http://localhost:11434/v1", "OLLAMA_API_KEY"),
        own("vllm", "http://localhost:8000/v1", "VLLM_API_KEY"),
    ]
}

/// Ollama in its own dialect; the row `ollama` speaks Chat Completions to the same server.
#[cfg(feature = "ollama")]
fn ollama_native() -> Provider {
    Provider {
        key_need: KeyNeed::Optional,
        ..hosted(
            "ollama-native",
            "http://localhost:11434",
            Dialect::OllamaChat,
            "OLLAMA_API_KEY",
            native(),
        )
    }
}

/// Amazon Bedrock. Every region has its own address; configuration sets another.
#[cfg(feature = "bedrock")]
fn bedrock() -> Provider {
    let quirks = Quirks {
        answer_means: AnswerMeans::Tool,
        ..Quirks::default()
    };
    Provider {
        auth: AuthForm::AwsSignature,
        ..hosted(
            "bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            Dialect::BedrockConverse,
            "AWS_BEARER_TOKEN_BEDROCK",
            quirks,
        )
    }
}

fn chat(name: &str, address: &str, variable: &str, quirks: Quirks) -> Provider {
    hosted(name, address, Dialect::OpenaiChat, variable, quirks)
}

fn hosted(name: &str, address: &str, dialect: Dialect, variable: &str, quirks: Quirks) -> Provider {
    Provider {
        name: name.to_owned(),
        address: address.to_owned(),
        dialect,
        auth: AuthForm::Bearer,
        key_variable: Some(variable.to_owned()),
        key_need: KeyNeed::Required,
        quirks,
    }
}

fn native() -> Quirks {
    Quirks {
        answer_means: AnswerMeans::Native,
        ..Quirks::default()
    }
}

fn names(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}
