//! The rows: what stands under the keys. Rows of the log are the truth and never change;
//! edges are derived from them and can be built again.

mod edge;
mod log;

pub(crate) use edge::{Edge, Lifecycle};
pub(crate) use log::{
    AssertionRow, CommitRow, Content, EntityRow, LogRow, ObservationRow, PredicateRow, Sealed,
    TransitionRow, decode_value, encode_value,
};
