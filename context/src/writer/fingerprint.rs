//! The fingerprint of what a commit asks for: a second commit under the same key must ask for
//! the same. Time and provenance do not count: a caller repeats a commit later, perhaps in
//! another attempt.

use crate::advice::Recommendation;
use crate::assertion::{Confidence, Polarity};
use crate::codec::Encoder;
use crate::commit::{EntityRef, ObjectRef, Observation, Op, Statement, Verdict};
use crate::row::{encode_value, policy_byte};

/// Writes operations in a form that does not change between versions, to be hashed.
pub(crate) fn request_bytes(ops: &[Op]) -> Vec<u8> {
    let mut out = Encoder::new();
    for op in ops {
        match op {
            Op::Assert(statement) => add_statement(out.byte(0), statement),
            Op::Observe(observation) => add_observation(out.byte(1), observation),
            Op::Judge { item, verdict } => {
                out.byte(2).number(item.number());
                out.byte(match verdict {
                    Verdict::Accept => 0,
                    Verdict::Dispute => 1,
                    Verdict::Reject => 2,
                    Verdict::Retract => 3,
                    Verdict::RejectUntil(_) => 4,
                    Verdict::Lift => 5,
                });
                if let Verdict::RejectUntil(moment) = verdict {
                    out.signed(moment.as_millis());
                }
            }
            Op::Alias { entity, alias } => {
                add_entity(out.byte(3), entity);
                out.text(alias);
            }
            Op::Merge(merge) => {
                add_entity(out.byte(4), &merge.a);
                add_entity(&mut out, &merge.b);
                add_confidence(&mut out, merge.confidence);
                out.items(&merge.derived_from);
            }
            Op::Declare { predicate, policy } => {
                out.byte(5).text(predicate).byte(policy_byte(*policy));
            }
            Op::TakeLease { resource, until } => {
                out.byte(6).text(resource).signed(until.as_millis());
            }
            Op::ReleaseLease { resource, epoch } => {
                out.byte(7).text(resource).number(epoch.number());
            }
            Op::Recommend(recommendation) => add_recommendation(out.byte(8), recommendation),
            Op::RecordOutcome(outcome) => {
                out.byte(9).number(outcome.recommendation.number());
                out.byte(outcome.result.to_byte()).text(&outcome.metric);
                out.items(&outcome.evidence);
            }
        }
    }
    out.finish()
}

fn add_statement(out: &mut Encoder, statement: &Statement) {
    add_entity(out, &statement.subject);
    out.text(&statement.predicate);
    match &statement.object {
        ObjectRef::Entity(entity) => add_entity(out.byte(0), entity),
        ObjectRef::Value(value) => encode_value(value, out.byte(1)),
    }
    out.byte(u8::from(statement.polarity == Polarity::Denied));
    out.interval(statement.valid);
    add_confidence(out, statement.confidence);
    out.items(&statement.derived_from);
    out.number(statement.replaces.map_or(0, |item| item.number()));
}

fn add_confidence(out: &mut Encoder, confidence: Confidence) {
    out.number(u64::from(confidence.extraction_permille));
    out.number(u64::from(confidence.source_permille));
}

fn add_recommendation(out: &mut Encoder, recommendation: &Recommendation) {
    add_entity(out, &recommendation.about);
    out.text(&recommendation.action);
    out.byte(recommendation.stance.to_byte());
    out.items(&recommendation.rationale);
    out.signed(recommendation.expires.as_millis());
}

fn add_observation(out: &mut Encoder, observation: &Observation) {
    add_entity(out, &observation.about);
    encode_value(&observation.content, out);
    out.text(&observation.source);
    out.signed(observation.observed_at.as_millis());
}

fn add_entity(out: &mut Encoder, entity: &EntityRef) {
    match entity {
        EntityRef::Id(id) => out.byte(0).number(id.number()),
        EntityRef::Name { name, kind } => out.byte(1).text(name).text(kind),
    };
}
