//! `run: script|shell|container`: what a process is given, and what of it comes out.

use serde_json::{Value, json};

use crate::definition::tree::{Process, Return};
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::machine::{Machine, Step};
use crate::{Call, EffectClass, EffectRequest, Problem, ProblemKind};

/// How much of what a failed process complained about goes into the problem, in characters.
const COMPLAINT_CHARS_MAX: usize = 2_000;

impl<'a> Machine<'a> {
    pub(super) fn process(
        &mut self,
        branch: &mut Branch<Datum>,
        process: &'a Process,
    ) -> Result<Step<'a>, Problem> {
        let (arguments, secrets) = self.arguments(branch, &process.with)?;
        let request = EffectRequest::Call(Call {
            function: process.kind.name().to_owned(),
            version: String::new(),
            arguments: arguments.value().clone(),
            class: EffectClass::Unsafe,
            secrets,
        });
        Ok(self.intend(branch, request, Some(arguments.digest())))
    }
}

/// Makes the output of a process that ended. Where only what it wrote is wanted, a code that
/// says that it failed is a failure.
pub(super) fn process_output(process: &Process, answer: &Datum) -> Result<Datum, Problem> {
    let answer = answer.value();
    let code = answer.get("code").and_then(Value::as_i64);
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or("");
    let Some(code) = code else {
        let title = "a process came back without its code";
        return Err(Problem::standard(ProblemKind::Runtime, title));
    };
    let written_only = matches!(process.returns, Return::Stdout | Return::None);
    if code != 0 && written_only {
        let title = format!("the process ended with the code {code}");
        let complaint: String = text("stderr").chars().take(COMPLAINT_CHARS_MAX).collect();
        return Err(Problem::standard(ProblemKind::Runtime, title).with_detail(complaint));
    }
    Ok(Datum::new(match process.returns {
        Return::Stdout => json!(text("stdout")),
        Return::Stderr => json!(text("stderr")),
        Return::Code => json!(code),
        Return::All => {
            json!({ "code": code, "stdout": text("stdout"), "stderr": text("stderr") })
        }
        Return::None => Value::Null,
    }))
}
