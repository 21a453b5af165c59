//! The rows: what stands under the keys. Rows of the log are the truth and never change;
//! edges are derived from them and can be built again.

mod ban;
mod edge;
mod log;

pub(crate) use ban::Bans;
pub(crate) use edge::{Edge, Lifecycle};
pub(crate) use log::{
    AssertionRow, BanRow, CommitRow, Content, EntityRow, LeaseRow, LogRow, ObservationRow,
    PolicyRow, PredicateRow, Sealed, TransitionRow, decode_policy, decode_value, encode_value,
    policy_byte,
};
