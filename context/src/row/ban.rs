//! Bans: values that were rejected and may not be asserted again. Derived from the rejections
//! in the log.

use crate::codec::{Decoder, Encoder};
use crate::{ItemId, Moment, Snapshot};

/// All bans of one value of one subject and predicate, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bans {
    bans: Vec<Ban>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Ban {
    item: ItemId,
    since: Snapshot,
    lifted: Option<Snapshot>,
    expires: Option<Moment>,
}

impl Bans {
    pub(crate) fn add(&mut self, item: ItemId, since: Snapshot, expires: Option<Moment>) {
        self.bans.push(Ban {
            item,
            since,
            lifted: None,
            expires,
        });
    }

    /// Lifts whatever is in force; says whether anything was.
    pub(crate) fn lift(&mut self, commit: Snapshot) -> bool {
        let in_force = self.bans.iter_mut().filter(|ban| ban.lifted.is_none());
        in_force.map(|ban| ban.lifted = Some(commit)).count() > 0
    }

    /// Returns the rejected item for which the value may not be written at a time.
    pub(crate) fn forbids(&self, at: Moment) -> Option<ItemId> {
        let mut bans = self.bans.iter().filter(|ban| ban.lifted.is_none());
        bans.find(|ban| ban.expires.is_none_or(|expires| at < expires))
            .map(|ban| ban.item)
    }

    /// Says whether a ban without an end was in force at a snapshot.
    pub(crate) fn held_at(&self, snapshot: Snapshot) -> bool {
        self.bans.iter().any(|ban| {
            ban.expires.is_none()
                && ban.since <= snapshot
                && ban.lifted.is_none_or(|lifted| lifted > snapshot)
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.bans.len() as u64);
        for ban in &self.bans {
            out.number(ban.item.number()).number(ban.since.number());
            out.optional_snapshot(ban.lifted);
            out.optional_moment(ban.expires);
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        let count = input.number()?;
        let bans: Option<_> = (0..count)
            .map(|_| {
                Some(Ban {
                    item: ItemId::from_number(input.number()?),
                    since: Snapshot::from_number(input.number()?),
                    lifted: input.optional_snapshot()?,
                    expires: input.optional_moment()?,
                })
            })
            .collect();
        Some(Self { bans: bans? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_when_it_is_lifted_or_expires() {
        let commit = Snapshot::from_number;
        let item = ItemId::new(commit(3), 1);
        let mut bans = Bans::default();
        bans.add(item, commit(3), Some(Moment::from_millis(50)));
        assert_eq!(bans.forbids(Moment::from_millis(49)), Some(item));
        assert_eq!(bans.forbids(Moment::from_millis(50)), None);
        bans.add(item, commit(4), None);
        assert!(bans.lift(commit(6)) && !bans.lift(commit(7)));
        assert_eq!(bans.forbids(Moment::from_millis(0)), None);
        assert!(
            !bans.held_at(commit(3)),
            "a ban with an end is for writers only"
        );
        assert!(bans.held_at(commit(5)) && !bans.held_at(commit(6)));
        assert_eq!(Bans::decode(&bans.encode()), Some(bans));
    }
}
