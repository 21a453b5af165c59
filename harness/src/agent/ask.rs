//! One model call: reserve, record, ask, fold, record, charge.

use std::time::Duration;

use futures_util::StreamExt;
use layercake_model::event::PartKind;
use layercake_model::fold::Fold;
use layercake_model::{CallContext, Event, ModelError, ModelErrorKind, Reply, Request, Usage};

use super::Drive;
use crate::error::HarnessError;
use crate::session::{
    CallPurpose, Charge, CostCause, ModelOutcome, ModelRequested, ModelSettled, SessionEvent,
};
use crate::sink::Progress;
use crate::step::ModelCall;
use crate::{Digest, window};

impl Drive<'_> {
    /// Asks the model for the next turn.
    pub(super) async fn ask(&mut self, call: ModelCall) -> Result<(), HarnessError> {
        let cap = Digest::of_bytes(&call.output_tokens_max.unwrap_or(0).to_be_bytes());
        let digest = self.log.conversation().then(cap);
        self.requested(&call, digest)?;
        let request = window::request(
            self.log.begun(),
            &self.spec.sampling,
            self.spec.answer.as_ref(),
            call.output_tokens_max,
        );
        self.emit(Progress::TurnStarted {
            turn: call.turn,
            attempt: call.attempt,
        });
        let reply = self.reply(request, &call).await?;
        if reply.is_ok() {
            // There is something new to summarise, should it be needed.
            self.learned.squeezes = 0;
        }
        self.settled(&call, reply)
    }

    /// Writes that a call is about to be made.
    pub(super) fn requested(
        &mut self,
        call: &ModelCall,
        digest: Digest,
    ) -> Result<(), HarnessError> {
        self.push(SessionEvent::ModelRequested(ModelRequested {
            purpose: call.purpose,
            turn: call.turn,
            attempt: call.attempt,
            request: digest,
            reserved_tokens: call.reservation.input_tokens + call.reservation.output_tokens,
            input_tokens: call.reservation.input_tokens,
            reserved_usd: call.reservation.usd,
        }))
    }

    /// Writes how a call ended and what it cost.
    pub(super) fn settled(
        &mut self,
        call: &ModelCall,
        reply: Result<Reply, ModelError>,
    ) -> Result<(), HarnessError> {
        let charges = self.charges(&reply, call);
        self.push(SessionEvent::ModelSettled(Box::new(ModelSettled {
            purpose: call.purpose,
            turn: call.turn,
            attempt: call.attempt,
            outcome: match reply {
                Ok(reply) => ModelOutcome::Replied(reply),
                Err(error) => ModelOutcome::Failed(error),
            },
        })))?;
        for charge in charges {
            self.push(SessionEvent::BudgetCharged(charge))?;
        }
        Ok(())
    }

    /// Asks the model within the time that is left, once the intent is durable, and folds its
    /// reply while showing it.
    pub(super) async fn reply(
        &mut self,
        request: Request,
        call: &ModelCall,
    ) -> Result<Result<Reply, ModelError>, HarnessError> {
        self.log.save().await?;
        let state = self.log.begun();
        let left_ms = state.budget.work_ms_left(&state.spent);
        let timeout = left_ms.map(Duration::from_millis);
        let cancellation = self.agent.cancellation.child_token();
        let context = CallContext {
            timeout,
            cancellation: cancellation.clone(),
            idempotency_key: Some(format!(
                "{}/{}/{}.{}",
                self.log.session(),
                call.purpose.word(),
                call.turn,
                call.attempt
            )),
            ..CallContext::default()
        };
        // The model honours both limits itself; these hold when it does not.
        let reply = tokio::select! {
            reply = self.stream(request, context, call.purpose) => reply,
            () = cancellation.cancelled() => Err(ModelError {
                partial: true,
                ..ModelError::new(ModelErrorKind::Cancelled, "the agent was stopped")
            }),
            () = sleep_if(timeout) => Err(ModelError {
                partial: true,
                ..ModelError::new(ModelErrorKind::Timeout, "the agent's time is used up")
            }),
        };
        Ok(reply)
    }

    async fn stream(
        &self,
        request: Request,
        context: CallContext,
        purpose: CallPurpose,
    ) -> Result<Reply, ModelError> {
        let mut events = self.agent.model.respond(request, context).await?;
        let mut fold = Fold::new();
        let mut text_parts: Vec<bool> = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            match &event {
                Event::PartStart { part, .. } => {
                    text_parts.push(matches!(part, PartKind::Text));
                }
                Event::Delta { index, text }
                    if purpose == CallPurpose::Turn && text_parts.get(*index) == Some(&true) =>
                {
                    self.emit(Progress::TextDelta { text });
                }
                Event::Restart(_) if purpose == CallPurpose::Turn => {
                    text_parts.clear();
                    self.emit(Progress::TextDropped);
                }
                _ => {}
            }
            fold.push(event)?;
        }
        fold.finish()
    }

    /// Says what the call cost: one charge for each attempt that may have been billed.
    fn charges(&self, reply: &Result<Reply, ModelError>, call: &ModelCall) -> Vec<Charge> {
        let mut charges = Vec::new();
        match reply {
            Ok(reply) => {
                for failed in &reply.failed_attempts {
                    charges.extend(self.charge_of_failure(&failed.error, &failed.model, call));
                }
                charges.push(Charge {
                    cause: call.cause,
                    model: reply.model.clone(),
                    usage: reply.usage,
                    usd: self.usd(&reply.usage),
                });
            }
            Err(error) => {
                let model = &self.agent.model.descriptor().model;
                charges.extend(self.charge_of_failure(error, model, call));
            }
        }
        charges
    }

    /// A failed attempt costs what it reported; one that broke off without a report costs
    /// something that nobody knows.
    fn charge_of_failure(
        &self,
        error: &ModelError,
        model: &str,
        call: &ModelCall,
    ) -> Option<Charge> {
        let is_own = model == self.agent.model.descriptor().model;
        let usage = match (error.usage, error.partial) {
            (Some(usage), _) => usage,
            (None, true) => Usage {
                input_tokens: call.reservation.input_tokens,
                ..Usage::default()
            },
            (None, false) => return None,
        };
        Some(Charge {
            cause: if is_own {
                CostCause::Retry
            } else {
                CostCause::Fallback
            },
            model: model.to_owned(),
            usage,
            usd: match (error.usage, is_own) {
                (Some(usage), true) => self.usd(&usage),
                _ => None,
            },
        })
    }

    fn usd(&self, usage: &Usage) -> Option<rust_decimal::Decimal> {
        let price = self.agent.model.descriptor().price.as_ref()?;
        Some(price.cost(usage))
    }
}

/// Waits for a time, or for ever.
pub(super) async fn sleep_if(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
