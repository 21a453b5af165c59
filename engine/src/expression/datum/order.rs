//! Equality and order of values: null < booleans < numbers < text < lists < maps.

use std::cmp::Ordering;

use super::super::meter;
use super::{Datum, number};

impl Datum {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 2,
            Self::Text(_) => 3,
            Self::List(_) => 4,
            Self::Map(_) => 5,
        }
    }

    /// Orders as jq's operators do; `nan` orders numbers that are none.
    fn order(&self, other: &Self, nan: fn(f64, f64) -> Ordering) -> Ordering {
        meter::charge(1);
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Int(left), Self::Int(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => {
                meter::charge_text(left.len().min(right.len()));
                left.cmp(right)
            }
            (Self::List(left), Self::List(right)) => {
                let pairs = left.items.iter().zip(&right.items);
                pairs
                    .map(|(left, right)| left.order(right, nan))
                    .find(|ordering| ordering.is_ne())
                    .unwrap_or_else(|| left.items.len().cmp(&right.items.len()))
            }
            (Self::Map(left), Self::Map(right)) => {
                meter::charge_items(left.entries.len().min(right.entries.len()));
                let keys = left.entries.keys().cmp(right.entries.keys());
                let pairs = left.entries.values().zip(right.entries.values());
                let mut values = pairs.map(|(left, right)| left.order(right, nan));
                keys.then_with(|| {
                    values
                        .find(|ordering| ordering.is_ne())
                        .unwrap_or(Ordering::Equal)
                })
            }
            _ => match (self.float(), other.float()) {
                (Some(left), Some(right)) => nan(left, right),
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }
}

/// A total order of floats, for sorting: NaN is equal to itself and below everything else.
fn total(left: f64, right: f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (true, true) => Ordering::Equal,
        _ => number::order(left, right),
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Self) -> bool {
        self.order(other, number::order).is_eq()
    }
}

impl Eq for Datum {}

#[expect(
    clippy::non_canonical_partial_ord_impl,
    reason = "jq's operators put NaN below itself, which no sorting can work with"
)]
impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.order(other, number::order))
    }
}

impl Ord for Datum {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other, total)
    }
}
