//! The name of a model in configuration: `provider/model`, `scripted` or `scripted:FILE`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ModelError, ModelErrorKind};

const SCRIPTED: &str = "scripted";

/// Names a model. Its text form is read by `FromStr` and written by `Display`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ModelSpec {
    /// The scripted model: with its built-in rules, or those of a file.
    Scripted(Option<PathBuf>),
    /// A model of a provider.
    Hosted {
        /// The provider's name in the table.
        provider: String,
        /// The model's name as the provider knows it; may hold further slashes.
        model: String,
    },
}

impl ModelSpec {
    /// Returns the same spec with a relative script file resolved against a folder.
    #[must_use]
    pub fn resolved_in(self, folder: &Path) -> Self {
        match self {
            Self::Scripted(Some(file)) => Self::Scripted(Some(folder.join(file))),
            other => other,
        }
    }
}

impl FromStr for ModelSpec {
    type Err = ModelError;

    /// # Errors
    ///
    /// Returns an error of kind `Configuration` that shows the three forms.
    fn from_str(text: &str) -> Result<Self, ModelError> {
        let text = text.trim();
        if text == SCRIPTED {
            return Ok(Self::Scripted(None));
        }
        if let Some(file) = text
            .strip_prefix("scripted:")
            .filter(|file| !file.is_empty())
        {
            return Ok(Self::Scripted(Some(PathBuf::from(file))));
        }
        match text.split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self::Hosted {
                    provider: provider.to_owned(),
                    model: model.to_owned(),
                })
            }
            _ => {
                let message = format!(
                    "the model `{text}` is not understood: write `provider/model` (for instance \
                     `anthropic/claude-sonnet-4-5`), `scripted`, or `scripted:FILE`"
                );
                Err(ModelError::new(ModelErrorKind::Configuration, message))
            }
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scripted(None) => formatter.write_str(SCRIPTED),
            Self::Scripted(Some(file)) => write!(formatter, "{SCRIPTED}:{}", file.display()),
            Self::Hosted { provider, model } => write!(formatter, "{provider}/{model}"),
        }
    }
}

impl TryFrom<String> for ModelSpec {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<ModelSpec> for String {
    fn from(spec: ModelSpec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::ModelSpec;

    #[track_caller]
    fn check(text: &str, written: Option<&str>) {
        let spec: Option<ModelSpec> = text.parse().ok();
        assert_eq!(spec.map(|spec| spec.to_string()).as_deref(), written);
    }

    #[test]
    fn the_three_forms_are_read_and_written() {
        check("scripted", Some("scripted"));
        check("scripted:demo.yaml", Some("scripted:demo.yaml"));
        check(" ollama/llama3 ", Some("ollama/llama3"));
        check("openrouter/openai/gpt-5", Some("openrouter/openai/gpt-5"));
        for wrong in ["", "claude", "/x", "anthropic/", "scripted:"] {
            check(wrong, None);
        }
    }
}
