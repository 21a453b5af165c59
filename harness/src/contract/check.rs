//! Checks of one attempt that need no model: commands and schemas.

use serde_json::{Value, json};

use super::text::seen;
use super::{Criterion, Finding};
use crate::tool::{SharedTool, ToolContext, ToolError};
use crate::toolbox::mistakes;
use crate::{CallId, SessionId};

/// The most time for one command of a contract, in milliseconds: a test suite.
const COMMAND_MS_MAX: u64 = 600_000;

/// Checks what can be checked without a model; `None` for what the checker decides.
pub(super) async fn mechanical(
    criterion: &Criterion,
    answer: &str,
    shell: Option<&SharedTool>,
    session: &SessionId,
    call: CallId,
) -> Option<Finding> {
    match criterion {
        Criterion::Command { line } => Some(run(line, shell, session, call).await),
        Criterion::Answer { schema } => Some(fits(answer, schema)),
        Criterion::Verdict { .. } => None,
    }
}

async fn run(line: &str, shell: Option<&SharedTool>, session: &SessionId, call: CallId) -> Finding {
    let Some(shell) = shell else {
        return Finding {
            holds: false,
            seen: "commands cannot be run here".to_owned(),
        };
    };
    let arguments = json!({"command": line, "timeout_ms": COMMAND_MS_MAX});
    let context = ToolContext::alone(session.clone(), call);
    match shell.call(arguments, context).await {
        Ok(output) => Finding {
            holds: exit_code(output.evidence.as_ref()) == Some(0),
            seen: seen(&output.content),
        },
        Err(error) => Finding {
            holds: false,
            seen: seen(&error_text(&error)),
        },
    }
}

fn exit_code(evidence: Option<&Value>) -> Option<i64> {
    evidence?.get("exitCode")?.as_i64()
}

fn error_text(error: &ToolError) -> String {
    format!("it was not run: {error}")
}

fn fits(answer: &str, schema: &Value) -> Finding {
    let problem = match (
        serde_json::from_str::<Value>(answer),
        jsonschema::validator_for(schema),
    ) {
        (Ok(answer), Ok(schema)) => mistakes(&schema, &answer),
        (Err(error), _) => Some(format!("it is not JSON: {error}")),
        (_, Err(error)) => Some(format!("the schema cannot be used: {error}")),
    };
    Finding {
        holds: problem.is_none(),
        seen: problem.unwrap_or_else(|| "it fits".to_owned()),
    }
}
