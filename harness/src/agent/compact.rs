//! Compaction: the plan is pure, the summary is a model call like any other, and there is always
//! an excerpt to fall back on, so that a full window never ends a session.

use super::Drive;
use crate::Digest;
use crate::compaction::{self, Plan, Squeeze};
use crate::error::HarnessError;
use crate::session::SessionEvent;
use crate::sink::Progress;
use crate::step::plan_summary;
use crate::window::{BYTES_PER_TOKEN, value_bytes};

impl Drive<'_> {
    /// Makes the window smaller, if it can be made smaller: gently at first, then as far as it
    /// goes. Each happens at most once for a reply of the model, so that it cannot go round in
    /// circles.
    pub(super) async fn compact(&mut self) -> Result<(), HarnessError> {
        let squeeze = match self.learned.squeezes {
            0 => Squeeze::Gentle,
            _ => Squeeze::Hard,
        };
        self.learned.squeezes += 1;
        let descriptor = self.agent.model.descriptor();
        let Some(plan) = compaction::plan(self.log.begun(), descriptor, squeeze) else {
            return Ok(());
        };
        let note = self.note(&plan).await?;
        if self.agent.cancellation.is_cancelled() {
            return Ok(());
        }
        let state = self.log.begun();
        let finished = compaction::finish(state, &plan, note.as_deref())
            // A note that is longer than what it stands for is worse than an excerpt.
            .or_else(|| compaction::finish(state, &plan, None));
        if let Some(compaction) = finished {
            self.emit(Progress::Compacted {
                tokens_before: compaction.tokens_before,
                tokens_after: compaction.tokens_after,
            });
            self.push(SessionEvent::Compacted(compaction))?;
        }
        Ok(())
    }

    /// Asks the model for a note that stands for the old entries, if the budget allows it.
    async fn note(&mut self, plan: &Plan) -> Result<Option<String>, HarnessError> {
        let value = crate::digest::plain(&plan.request);
        let input_tokens = value_bytes(&value).div_ceil(BYTES_PER_TOKEN);
        let output_tokens = plan.request.sampling.output_tokens_max.unwrap_or_default();
        let descriptor = self.agent.model.descriptor();
        let planned = plan_summary(self.log.begun(), descriptor, input_tokens, output_tokens);
        let Some(call) = planned else {
            return Ok(None);
        };
        self.requested(&call, Digest::of_value(&value))?;
        let reply = self.reply(plan.request.clone(), &call).await?;
        let note = reply.as_ref().ok().map(layercake_model::Reply::text);
        self.settled(&call, reply)?;
        Ok(note)
    }
}
