//! Whether a final reply is an answer: any text, or JSON that fits the schema.

use jsonschema::Validator;
use serde_json::Value;

use super::{Command, settle, tell};
use crate::session::{NoticeCause, Settlement};
use crate::state::SessionState;
use crate::toolbox::mistakes;

/// Answers that do not fit, in a row, after which the session ends: a model that has not got
/// it right by then does not understand the schema.
const MISFITS_MAX: u32 = 3;

/// Judges a final text.
pub(super) fn judge(state: &SessionState, text: &str, schema: Option<&Validator>) -> Command {
    let Some(schema) = schema else {
        return settle(Settlement::Finished {
            text: text.to_owned(),
            answer: None,
        });
    };
    let problem = match read_answer(text) {
        Some(answer) => match mistakes(schema, &answer) {
            None => {
                return settle(Settlement::Finished {
                    text: text.to_owned(),
                    answer: Some(answer),
                });
            }
            Some(mistakes) => format!("it does not fit the schema: {mistakes}"),
        },
        None => "it is not JSON".to_owned(),
    };
    if state.watch.misfits >= MISFITS_MAX {
        return settle(Settlement::Failed {
            problem: format!("no answer fits its schema; of the last one, {problem}"),
        });
    }
    tell(
        NoticeCause::AnswerRepair,
        &format!("Your answer cannot be used: {problem}. Answer again with JSON only."),
    )
}

/// Reads JSON that a model may have put into a code fence.
fn read_answer(text: &str) -> Option<Value> {
    let text = text.trim();
    let fenced = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|rest| rest.trim_end().strip_suffix("```"));
    serde_json::from_str(fenced.unwrap_or(text)).ok()
}
