//! An answer in a given shape, by the best means that the model has, and checked in any case.

mod means;
mod validate;

use serde_json::Value;

use self::means::Found;
use self::validate::Validator;
use crate::reply::FailedAttempt;
use crate::{
    AnswerSchema, CallContext, Model, ModelError, ModelErrorKind, Part, Reply, Request, StopReason,
    Usage, collect,
};

/// How often an answer that does not fit may be repaired.
const REPAIRS_MAX: usize = 1;

/// An answer that fits its schema, and everything that was paid for it.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuredAnswer {
    /// The answer.
    pub value: Value,
    /// The calls that were made, in order. The last one gave the answer.
    pub attempts: Vec<Attempt>,
}

/// Why there is no answer, and everything that was paid all the same.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct StructuredError {
    /// What went wrong.
    pub error: ModelError,
    /// The calls that were made, in order.
    pub attempts: Vec<Attempt>,
}

/// One call that was made for a structured answer. Each is billed.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// What it was worth.
    pub worth: Worth,
    /// What came.
    pub reply: Reply,
    /// Why its answer does not fit; empty when it does.
    pub reasons: Vec<String>,
}

/// What an attempt was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It gave the answer.
    Productive,
    /// It did not, and another was needed.
    Retry,
}

impl StructuredAnswer {
    /// Returns what all attempts used together, those inside of layers included.
    pub fn usage(&self) -> Usage {
        total(&self.attempts)
    }
}

impl StructuredError {
    /// Returns what all attempts used together, those inside of layers included.
    pub fn usage(&self) -> Usage {
        let failed = self.error.usage.unwrap_or_default();
        total(&self.attempts).plus(&failed)
    }
}

fn total(attempts: &[Attempt]) -> Usage {
    let of_failure = |failed: &FailedAttempt| failed.error.usage.unwrap_or_default();
    attempts.iter().fold(Usage::default(), |sum, attempt| {
        let failures = attempt.reply.failed_attempts.iter().map(of_failure);
        failures.fold(sum.plus(&attempt.reply.usage), |sum, usage| {
            sum.plus(&usage)
        })
    })
}

/// Asks for an answer in a given shape.
///
/// The model is held to the shape by its own means (a native schema, a tool that must be
/// called, or words); the answer is validated against the schema whatever the means. An answer
/// that does not fit is sent back once, with the reasons.
///
/// # Errors
///
/// Returns the model's error; one of kind `InvalidRequest` when the schema is no schema, before
/// any call; `Refused` when the model refuses; `Malformed` when the repaired answer does not
/// fit either, or when the answer was cut off by the output limit. Each comes with the attempts
/// that were made.
///
/// # Cancel safety
///
/// Dropping the future abandons the call that runs; it may be billed.
pub async fn ask_structured(
    model: &dyn Model,
    request: Request,
    schema: &AnswerSchema,
    context: &CallContext,
) -> Result<StructuredAnswer, StructuredError> {
    let mut attempts = Vec::new();
    match ask(model, request, schema, context, &mut attempts).await {
        Ok(value) => Ok(StructuredAnswer { value, attempts }),
        Err(error) => Err(StructuredError { error, attempts }),
    }
}

async fn ask(
    model: &dyn Model,
    request: Request,
    schema: &AnswerSchema,
    context: &CallContext,
    attempts: &mut Vec<Attempt>,
) -> Result<Value, ModelError> {
    let validator = Validator::new(&schema.schema)?;
    let means = model.descriptor().answer_means;
    let mut request = means::shape(request, schema, means);
    loop {
        let events = model.respond(request.clone(), context.clone()).await?;
        let reply = collect(events).await?;
        let found = means::find(&reply, schema, means);
        let reasons = match &found {
            Found::Value(value) => validator.reasons(value),
            Found::Nothing(reason) => vec![reason.clone()],
        };
        let is_fitting = reasons.is_empty();
        attempts.push(Attempt {
            worth: if is_fitting {
                Worth::Productive
            } else {
                Worth::Retry
            },
            reply: reply.clone(),
            reasons: reasons.clone(),
        });
        if let (Found::Value(value), true) = (found, is_fitting) {
            return Ok(value);
        }
        check_hopeful(&reply, &reasons, attempts.len())?;
        request = means::repair(request, reply, schema, means, &reasons);
    }
}

/// Returns an error when another attempt cannot help.
fn check_hopeful(reply: &Reply, reasons: &[String], attempts: usize) -> Result<(), ModelError> {
    let refused = |message: &str| Err(ModelError::new(ModelErrorKind::Refused, message));
    let malformed = |message: String| Err(ModelError::new(ModelErrorKind::Malformed, message));
    match reply.reason {
        StopReason::Refusal => refused("the model refused to answer"),
        StopReason::OutputLimit => {
            malformed("the answer was cut off by the output limit; allow more tokens".to_owned())
        }
        _ if attempts > REPAIRS_MAX => malformed(format!(
            "the answer does not fit its schema: {}",
            reasons.join("; ")
        )),
        _ => Ok(()),
    }
}

/// Whether a reply says anything that a repair can be asked of.
fn says_something(reply: &Reply) -> bool {
    let is_said = |part: &Part| match part {
        Part::Text { text } => !text.trim().is_empty(),
        Part::ToolCall(_) => true,
        _ => false,
    };
    reply.parts.iter().any(is_said)
}

#[cfg(test)]
mod tests;
