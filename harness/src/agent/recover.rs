//! After a crash: what became of the calls that were under way, settled before anything else.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Drive;
use super::call::{CallEnd, DueCall};
use crate::error::HarnessError;
use crate::state::{CallStatus, OpenCall};
use crate::tool::{Attempt, Probe, SharedTool};
use crate::{CallId, EffectClass, Timestamp};

/// How a call whose outcome was lost is dealt with.
enum Way {
    /// It is made again; the text says why that is right.
    Again(&'static str),
    /// It had happened.
    Happened(crate::tool::ToolOutput),
    /// Nobody can say; the text says what is known.
    Unknown(String),
}

impl Drive<'_> {
    /// Settles calls that an earlier process made, by their effect class.
    pub(super) async fn reconcile(&mut self, ids: Vec<CallId>) -> Result<(), HarnessError> {
        for id in ids {
            let Some(state) = self.log.begun().call(id) else {
                continue;
            };
            let CallStatus::Intended(open) = state.status.clone() else {
                continue;
            };
            let Some(tool) = self.toolbox.get(&open.intended.call.name).cloned() else {
                self.unknown(id, story(&open, "the tool is no longer there to look"))?;
                continue;
            };
            match way(&tool, &open).await {
                Way::Again(recovery) => {
                    let due = DueCall {
                        id,
                        tool,
                        arguments: open.intended.call.arguments.clone(),
                        class: open.intended.class,
                        attempt: Attempt::Recovery,
                    };
                    self.perform(vec![due], Some(recovery)).await?;
                }
                Way::Happened(output) => {
                    let end = CallEnd {
                        id,
                        class: open.intended.class,
                        output_bytes_max: tool.spec().output_bytes_max,
                        result: Ok(output),
                    };
                    self.ended(end, Some("the outcome was looked up after a crash"))?;
                }
                Way::Unknown(known) => self.unknown(id, story(&open, &known))?,
            }
        }
        Ok(())
    }
}

/// Decides by the class that the call was intended under, not by what the tool says today.
async fn way(tool: &SharedTool, open: &OpenCall) -> Way {
    if open.is_of_parent && !is_safe_in_a_fork(open.intended.class) {
        return Way::Unknown(String::new());
    }
    let arguments = &open.intended.call.arguments;
    let mark = open.intended.mark.as_ref();
    let found = match open.leases.is_empty() {
        true => String::new(),
        false => tool.reclaim(&open.leases).await,
    };
    match open.intended.class {
        EffectClass::Pure => Way::Again("computed again after a crash"),
        EffectClass::Read => Way::Again("read again after a crash; the answer may differ"),
        EffectClass::Idempotent => Way::Again("made again after a crash, with the same key"),
        EffectClass::Resumable => Way::Again("taken up again after a crash, by the same key"),
        EffectClass::Verifiable => match tool.probe(arguments, mark).await {
            Probe::Happened(output) => Way::Happened(output),
            Probe::DidNotHappen => Way::Again("made after a crash; it had not happened before"),
            Probe::Unclear(known) => Way::Unknown(known),
        },
        EffectClass::Compensable => match tool.probe(arguments, mark).await {
            Probe::Happened(output) => Way::Happened(output),
            Probe::DidNotHappen => Way::Again("made after a crash; it had not happened before"),
            Probe::Unclear(known) => match tool.undo(arguments, mark).await {
                Ok(()) => Way::Again("undone after a crash and made again"),
                Err(error) => Way::Unknown(format!("{known}; undoing it failed: {error}")),
            },
        },
        EffectClass::Unsafe => Way::Unknown(found),
    }
}

/// Says whether a call of the session that this one was forked from can be settled here. The
/// parent's keys are not this session's, so nothing that goes by a key can.
fn is_safe_in_a_fork(class: EffectClass) -> bool {
    class.only_looks() || class == EffectClass::Verifiable
}

/// Tells the model the truth about a call that nobody saw the end of.
fn story(open: &OpenCall, known: &str) -> String {
    let end = if open.is_of_parent {
        "and this session goes on from before its outcome was recorded"
    } else {
        "and then the process that made it died"
    };
    let mut text = format!(
        "The outcome is unknown: this call was about to be made at {}, {end}. It may have run \
         wholly, partly or not at all. It was not made again.",
        moment(open.at)
    );
    if !known.is_empty() {
        text.push_str(" What is known: ");
        text.push_str(known);
        text.push('.');
    }
    text.push_str(" Find out what happened before you make it again.");
    text
}

fn moment(at: Timestamp) -> String {
    let nanos = i128::from(at.as_millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{} ms after 1970", at.as_millis()))
}
