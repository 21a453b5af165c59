//! JSON Schema validation. The only file that knows the validator.

use jsonschema::error::ValidationError;
use serde_json::Value;

use crate::{ModelError, ModelErrorKind};

/// How many reasons the model is told; more do not help it.
const REASONS_MAX: usize = 8;
/// How long one reason may be; it can quote the whole answer.
const REASON_CHARS_MAX: usize = 300;

/// A schema that is ready to check answers.
pub(super) struct Validator {
    validator: jsonschema::Validator,
}

impl Validator {
    pub(super) fn new(schema: &Value) -> Result<Self, ModelError> {
        let validator = jsonschema::validator_for(schema).map_err(|error| {
            let message = format!("the schema of the answer is wrong: {error}");
            ModelError::new(ModelErrorKind::InvalidRequest, message)
        })?;
        Ok(Self { validator })
    }

    /// Says why a value does not fit; nothing when it does.
    pub(super) fn reasons(&self, value: &Value) -> Vec<String> {
        let errors = self.validator.iter_errors(value);
        errors
            .take(REASONS_MAX)
            .map(|error| reason(&error))
            .collect()
    }
}

fn reason(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    let place = if place.is_empty() {
        "the answer"
    } else {
        place.as_str()
    };
    let reason = format!("{place}: {error}");
    match reason.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}
