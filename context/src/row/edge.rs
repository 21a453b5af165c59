//! An edge: what the forward and backward tables repeat of an assertion, so that a question
//! about time and trust needs no second look-up.

use crate::assertion::{Known, Polarity, Trust};
use crate::codec::{Decoder, Encoder};
use crate::key::ObjectKey;
use crate::{Interval, ItemId, Snapshot};

/// One assertion, seen from one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The other end: the object in the forward table, the subject in the backward table.
    pub(crate) other: ObjectKey,
    pub(crate) polarity: Polarity,
    pub(crate) valid: Interval,
    pub(crate) life: Lifecycle,
}

impl Edge {
    pub(crate) fn encode(&self, item: ItemId) -> Vec<u8> {
        let mut out = Encoder::new();
        let denied = u8::from(self.polarity == Polarity::Denied);
        out.byte(self.other.tag() | (denied << 1));
        out.raw(&self.other.word().to_be_bytes());
        out.interval(self.valid);
        self.life.encode(item, &mut out);
        out.finish()
    }

    pub(crate) fn decode(item: ItemId, bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        let flags = input.byte()?;
        Some(Self {
            other: ObjectKey::from_parts(flags & 1, u64::from_be_bytes(input.raw()?))?,
            polarity: match flags & 2 {
                0 => Polarity::Affirmed,
                _ => Polarity::Denied,
            },
            valid: input.interval()?,
            life: Lifecycle::decode(item, &mut input)?,
        })
    }
}

/// The states of trust that an assertion went through, each with the commit that set it.
///
/// A commit only appends to it, and a reader at a snapshot ignores what came later: so the
/// answer at a snapshot never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    states: Vec<(Snapshot, Trust)>,
}

impl Lifecycle {
    pub(crate) fn new(item: ItemId, trust: Trust) -> Self {
        Self {
            states: vec![(item.commit(), trust)],
        }
    }

    pub(crate) fn push(&mut self, commit: Snapshot, trust: Trust) {
        self.states.push((commit, trust));
    }

    /// Returns the trust at a snapshot, `None` before the assertion was written.
    pub(crate) fn trust_at(&self, snapshot: Snapshot) -> Option<Trust> {
        self.upto(snapshot).last().map(|&(_, trust)| trust)
    }

    /// Returns the latest trust.
    pub(crate) fn trust(&self) -> Trust {
        self.states
            .last()
            .map_or(Trust::Retracted, |&(_, trust)| trust)
    }

    /// Returns the commit of the latest change that a snapshot shows.
    pub(crate) fn changed_at(&self, snapshot: Snapshot) -> Option<Snapshot> {
        self.upto(snapshot).last().map(|&(commit, _)| commit)
    }

    /// Returns the span of belief as seen from a snapshot.
    pub(crate) fn known_at(&self, snapshot: Snapshot) -> Option<Known> {
        let states = self.upto(snapshot);
        let &(from, _) = states.first()?;
        let last_live = states.iter().rposition(|(_, trust)| trust.is_live());
        let to = match last_live {
            None => Some(from),
            Some(i) => states.get(i + 1).map(|&(commit, _)| commit),
        };
        Some(Known { from, to })
    }

    fn upto(&self, snapshot: Snapshot) -> &[(Snapshot, Trust)] {
        let end = self
            .states
            .partition_point(|&(commit, _)| commit <= snapshot);
        &self.states[..end]
    }

    /// The first state needs no commit: it is the item's own. Later ones count on from it.
    fn encode(&self, item: ItemId, out: &mut Encoder) {
        let mut last = item.commit();
        out.number(self.states.len() as u64);
        for &(commit, trust) in &self.states {
            out.number(commit.number() - last.number());
            out.byte(trust.to_byte());
            last = commit;
        }
    }

    fn decode(item: ItemId, input: &mut Decoder<'_>) -> Option<Self> {
        let count: usize = input.small()?;
        let mut last = item.commit().number();
        let mut states = Vec::with_capacity(count.min(8));
        for _ in 0..count {
            last = last.checked_add(input.number()?)?;
            states.push((
                Snapshot::from_number(last),
                Trust::from_byte(input.byte()?)?,
            ));
        }
        Some(Self { states })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifecycle_reads_the_same_from_an_old_snapshot() {
        let at = Snapshot::from_number;
        let item = ItemId::new(at(5), 1);
        let mut life = Lifecycle::new(item, Trust::Candidate);
        let young = life.known_at(at(6));
        life.push(at(8), Trust::Rejected);
        life.push(at(9), Trust::Accepted);
        assert_eq!(life.trust_at(at(4)), None);
        assert_eq!(life.trust_at(at(6)), Some(Trust::Candidate));
        assert_eq!(life.known_at(at(6)), young);
        assert_eq!(life.known_at(at(8)).unwrap().to, Some(at(8)));
        assert_eq!(life.known_at(at(9)).unwrap().to, None);
        let edge = Edge {
            other: ObjectKey::Value(7),
            polarity: Polarity::Denied,
            valid: Interval::always(),
            life,
        };
        assert_eq!(Edge::decode(item, &edge.encode(item)), Some(edge));
    }
}
