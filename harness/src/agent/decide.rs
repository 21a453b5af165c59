//! Putting questions to the approver. The asking is durable before anybody is asked.

use super::Drive;
use crate::approval::{Decision, Question, QuestionKind};
use crate::error::HarnessError;
use crate::session::{ApprovalDecided, SessionEvent, ToolSettled, Verdict};
use crate::sink::ToolEnd;
use crate::tool::Below;

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
        let (verdict, by, why, answer) = match decision {
            Decision::Pending { ticket } => {
                self.learned.pending.insert(question.id, ticket);
                return Ok(());
            }
            Decision::Approved { by, why } => (Verdict::Approve, by, why, None),
            Decision::Rejected { by, why } => (Verdict::Reject, by, why, None),
            Decision::Answered { by, text } => (Verdict::Approve, by, String::new(), Some(text)),
        };
        self.push(SessionEvent::ApprovalDecided(ApprovalDecided {
            id: question.id,
            verdict,
            by,
            why,
            answer: answer.clone(),
        }))?;
        if let (QuestionKind::Answer, Some(content)) = (question.kind, answer) {
            self.finished(question.call, ToolEnd::Returned, &content);
            self.push(SessionEvent::ToolSettled(ToolSettled {
                id: question.call,
                content,
                is_error: false,
                recovery: None,
                below: Below::default(),
                evidence: None,
            }))?;
        }
        Ok(())
    }
}
