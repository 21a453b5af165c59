//! Advice before an action: what is recommended, how it went before, and whether to go on.
//!
//! The rules are few and fixed, so that the same facts give the same advice. Advice rests on
//! facts and outcomes; it never becomes one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::advice::{Outcome, OutcomeResult, Recommendation, Stance};
use crate::assertion::{Assertion, Entity, Object, Trust};
use crate::commit::EntityRef;
use crate::key::{self, HashDomain, ObjectKey, PredicateId};
use crate::reading::Reading;
use crate::reserved;
use crate::value::{Value, normalise};
use crate::view::query::{self, Pattern};
use crate::{ContextError, EntityId, ItemId, Moment};

/// Facts that an answer brings along.
const FACTS_MAX: usize = 20;
/// Recommendations and outcomes that one answer looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Trials from which on a bad record stops an agent; fewer are bad luck.
const TRIALS_MIN: u32 = 3;
/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.96;

/// What somebody is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The entity or goal that the action is about.
    pub about: EntityRef,
    /// The action; empty asks for recommendations only.
    pub action: String,
    /// When.
    pub at: Moment,
}

/// The answer to a situation.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// What to do.
    pub course: Course,
    /// Why.
    pub grounds: Vec<Grounds>,
    /// What is recommended about the entity, the best first.
    pub recommended: Vec<Recommended>,
    /// How the action went before, for this entity, or anywhere if never for this one.
    pub record: PastRecord,
    /// What is believed about the entity, at most 20 assertions.
    pub facts: Vec<Assertion>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Course {
    /// Nothing speaks against it.
    Proceed,
    /// Too little is known: ask first.
    Clarify,
    /// Somebody with more authority should decide.
    Escalate,
    /// Do not do it.
    Block,
}

/// Why an advice is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grounds {
    /// An accepted recommendation says to avoid the action.
    AdvisedAgainst(ItemId),
    /// A recommendation that nobody has accepted yet says to avoid the action.
    PerhapsAdvisedAgainst(ItemId),
    /// The action went wrong more often than not.
    BadRecord,
    /// What is believed about the entity is in dispute.
    Disputed(ItemId),
    /// Nothing is known about the entity, and the action was never tried on it.
    NothingKnown,
}

/// One recommendation with its record.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The recommendation.
    pub item: ItemId,
    /// The entity or goal that it is about.
    pub about: Entity,
    /// The action.
    pub action: String,
    /// Whether to take it or to avoid it.
    pub stance: Stance,
    /// How far the recommendation may be trusted.
    pub trust: Trust,
    /// When it is no longer meant.
    pub expires: Moment,
    /// The facts that it rests on.
    pub rationale: Vec<ItemId>,
    /// How it turned out so far.
    pub record: PastRecord,
}

/// How an action turned out. Only outcomes that a routine or a person recorded count; what an
/// agent says of its own work does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PastRecord {
    /// How often it was followed and went well.
    pub succeeded: u32,
    /// How often it was followed and went wrong.
    pub failed: u32,
    /// How often it was not followed.
    pub ignored: u32,
}

impl PastRecord {
    /// Returns how often the action was tried.
    pub fn trials(self) -> u32 {
        self.succeeded + self.failed
    }

    /// Returns the rate of success that the record vouches for, in thousandths: 0 without
    /// trials, and for equal rates the more the more trials there are.
    ///
    /// Source: Wilson, "Probable inference, the law of succession, and statistical
    /// inference", 1927; the lower end of the interval for 95 %.
    pub fn vouched_permille(self) -> u16 {
        let trials = f64::from(self.trials());
        if trials == 0.0 {
            return 0;
        }
        let rate = f64::from(self.succeeded) / trials;
        let centre = rate + Z * Z / (2.0 * trials);
        let spread = Z * ((rate * (1.0 - rate) + Z * Z / (4.0 * trials)) / trials).sqrt();
        let lower = (centre - spread) / (1.0 + Z * Z / trials);
        (lower.clamp(0.0, 1.0) * 1000.0) as u16
    }

    fn add(&mut self, result: OutcomeResult) {
        match result {
            OutcomeResult::Succeeded => self.succeeded += 1,
            OutcomeResult::Failed => self.failed += 1,
            OutcomeResult::Ignored => self.ignored += 1,
        }
    }
}

impl Advice {
    /// Advises where nothing was ever written.
    pub(super) fn without_facts() -> Self {
        Self {
            course: Course::Clarify,
            grounds: vec![Grounds::NothingKnown],
            recommended: Vec::new(),
            record: PastRecord::default(),
            facts: Vec::new(),
        }
    }
}

pub(super) fn advise(reading: &Reading<'_>, situation: &Situation) -> Result<Advice, ContextError> {
    let Some(about) = reading.find(&situation.about)? else {
        return Ok(Advice::without_facts());
    };
    let outcomes = outcomes(reading, about)?;
    let recommended = recommended(reading, about, situation.at, &outcomes)?;
    let pattern = Pattern::about(about).at(situation.at).limit(FACTS_MAX);
    let facts = query::query(reading, &pattern)?.assertions;
    let action = normalise(&situation.action);
    let record = match outcomes.get(&action) {
        Some(&record) => record,
        None => record_anywhere(reading, &action)?,
    };
    let against = |trusted: bool| {
        let mut against = recommended.iter().filter(|item| {
            item.stance == Stance::Avoid
                && normalise(&item.action) == action
                && (item.trust == Trust::Accepted) == trusted
        });
        against.next().map(|item| item.item)
    };
    let mut grounds = Vec::new();
    grounds.extend(against(true).map(Grounds::AdvisedAgainst));
    grounds.extend(against(false).map(Grounds::PerhapsAdvisedAgainst));
    if record.trials() >= TRIALS_MIN && record.failed > record.succeeded {
        grounds.push(Grounds::BadRecord);
    }
    let disputed = facts.iter().filter(|fact| fact.trust == Trust::Disputed);
    grounds.extend(disputed.map(|fact| Grounds::Disputed(fact.id)));
    if facts.is_empty() && record.trials() == 0 {
        grounds.push(Grounds::NothingKnown);
    }
    Ok(Advice {
        course: course(&grounds),
        grounds,
        recommended,
        record,
        facts,
    })
}

/// The gravest of the grounds decides.
fn course(grounds: &[Grounds]) -> Course {
    let weight = |grounds: &Grounds| match grounds {
        Grounds::AdvisedAgainst(_) => Course::Block,
        Grounds::PerhapsAdvisedAgainst(_) | Grounds::BadRecord | Grounds::Disputed(_) => {
            Course::Escalate
        }
        Grounds::NothingKnown => Course::Clarify,
    };
    let gravest = grounds.iter().map(weight).max();
    gravest.unwrap_or(Course::Proceed)
}

/// Returns what is recommended about an entity and still meant: what is trusted first, then by
/// the rate of success that the record vouches for, then the newest.
fn recommended(
    reading: &Reading<'_>,
    about: EntityId,
    at: Moment,
    records: &BTreeMap<String, PastRecord>,
) -> Result<Vec<Recommended>, ContextError> {
    let mut found = Vec::new();
    for advice in own(reading, about, reserved::RECOMMENDATION)? {
        let Some(value) = RecommendationValue::read(&advice) else {
            continue;
        };
        if !advice.trust.is_live() || value.expires <= at {
            continue;
        }
        let record = records.get(&normalise(&value.action));
        found.push(Recommended {
            item: advice.id,
            about: advice.subject,
            action: value.action,
            stance: value.stance,
            trust: advice.trust,
            expires: value.expires,
            rationale: advice.derived_from,
            record: record.copied().unwrap_or_default(),
        });
    }
    found.sort_by_key(|item| Reverse((item.trust, item.record.vouched_permille(), item.item)));
    Ok(found)
}

/// Counts the outcomes of every action on one entity.
fn outcomes(
    reading: &Reading<'_>,
    about: EntityId,
) -> Result<BTreeMap<String, PastRecord>, ContextError> {
    let mut records = BTreeMap::<String, PastRecord>::new();
    for outcome in own(reading, about, reserved::OUTCOME)? {
        if let Some((action, result)) = counted(reading, &outcome)? {
            records.entry(action).or_default().add(result);
        }
    }
    Ok(records)
}

/// Counts the outcomes of one action on any entity of the scope.
fn record_anywhere(reading: &Reading<'_>, action: &str) -> Result<PastRecord, ContextError> {
    let mut record = PastRecord::default();
    let hash = ObjectKey::Value(reading.hash(HashDomain::Value, action));
    let prefix = key::by_value_pair(reading.scope, reserved::OUTCOME, hash);
    for number in reading.numbers(&prefix)?.into_iter().take(LOOKED_AT_MAX) {
        let Some(outcome) = reading.assertion(ItemId::from_number(number))? else {
            continue;
        };
        if let Some((_, result)) = counted(reading, &outcome)?.filter(|(own, _)| own == action) {
            record.add(result);
        }
    }
    Ok(record)
}

/// Reads an outcome if it counts: its own trust decides, not that of the advice, which may
/// well be a candidate.
fn counted(
    reading: &Reading<'_>,
    outcome: &Assertion,
) -> Result<Option<(String, OutcomeResult)>, ContextError> {
    let Some(row) = reading.assertion_row(outcome.id)? else {
        return Ok(None);
    };
    let edge = reading.edge_of(outcome.id, &row)?;
    let own = edge.and_then(|edge| edge.life.trust_at(reading.snapshot));
    if own != Some(Trust::Accepted) {
        return Ok(None);
    }
    let Object::Value(Value::Json(json)) = &outcome.object else {
        return Ok(None);
    };
    let result = json.field("result").and_then(|word| result_of(&word));
    let action = json.field("action").map(|action| normalise(&action));
    Ok(action.zip(result))
}

/// Returns what this crate's own predicates say of an entity.
fn own(
    reading: &Reading<'_>,
    about: EntityId,
    predicate: PredicateId,
) -> Result<Vec<Assertion>, ContextError> {
    let mut items = Vec::new();
    for &member in reading.class(about)?.iter() {
        let prefix = key::forward_pair(reading.scope, member, predicate);
        reading.edges(&prefix, &mut |found| {
            items.push(found.item);
            match items.len() {
                LOOKED_AT_MAX.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
    }
    let mut assertions = Vec::new();
    for item in items {
        assertions.extend(reading.assertion(item)?);
    }
    Ok(assertions)
}

/// A recommendation as it stands in the value of its assertion.
pub(crate) struct RecommendationValue {
    pub(crate) action: String,
    pub(crate) stance: Stance,
    pub(crate) expires: Moment,
}

impl RecommendationValue {
    /// Returns the action of a recommendation or an outcome, as it is compared.
    pub(crate) fn action(value: &Value) -> Option<String> {
        let Value::Json(json) = value else {
            return None;
        };
        Some(normalise(&json.field("action")?))
    }

    pub(crate) fn read(assertion: &Assertion) -> Option<Self> {
        let Object::Value(Value::Json(json)) = &assertion.object else {
            return None;
        };
        Some(Self {
            action: json.field("action")?,
            stance: match json.field("stance")?.as_str() {
                "take" => Stance::Take,
                "avoid" => Stance::Avoid,
                _ => return None,
            },
            expires: json.field("expires")?.parse().ok()?,
        })
    }
}

pub(crate) fn recommendation_value(recommendation: &Recommendation) -> Value {
    Value::object(&[
        ("action", &recommendation.action),
        ("expires", &recommendation.expires.to_string()),
        (
            "stance",
            match recommendation.stance {
                Stance::Take => "take",
                Stance::Avoid => "avoid",
            },
        ),
    ])
}

pub(crate) fn outcome_value(outcome: &Outcome, action: &str) -> Value {
    Value::object(&[
        ("action", action),
        ("metric", &outcome.metric),
        ("recommendation", &outcome.recommendation.to_string()),
        ("result", result_word(outcome.result)),
    ])
}

fn result_word(result: OutcomeResult) -> &'static str {
    match result {
        OutcomeResult::Succeeded => "succeeded",
        OutcomeResult::Failed => "failed",
        OutcomeResult::Ignored => "ignored",
    }
}

fn result_of(word: &str) -> Option<OutcomeResult> {
    [
        OutcomeResult::Succeeded,
        OutcomeResult::Failed,
        OutcomeResult::Ignored,
    ]
    .into_iter()
    .find(|result| result_word(*result) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouched(succeeded: u32, failed: u32) -> u16 {
        PastRecord {
            succeeded,
            failed,
            ignored: 9,
        }
        .vouched_permille()
    }

    #[test]
    fn more_trials_vouch_for_more() {
        assert_eq!(vouched(0, 0), 0);
        assert!(vouched(1, 0) < vouched(10, 1));
        assert!(vouched(10, 1) < vouched(100, 10));
        assert!(vouched(100, 100) < 500);
        assert_eq!(
            vouched(50, 50),
            403,
            "the published value of Wilson's interval"
        );
    }
}
