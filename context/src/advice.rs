//! Recommendations and how they turned out: what both tracks write back, test results for code
//! and business measures for operations. Advice never turns into fact.

use crate::commit::EntityRef;
use crate::{ItemId, Moment};

/// Advice about an entity or a goal: to do something, or to avoid it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    /// The entity or goal that it is about.
    pub about: EntityRef,
    /// The action, in words that callers agree on: equal words (up to letter case and white
    /// space) are one action.
    pub action: String,
    /// Whether to take the action or to avoid it.
    pub stance: Stance,
    /// The facts that it rests on.
    pub rationale: Vec<ItemId>,
    /// When it is no longer meant.
    pub expires: Moment,
}

/// Whether an action is advised or advised against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stance {
    /// Take the action.
    Take,
    /// Avoid it.
    Avoid,
}

/// How it went after a recommendation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The recommendation.
    pub recommendation: ItemId,
    /// Whether it was followed, and how it ended.
    pub result: OutcomeResult,
    /// What was measured, for instance `tests passed: 41 of 41`; may be empty.
    pub metric: String,
    /// The evidence.
    pub evidence: Vec<ItemId>,
}

/// Whether a recommendation was followed, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutcomeResult {
    /// It was followed, and it went well.
    Succeeded,
    /// It was followed, and it went wrong.
    Failed,
    /// It was not followed; this says nothing about how good it is.
    Ignored,
}

impl Stance {
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Take => 0,
            Self::Avoid => 1,
        }
    }
}

impl OutcomeResult {
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Ignored => 2,
        }
    }
}
