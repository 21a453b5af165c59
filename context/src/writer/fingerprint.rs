//! The fingerprint of what a commit asks for: a second commit under the same key must ask for
//! the same. Time and provenance do not count: a caller repeats a commit later, perhaps in
//! another attempt.

use sha2::{Digest, Sha256};

use crate::assertion::Polarity;
use crate::codec::Encoder;
use crate::commit::{EntityRef, ObjectRef, Observation, Op, Statement, Verdict};
use crate::row::encode_value;

/// Hashes operations in a form that does not change between versions.
pub(crate) fn fingerprint(ops: &[Op]) -> [u8; 16] {
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
                });
            }
        }
    }
    let digest = Sha256::digest(out.finish());
    *digest.first_chunk().expect("16 of 32 bytes")
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
    out.number(u64::from(statement.confidence.extraction_permille));
    out.number(u64::from(statement.confidence.source_permille));
    out.items(&statement.derived_from);
    out.number(statement.replaces.map_or(0, |item| item.number()));
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
