//! A shared graph of facts with provenance, and a tamper-evident audit trail, for agents and
//! routines.
//!
//! Every fact is an *assertion*: somebody said something about an entity, at some time, in the
//! course of some run. Nothing is overwritten. A reader asks two questions at once, *when does
//! it hold* and *what did we believe then*, and the answer at a [`Snapshot`] never changes, so
//! a run that is replayed reads what it read the first time.
//!
//! ```
//! use std::sync::Arc;
//!
//! use layercake_context::store::MemoryStore;
//! use layercake_context::{
//!     Access, Actor, Authority, Commit, Context, MemoryVault, Moment, Op, Provenance, Recall,
//!     Scope, Statement,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `Context::open_folder` keeps it on disk; the entropy comes from the operating system.
//! let context = Context::open(
//!     Arc::new(MemoryStore::new()),
//!     Arc::new(MemoryVault::new()),
//!     [7; 32],
//! )?;
//! let access = Access::new(Scope::tenant("acme")?.project("office")?, Authority::Agent);
//!
//! let commit = Commit::new(
//!     Moment::from_millis(1_700_000_000_000),
//!     Provenance::of(Actor::Agent("clerk".into())),
//!     vec![Op::Assert(Statement::new("Ada Lovelace", "prefers", "replies in French"))],
//! );
//! let receipt = context.commit(&access, commit.with_key("mail-42"))?;
//!
//! let view = context.view(&access, receipt.snapshot)?;
//! let answer = view.recall(&Recall::of("how to reply to Ada?"))?;
//! assert_eq!(
//!     answer.items[0].item.to_string(),
//!     "Ada Lovelace · prefers · replies in French"
//! );
//! # Ok(())
//! # }
//! ```
//!
//! The stored form is described in `docs/format.md`, key by key.

mod advice;
mod assertion;
pub mod audit;
mod block;
mod codec;
mod commit;
mod context;
mod error;
pub mod feed;
mod head;
mod id;
pub mod interchange;
mod key;
mod keyring;
mod moment;
mod provenance;
mod reading;
mod rebuild;
mod reserved;
mod row;
mod scope;
mod seal;
mod stage;
pub mod store;
mod tail;
mod text;
mod value;
mod vault;
pub mod view;
mod writer;

pub use advice::{Outcome, OutcomeResult, Recommendation, Stance};
pub use assertion::{Assertion, Confidence, Entity, Known, Object, Polarity, Trust};
pub use commit::{
    Commit, EntityRef, Expect, Merge, ObjectRef, Observation, Op, Policy, Receipt, Repeated,
    Statement, Verdict, Version,
};
pub use context::Context;
pub use error::{Clash, Conflict, ContextError, Remedy};
pub use id::{EntityId, InvalidId, ItemId, Snapshot};
pub use moment::{Interval, InvalidMoment, Moment};
pub use provenance::{Actor, Provenance};
pub use scope::{Access, Authority, InvalidScope, Scope};
pub use value::{InvalidJson, Json, Value};
pub use vault::{FileVault, MemoryVault, RootKey, Vault, VaultError};
pub use view::{Pattern, Recall, View};
pub use writer::Erasure;

/// The examples of the README, so that they compile and hold.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
