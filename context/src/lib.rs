//! A shared graph of facts with provenance, and a tamper-evident audit trail, for agents and
//! routines.

mod assertion;
mod codec;
mod commit;
mod error;
mod id;
mod key;
mod moment;
mod provenance;
mod row;
mod scope;
mod seal;
mod siphash;
pub mod store;
mod text;
mod value;
mod vault;

pub use assertion::{Assertion, Confidence, Entity, Known, Object, Polarity, Trust};
pub use commit::{
    Commit, EntityRef, Expect, ObjectRef, Observation, Op, Receipt, Repeated, Statement, Verdict,
    Version,
};
pub use error::{Conflict, ContextError, Remedy};
pub use id::{EntityId, InvalidId, ItemId, Snapshot};
pub use moment::{Interval, InvalidMoment, Moment};
pub use provenance::{Actor, Provenance};
pub use scope::{Access, Authority, InvalidScope, Scope};
pub use value::{InvalidJson, Json, Value};
pub use vault::{FileVault, MemoryVault, RootKey, Vault, VaultError};
