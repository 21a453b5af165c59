//! Tool calls: the intent durable before the effect, the outcome before anything depends on it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Drive;
use crate::error::HarnessError;
use crate::output::cut_to;
use crate::rule::Rule;
use crate::session::{Grant, SessionEvent, ToolIntended, ToolSettled, ToolStarted, ToolUnknown};
use crate::sink::{Progress, ToolEnd};
use crate::state::CallStatus;
use crate::tool::{
    Attempt, Below, LeaseNote, Leases, SharedTool, ToolContext, ToolError, ToolOutput,
};
use crate::{CallId, Digest, EffectClass};

/// How long a call that was told to stop may take to say how it ended.
const GRACE: Duration = Duration::from_secs(2);

/// Lease notes on their way to the log; a call has one or two.
const NOTES_MAX: usize = 64;

/// One call that is about to be made.
pub(super) struct DueCall {
    pub(super) id: CallId,
    pub(super) tool: SharedTool,
    pub(super) arguments: Value,
    pub(super) class: EffectClass,
    pub(super) attempt: Attempt,
}

/// How a call ended.
pub(super) struct CallEnd {
    pub(super) id: CallId,
    pub(super) class: EffectClass,
    pub(super) output_bytes_max: usize,
    pub(super) result: Result<ToolOutput, ToolError>,
}

impl Drive<'_> {
    /// Makes calls beside each other: all intents first, in one append.
    pub(super) async fn call(&mut self, ids: Vec<CallId>) -> Result<(), HarnessError> {
        let mut due = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(call) = self.intend(id).await? {
                due.push(call);
            }
        }
        self.log.save().await?;
        self.perform(due, None).await
    }

    /// Writes the intent of a call.
    async fn intend(&mut self, id: CallId) -> Result<Option<DueCall>, HarnessError> {
        let Some(state) = self.log.begun().call(id).cloned() else {
            return Ok(None);
        };
        let call = self.toolbox.resolved(&state.call).into_owned();
        let Some(tool) = self.toolbox.get(&call.name).cloned() else {
            return Ok(None);
        };
        let grant = match &state.status {
            CallStatus::Asked(question) => Grant::Approval(question.id),
            CallStatus::Wanted | CallStatus::Intended(_) | CallStatus::Closed(_) => {
                let level = self.log.begun().autonomy;
                self.toolbox.grant(&call, level, &self.book)
            }
        };
        let class = tool.spec().class;
        let mark = tool.mark(&call.arguments).await;
        let arguments = call.arguments.clone();
        self.push(SessionEvent::ToolIntended(ToolIntended {
            id,
            arguments: Digest::of_value(&arguments),
            call,
            class,
            grant,
            mark,
        }))?;
        Ok(Some(DueCall {
            id,
            tool,
            arguments,
            class,
            attempt: Attempt::First,
        }))
    }

    /// Performs calls whose intents are durable, and records each end. `recovery` says how the
    /// results came about when the calls are made again after a crash.
    pub(super) async fn perform(
        &mut self,
        due: Vec<DueCall>,
        recovery: Option<&str>,
    ) -> Result<(), HarnessError> {
        let (notes, mut noted) = mpsc::channel::<LeaseNote>(NOTES_MAX);
        let state = self.log.begun();
        let left_ms = state.budget.work_ms_left(&state.spent).unwrap_or(u64::MAX);
        let left = state
            .budget
            .left(&state.spent, u32::try_from(due.len()).unwrap_or(u32::MAX));
        let rules: Arc<[Rule]> = self.spec.rules.as_slice().into();
        let mut running = FuturesUnordered::new();
        for call in due {
            self.emit(Progress::ToolStarted {
                call: call.id,
                tool: &call.tool.spec().name,
                arguments: &call.arguments,
            });
            let cancellation = self.agent.cancellation.child_token();
            let context = ToolContext {
                session: self.log.session().clone(),
                call: call.id,
                idempotency_key: call.id.idempotency_key(self.log.session()),
                attempt: call.attempt,
                cancellation: cancellation.clone(),
                leases: Leases::kept(call.id, notes.clone()),
                autonomy: self.log.begun().autonomy,
                rules: Arc::clone(&rules),
                left,
                past: self.past_for(&call.tool),
            };
            running.push(watched(call, context, cancellation, left_ms));
        }
        drop(notes);
        while !running.is_empty() {
            tokio::select! {
                Some(end) = running.next() => self.ended(end, recovery)?,
                Some(note) = noted.recv() => {
                    self.push(SessionEvent::ToolStarted(ToolStarted {
                        id: note.call,
                        lease: note.lease,
                    }))?;
                    self.log.save().await?;
                    // A call that no longer listens has ended; its end comes next.
                    let _ = note.durable.send(());
                }
            }
        }
        Ok(())
    }

    fn past_for(&self, tool: &SharedTool) -> Arc<BTreeMap<String, String>> {
        if tool.spec().needs_past {
            Arc::new(self.log.begun().past_results())
        } else {
            Arc::default()
        }
    }

    /// Records how a call ended.
    pub(super) fn ended(
        &mut self,
        end: CallEnd,
        recovery: Option<&str>,
    ) -> Result<(), HarnessError> {
        let id = end.id;
        match end.result {
            Ok(output) => {
                let content = cut_to(output.content, end.output_bytes_max);
                let end = if output.is_error {
                    ToolEnd::Failed
                } else {
                    ToolEnd::Returned
                };
                self.finished(id, end, &content);
                self.push(SessionEvent::ToolSettled(ToolSettled {
                    id,
                    content,
                    is_error: output.is_error,
                    recovery: recovery.map(str::to_owned),
                    below: output.below,
                    evidence: output.evidence,
                }))?;
                for charge in output.charges {
                    self.push(SessionEvent::BudgetCharged(charge))?;
                }
                Ok(())
            }
            Err(ToolError::Failed(message)) => {
                let content = cut_to(message, end.output_bytes_max);
                self.finished(id, ToolEnd::Failed, &content);
                self.push(SessionEvent::ToolSettled(ToolSettled {
                    id,
                    content,
                    is_error: true,
                    recovery: recovery.map(str::to_owned),
                    below: Below::default(),
                    evidence: None,
                }))
            }
            Err(ToolError::Waiting(what)) if end.class == EffectClass::Resumable => {
                self.learned.waiting.insert(id, what);
                Ok(())
            }
            Err(ToolError::Asking(questions)) if end.class == EffectClass::Resumable => {
                self.learned
                    .waiting
                    .insert(id, "decisions of people".to_owned());
                self.learned.asked_below.extend(questions);
                Ok(())
            }
            Err(ToolError::Asking(_)) => self.unknown(
                id,
                "The outcome is unknown: the call waits for people.".to_owned(),
            ),
            Err(ToolError::Unknown(what) | ToolError::Waiting(what)) => {
                let what = cut_to(what, end.output_bytes_max);
                self.unknown(id, format!("The outcome is unknown: {what}"))
            }
        }
    }

    /// Records that nobody can say what became of a call.
    pub(super) fn unknown(&mut self, id: CallId, explanation: String) -> Result<(), HarnessError> {
        self.finished(id, ToolEnd::Unknown, &explanation);
        self.push(SessionEvent::ToolUnknown(ToolUnknown { id, explanation }))
    }
}

/// Performs one call within its time, and says what is true when it is cut off or panics.
async fn watched(
    call: DueCall,
    context: ToolContext,
    cancellation: CancellationToken,
    left_ms: u64,
) -> CallEnd {
    let spec = call.tool.spec();
    let limit_ms = spec.call_ms_max.min(left_ms);
    let output_bytes_max = spec.output_bytes_max;
    let work = AssertUnwindSafe(call.tool.call(call.arguments, context)).catch_unwind();
    tokio::pin!(work);
    let cut_off = tokio::select! {
        result = &mut work => Ok(result),
        () = tokio::time::sleep(Duration::from_millis(limit_ms)) => {
            Err(format!("it was stopped after {limit_ms} ms"))
        }
        () = cancellation.cancelled() => Err("the agent was stopped while it ran".to_owned()),
    };
    let result = match cut_off {
        Ok(result) => result,
        Err(why) => {
            cancellation.cancel();
            match tokio::time::timeout(GRACE, &mut work).await {
                Ok(result) => result,
                Err(_) => Ok(Err(cut_off_error(call.class, why))),
            }
        }
    };
    CallEnd {
        id: call.id,
        class: call.class,
        output_bytes_max,
        result: result.unwrap_or_else(|panic| Err(panic_error(call.class, &*panic))),
    }
}

/// A call that was cut off and only looks has simply failed; of any other, nobody knows.
fn cut_off_error(class: EffectClass, why: String) -> ToolError {
    match class {
        EffectClass::Pure | EffectClass::Read => ToolError::Failed(why),
        EffectClass::Resumable => ToolError::Waiting(why),
        EffectClass::Idempotent
        | EffectClass::Verifiable
        | EffectClass::Compensable
        | EffectClass::Unsafe => ToolError::Unknown(format!(
            "{why}, and it may have had its effect or a part of it"
        )),
    }
}

fn panic_error(class: EffectClass, panic: &(dyn Any + Send)) -> ToolError {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let text = format!("the tool broke ({message})");
    if class.only_looks() {
        ToolError::Failed(text)
    } else {
        ToolError::Unknown(text)
    }
}
