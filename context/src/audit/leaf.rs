//! Leaves: what one event of a run, or one commit of the context, leaves in the audit trail.
//! They hold names, numbers and commitments, never texts.

use crate::codec::{Decoder, Encoder};
use crate::scope::Scope;
use crate::{Actor, Moment, Snapshot};

use super::Hash;

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Where it comes from. One origin has one leaf.
    pub origin: Origin,
    /// The scope in which it happened.
    pub scope: Scope,
    /// When it happened, by the caller's clock.
    pub at: Moment,
    /// What happened, in one word of the origin's vocabulary, for instance `effect-finished`.
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// The stable key of the task, empty when it is about the whole run.
    pub task: String,
    /// The attempt of the task, from 1; 0 when there is no task.
    pub attempt: u32,
    /// The events of the same run that led to it, by their numbers.
    pub caused_by: Vec<u64>,
    /// What a policy or a person decided about it, for instance `denied`.
    pub decision: Option<String>,
    /// Commitments to what was asked, shown and returned.
    pub commitments: Vec<Commitment>,
}

/// Where a leaf comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A record of a run, by the run's id and the record's number.
    Run {
        /// The run.
        run: String,
        /// The number of the record in the run, from 1, without gaps.
        seq: u64,
    },
    /// A commit of the context.
    Context {
        /// The commit.
        commit: Snapshot,
    },
}

/// A named commitment: the hash of something that is kept elsewhere, or was erased since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commitment {
    /// What is committed to, for instance `record` or `shown`.
    pub name: String,
    /// The hash.
    pub hash: Hash,
}

impl Leaf {
    /// Writes the leaf in its stored form, which is what the tree hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        match &self.origin {
            Origin::Run { run, seq } => out.byte(0).text(run).number(*seq),
            Origin::Context { commit } => out.byte(1).number(commit.number()),
        };
        out.blob(&self.scope.to_bytes());
        out.signed(self.at.as_millis());
        out.text(&self.kind);
        out.text(self.actor.kind()).text(self.actor.name());
        out.text(&self.task).number(u64::from(self.attempt));
        out.number(self.caused_by.len() as u64);
        for &cause in &self.caused_by {
            out.number(cause);
        }
        out.optional_text(self.decision.as_deref());
        out.number(self.commitments.len() as u64);
        for commitment in &self.commitments {
            out.text(&commitment.name).raw(commitment.hash.as_bytes());
        }
        out.finish()
    }

    /// Reads a stored or exported leaf; `None` when the bytes are no leaf.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        let leaf = Self {
            origin: match input.byte()? {
                0 => Origin::Run {
                    run: input.text()?,
                    seq: input.number()?,
                },
                1 => Origin::Context {
                    commit: Snapshot::from_number(input.number()?),
                },
                _ => return None,
            },
            scope: Scope::from_bytes(input.blob()?)?,
            at: Moment::from_millis(input.signed()?),
            kind: input.text()?,
            actor: decode_actor(&input.text()?, input.text()?)?,
            task: input.text()?,
            attempt: input.small()?,
            caused_by: list(&mut input, |input| input.number())?,
            decision: input.optional_text()?,
            commitments: list(&mut input, |input| {
                Some(Commitment {
                    name: input.text()?,
                    hash: Hash::from_bytes(input.raw()?),
                })
            })?,
        };
        input.is_empty().then_some(leaf)
    }
}

fn list<T>(
    input: &mut Decoder<'_>,
    mut item: impl FnMut(&mut Decoder<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = input.number()?;
    (0..count).map(|_| item(input)).collect()
}

fn decode_actor(kind: &str, name: String) -> Option<Actor> {
    Some(match kind {
        "engine" => Actor::Engine,
        "agent" => Actor::Agent(name),
        "person" => Actor::Person(name),
        "tool" => Actor::Tool(name),
        _ => return None,
    })
}
