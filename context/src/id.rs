//! Names of commits, items and entities. They are given by the one writer and never reused.

use std::fmt;
use std::str::FromStr;

/// A number of the transaction axis: everything committed up to and with it is visible.
///
/// It is given inside the one writer, starts at 1 and has no gaps; 0 is the empty store.
/// Reading at a snapshot gives the same answer for ever, so a caller stores the number and
/// reads again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Snapshot(u64);

impl Snapshot {
    /// Makes a snapshot from a number that was stored.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number, to be stored.
    pub fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bits of an id that number the rows within one commit.
const ORDINAL_BITS: u32 = 16;
/// The highest row number within one commit.
pub(crate) const ORDINAL_MAX: u16 = u16::MAX;

/// Declares an id that is made of the commit's number and the row's number within it, so that
/// the order of ids is the order of commits and visibility needs no look-up.
macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            pub(crate) fn new(commit: Snapshot, ordinal: u16) -> Self {
                Self((commit.0 << ORDINAL_BITS) | u64::from(ordinal))
            }

            /// Makes the id from a number that was stored.
            pub fn from_number(number: u64) -> Self {
                Self(number)
            }

            /// Returns the id as a number, to be stored.
            pub fn number(self) -> u64 {
                self.0
            }

            /// Returns the commit that made it.
            pub fn commit(self) -> Snapshot {
                Snapshot(self.0 >> ORDINAL_BITS)
            }

            pub(crate) fn is_visible_at(self, snapshot: Snapshot) -> bool {
                self.commit() <= snapshot
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let ordinal = self.0 & ((1 << ORDINAL_BITS) - 1);
                write!(f, "{}{}.{}", $letter, self.0 >> ORDINAL_BITS, ordinal)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_row_id(text, $letter)
                    .map(Self)
                    .ok_or_else(|| InvalidId { text: text.to_owned(), what: $what })
            }
        }
    };
}

row_id!(
    /// The name of an assertion or observation: `a12.3` is the third row of commit 12.
    ItemId, 'a', "an item"
);
row_id!(
    /// The name of an entity: `e12.1` was first named in commit 12.
    EntityId, 'e', "an entity"
);

fn parse_row_id(text: &str, letter: char) -> Option<u64> {
    let (commit, ordinal) = text.strip_prefix(letter)?.split_once('.')?;
    let commit: u64 = commit.parse().ok()?;
    let ordinal: u16 = ordinal.parse().ok()?;
    (commit < 1 << (64 - ORDINAL_BITS)).then_some((commit << ORDINAL_BITS) | u64::from(ordinal))
}

/// The text is not the id that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of {what}")]
pub struct InvalidId {
    text: String,
    what: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_sort_by_commit() {
        let early = ItemId::new(Snapshot(12), 3);
        let late = ItemId::new(Snapshot(13), 1);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<ItemId>().unwrap(), early);
        assert!(early.is_visible_at(Snapshot(12)) && !late.is_visible_at(Snapshot(12)));
        assert!("e12.3".parse::<ItemId>().is_err());
        assert!("a12.70000".parse::<ItemId>().is_err());
    }
}
