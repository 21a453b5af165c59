//! What rules would have decided in sessions of the past: shown before a rule is put to use.

use std::collections::BTreeMap;

use super::{RuleBook, RuleVerdict};
use crate::session::{Grant, RecordError, SessionEvent, SessionRecord, Verdict};
use crate::toolbox::unwrapped;
use crate::{ApprovalId, CallId, SessionId, Timestamp};

/// A call of the past that a rule fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The session.
    pub session: SessionId,
    /// The call.
    pub call: CallId,
    /// The record of the session that asked for the call.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The tool.
    pub tool: String,
    /// The arguments, whole.
    pub arguments: serde_json::Value,
    /// The rule that would have decided.
    pub rule: String,
    /// What it would have said.
    pub verdict: RuleVerdict,
    /// What happened in truth.
    pub past: Past,
}

/// What happened with a call of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Past {
    /// It was made, and nobody was asked.
    MadeUnasked,
    /// It was made because somebody approved it.
    Approved {
        /// Who.
        by: String,
    },
    /// Somebody rejected it.
    Rejected {
        /// Who.
        by: String,
    },
    /// It was refused without a question: a rule, a limit, bad arguments.
    Refused,
    /// It was never decided.
    Open,
}

/// Returns the calls of a past session that rules fit, in order.
///
/// # Errors
///
/// Returns [`RecordError`] when a record cannot be read.
pub fn preview(
    book: &RuleBook,
    session: &SessionId,
    records: &[SessionRecord],
) -> Result<Vec<Match>, RecordError> {
    let mut found: BTreeMap<CallId, Match> = BTreeMap::new();
    let mut asked: BTreeMap<ApprovalId, CallId> = BTreeMap::new();
    let mut approved: BTreeMap<ApprovalId, String> = BTreeMap::new();
    for record in records {
        match record.event()? {
            SessionEvent::ModelSettled(settled) => {
                for matched in matches(book, session, record, &settled) {
                    found.insert(matched.call, matched);
                }
            }
            SessionEvent::ApprovalAsked(question) => {
                asked.insert(question.question.id, question.question.call);
            }
            SessionEvent::ApprovalDecided(decided) => match decided.verdict {
                Verdict::Approve => {
                    approved.insert(decided.id, decided.by);
                }
                Verdict::Reject => {
                    let call = asked.get(&decided.id);
                    if let Some(matched) = call.and_then(|call| found.get_mut(call)) {
                        matched.past = Past::Rejected { by: decided.by };
                    }
                }
            },
            SessionEvent::ToolIntended(intended) => {
                if let Some(matched) = found.get_mut(&intended.id) {
                    matched.past = match &intended.grant {
                        Grant::Approval(id) => Past::Approved {
                            by: approved.get(id).cloned().unwrap_or_default(),
                        },
                        Grant::Autonomy(_) | Grant::Rule { .. } | Grant::Unrecorded => {
                            Past::MadeUnasked
                        }
                    };
                }
            }
            SessionEvent::ToolRefused(refused) => {
                if let Some(matched) = found.get_mut(&refused.id)
                    && matched.past == Past::Open
                {
                    matched.past = Past::Refused;
                }
            }
            _ => {}
        }
    }
    Ok(found.into_values().collect())
}

/// Returns the calls of one reply that rules fit.
fn matches(
    book: &RuleBook,
    session: &SessionId,
    record: &SessionRecord,
    settled: &crate::session::ModelSettled,
) -> Vec<Match> {
    let crate::session::ModelOutcome::Replied(reply) = &settled.outcome else {
        return Vec::new();
    };
    if settled.purpose != crate::session::CallPurpose::Turn {
        return Vec::new();
    }
    let calls = reply.tool_calls().zip(0..);
    let fitting = calls.filter_map(|(call, index)| {
        let call = unwrapped(call);
        let rule = book.decide(&call)?;
        Some(Match {
            session: session.clone(),
            call: CallId {
                turn: settled.turn,
                index,
            },
            seq: record.seq,
            at: record.at,
            tool: call.name.clone(),
            arguments: call.arguments.clone(),
            rule: rule.name.clone(),
            verdict: rule.verdict,
            past: Past::Open,
        })
    });
    fitting.collect()
}
