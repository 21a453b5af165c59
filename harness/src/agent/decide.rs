//! Putting questions to the approver. The asking is durable before anybody is asked.

use super::Drive;
use crate::approval::{Decision, Question, QuestionKind};
use crate::error::HarnessError;
use crate::session::{ApprovalDecided, SessionEvent, ToolSettled, Verdict};
use crate::sink::ToolEnd;

impl Drive<'_> {
    /// Asks about each question and records what was decided.
    pub(super) async fn decide(&mut self, questions: Vec<Question>) -> Result<(), HarnessError> {
        self.log.save().await?;
        for question in questions {
            let decision = tokio::select! {
                decision = self.agent.approver.decide(&question) => decision?,
                () = self.agent.cancellation.cancelled() => return Ok(()),
            };
            self.decided(&question, decision)?;
        }
        Ok(())
    }

    fn decided(&mut self, question: &Question, decision: Decision) -> Result<(), HarnessError> {
        let (verdict, by, why) = match decision {
            Decision::Pending { ticket } => {
                self.learned.pending.insert(question.id, ticket);
                return Ok(());
            }
            Decision::Approved { by, why } => (Verdict::Approve, by, why),
            Decision::Rejected { by, why } => (Verdict::Reject, by, why),
            Decision::Answered { by, text } => (Verdict::Approve, by, text),
        };
        self.push(SessionEvent::ApprovalDecided(ApprovalDecided {
            id: question.id,
            verdict,
            by,
            why: why.clone(),
        }))?;
        if question.kind == QuestionKind::Answer && verdict == Verdict::Approve {
            self.finished(question.call, ToolEnd::Returned, &why);
            self.push(SessionEvent::ToolSettled(ToolSettled {
                id: question.call,
                content: why,
                is_error: false,
                recovery: None,
                evidence: None,
            }))?;
        }
        Ok(())
    }
}
