//! The harness's questions to people as entries of the engine's inbox.

use std::sync::Arc;

use async_trait::async_trait;
use layercake_engine::{
    Approval, Digest, Effect, EffectId, EffectRequest, IdempotencyKey, RunId, TaskKey, Verdict,
};
use layercake_harness::approval::{Approver, ApproverError, Decision, Question, QuestionKind};
use serde_json::json;

use crate::session::AgentLog;
use crate::session::record::{Asked, call_task};

/// Puts questions into the inbox, and looks up what people decided.
pub(super) struct InboxApprover {
    log: Arc<AgentLog>,
}

impl InboxApprover {
    /// Makes the approver of one agent.
    pub(super) fn new(log: Arc<AgentLog>) -> Self {
        Self { log }
    }
}

/// Returns the id of a question in the inbox: derived, so that asking twice is asking once.
pub(super) fn effect_id(run: RunId, question: &Question) -> EffectId {
    EffectId::derive(run, &task_of(question), 1)
}

/// The key holds the question's own id, which is bound to the arguments.
fn task_of(question: &Question) -> TaskKey {
    let id: String = question.id.to_string().chars().rev().take(12).collect();
    call_task(&question.call.to_string()).child(&format!("approval-{id}"), None, 1)
}

#[async_trait]
impl Approver for InboxApprover {
    async fn decide(&self, question: &Question) -> Result<Decision, ApproverError> {
        let run = self.log.run();
        let id = effect_id(run, question);
        if let Some(decision) = self.log.decision(id).await {
            let by = decision.by;
            let why = decision.comment.unwrap_or_default();
            let answers = question.kind == QuestionKind::Answer && !why.is_empty();
            return Ok(match decision.verdict {
                Verdict::Approve if answers => Decision::Answered { by, text: why },
                Verdict::Approve => Decision::Approved { by, why },
                Verdict::Reject => Decision::Rejected { by, why },
            });
        }
        let asked = self.log.ask(asked(run, id, question)).await;
        asked.map_err(|error| ApproverError {
            message: error.to_string(),
        })?;
        Ok(Decision::Pending {
            ticket: id.to_string(),
        })
    }
}

fn asked(run: RunId, id: EffectId, question: &Question) -> Asked {
    let task = task_of(question);
    let shown = json!({
        "tool": question.tool,
        "arguments": question.arguments,
        "class": question.class.word(),
        "agent": question.agent,
    });
    let at = super::now();
    Asked {
        effect: Effect {
            id,
            run,
            idempotency_key: IdempotencyKey::derive(run, &task),
            task,
            attempt: 1,
            asked_at: at,
            deadline: None,
            request: EffectRequest::Approval(Approval {
                title: question.title.clone(),
                shown_hash: Digest::of_value(&shown),
                reviewers: layercake_engine::Reviewers::default(),
                lapses_to: None,
                shown,
                expires_at: None,
            }),
        },
    }
}
