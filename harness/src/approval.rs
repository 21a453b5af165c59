//! The seam to the people who decide: questions, decisions, and two simple deciders.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApprovalId, CallId, Digest, EffectClass, SessionId};

/// A question to a person. Its id fits this call with these arguments and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The question's name; the same question has the same name in every process.
    pub id: ApprovalId,
    /// What is asked for.
    pub kind: QuestionKind,
    /// The session that asks.
    pub session: SessionId,
    /// The agent that asks.
    pub agent: String,
    /// The call that waits for the decision.
    pub call: CallId,
    /// The tool.
    pub tool: String,
    /// What a call of the tool does to the world.
    pub class: EffectClass,
    /// One line for the person.
    pub title: String,
    /// The arguments, whole: what the person decides on.
    pub arguments: Value,
    /// The digest of the arguments, which the decision is bound to.
    pub arguments_digest: Digest,
    /// The approver's own name for the question, once it gave one.
    pub ticket: Option<String>,
}

/// What a person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// Whether a call may happen.
    Approval,
    /// A text that the agent needs.
    Answer,
}

/// What an approver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The call may happen, once.
    Approved {
        /// Who decided.
        by: String,
        /// Why; may be empty.
        why: String,
    },
    /// The call may not happen.
    Rejected {
        /// Who decided.
        by: String,
        /// Why; the model reads it.
        why: String,
    },
    /// The text that was asked for.
    Answered {
        /// Who answered.
        by: String,
        /// The answer; the model reads it.
        text: String,
    },
    /// Nobody has decided yet. The agent pauses and asks again when it is resumed.
    Pending {
        /// The approver's own name for the question, for instance an inbox entry.
        ticket: String,
    },
}

/// Decides whether calls may happen. There is no default that allows.
#[async_trait]
pub trait Approver: Send + Sync {
    /// Decides a question, or says that nobody has decided it yet. The same question may be
    /// asked again, after a crash or when the session is resumed; it is the same question.
    ///
    /// # Errors
    ///
    /// Returns [`ApproverError`] when the question could not be put to anybody. The session
    /// pauses and nothing happens.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may or may not have put the question to somebody; asking again is safe.
    async fn decide(&self, question: &Question) -> Result<Decision, ApproverError>;
}

/// A question could not be put to anybody.
#[derive(Debug, thiserror::Error)]
#[error("the question could not be asked: {message}")]
pub struct ApproverError {
    /// What happened.
    pub message: String,
}

/// Decides every question the same way, in the name of somebody who said so beforehand.
#[derive(Debug, Clone)]
pub struct StandingDecision(Decision);

impl StandingDecision {
    /// Approves everything in somebody's name.
    pub fn approve(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self(Decision::Approved {
            by: by.into(),
            why: why.into(),
        })
    }

    /// Rejects everything in somebody's name.
    pub fn reject(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self(Decision::Rejected {
            by: by.into(),
            why: why.into(),
        })
    }
}

#[async_trait]
impl Approver for StandingDecision {
    async fn decide(&self, _question: &Question) -> Result<Decision, ApproverError> {
        Ok(self.0.clone())
    }
}

/// Keeps open questions in memory until somebody decides them.
#[derive(Debug, Default)]
pub struct MemoryInbox {
    /// Questions are written by `decide`, decisions by `settle`.
    entries: Mutex<BTreeMap<ApprovalId, (Question, Option<Decision>)>>,
}

impl MemoryInbox {
    /// Makes an empty inbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the questions that nobody has decided.
    pub fn open(&self) -> Vec<Question> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let open = entries.values().filter(|(_, decision)| decision.is_none());
        open.map(|(question, _)| question.clone()).collect()
    }

    /// Decides a question. The first decision stands; returns whether this one was it.
    pub fn settle(&self, id: ApprovalId, decision: Decision) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get_mut(&id) {
            Some((_, open @ None)) => {
                *open = Some(decision);
                true
            }
            Some((_, Some(_))) | None => false,
        }
    }
}

#[async_trait]
impl Approver for MemoryInbox {
    async fn decide(&self, question: &Question) -> Result<Decision, ApproverError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries
            .entry(question.id)
            .or_insert_with(|| (question.clone(), None));
        Ok(entry.1.clone().unwrap_or(Decision::Pending {
            ticket: question.id.to_string(),
        }))
    }
}
