//! JSON Schemas of inputs, outputs and answers: compiled once, offline.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// The most complaints that one check reports.
///
/// More does not help anybody, and a hostile value could otherwise make the report huge.
const COMPLAINTS_MAX: usize = 20;

/// A compiled JSON Schema. Cloning it is cheap.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    document: Value,
    validator: jsonschema::Validator,
}

impl Schema {
    /// Compiles a schema; `$schema` chooses the draft, 2020-12 without it.
    ///
    /// # Errors
    ///
    /// When it is not a schema, or refers to anything outside itself: nothing is fetched.
    pub fn compile(document: &Value) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options()
            .with_retriever(Offline)
            .build(document)
            .map_err(|error| InvalidSchema {
                message: error.to_string(),
                pointer: error.instance_path().to_string(),
            })?;
        Ok(Self(Arc::new(Compiled {
            document: document.clone(),
            validator,
        })))
    }

    /// Returns the schema as it was written.
    pub fn document(&self) -> &Value {
        &self.0.document
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// One sentence per complaint with the place in the value, 20 at most.
    pub fn check(&self, value: &Value) -> Result<(), Vec<String>> {
        if self.0.validator.is_valid(value) {
            return Ok(());
        }
        Err(self
            .complaints(value)
            .map(|complaint| match complaint.pointer.as_str() {
                "" => complaint.message,
                pointer => format!("{pointer}: {}", complaint.message),
            })
            .collect())
    }

    /// Returns the complaints about a value.
    pub(crate) fn complaints<'v>(
        &'v self,
        value: &'v Value,
    ) -> impl Iterator<Item = Complaint> + 'v {
        let errors = self.0.validator.iter_errors(value);
        errors.take(COMPLAINTS_MAX).map(|error| Complaint {
            pointer: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            unexpected: match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => {
                    unexpected.first().cloned()
                }
                _ => None,
            },
            message: error.to_string(),
        })
    }
}

/// Fetches nothing, whatever the features of the library.
struct Offline;

impl jsonschema::Retrieve for Offline {
    fn retrieve(
        &self,
        _: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing outside of the schema is fetched".into())
    }
}

/// One way in which a value does not satisfy its schema.
pub(crate) struct Complaint {
    /// The place in the value, as a JSON pointer.
    pub(crate) pointer: String,
    /// The keyword of the schema.
    pub(crate) keyword: String,
    /// A key that should not be there, if that is the complaint.
    pub(crate) unexpected: Option<String>,
    /// The sentence.
    pub(crate) message: String,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.0.document).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.document() == other.document()
    }
}

/// A value that is not a usable JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidSchema {
    /// What is wrong.
    pub message: String,
    /// The place in the schema, as a JSON pointer.
    pub pointer: String,
}
