//! A deterministic, durable workflow engine for routines.
//!
//! A *routine* is a document of the Open Workflow Specification: what to do, step by step. A
//! *run* is one execution of it. Every step of a run is durable before anything depends on
//! it, so a run that is cut off goes on where it was: nothing that was recorded happens again,
//! and nobody is told that something happened when nobody can know.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use layercake_engine::journal::RedbJournal;
//! use layercake_engine::runtime::{Engine, EngineOptions, Routine, StartRequest, Until};
//! use layercake_engine::{EffectClass, Functions};
//! use serde_json::json;
//!
//! const ROUTINE: &str = "
//! document: { dsl: '1.0.3', namespace: office, name: welcome, version: '1.0.0' }
//! do:
//!   - greet: { call: 'greet:1.0.0@default', with: { name: '${ .name }' } }
//!   - shout: { set: { text: '${ .text | ascii_upcase }' } }
//! ";
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("journal.redb");
//! let functions = Functions::new().function("greet", EffectClass::Pure, async |with| {
//!     Ok(json!({ "text": format!("hello, {}", with["name"].as_str().unwrap_or("you")) }))
//! });
//! let (journal, catalog) = (Arc::new(RedbJournal::open(&path)?), functions.catalog());
//! let engine = Engine::open(journal, Arc::new(functions), catalog, EngineOptions::standard())?;
//!
//! engine.publish(ROUTINE).await?;
//! let welcome = Routine::Published("office/welcome".to_owned());
//! let run = engine.start(StartRequest::new(welcome, json!({ "name": "Ada" }))).await?;
//! let report = engine.wait(run, Until::Ended).await?;
//! assert_eq!(report.output, Some(json!({ "text": "HELLO, ADA" })));
//! # engine.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Definition`] reads a document, and explains every mistake in it.
//! - [`Run`] is the pure machine: inputs with a time go in, records come out. No clock, no
//!   input or output, no randomness.
//! - [`journal`] keeps the records; [`journal::format`] describes every byte of them.
//! - [`runtime`] drives many runs at once over a journal; it asks an [`Executor`] for whatever
//!   they want from outside. [`Functions`] is one made of Rust functions.
//!
//! Without its features the crate reaches no clock, no network and no async runtime.

#[cfg(feature = "bundle")]
pub mod bundle;
mod catalog;
mod definition;
pub mod diff;
mod digest;
mod effect;
mod executor;
mod expression;
pub mod fork;
#[cfg(feature = "runtime")]
mod functions;
mod graph;
#[cfg(feature = "http")]
mod http;
mod id;
pub mod journal;
pub mod ledger;
mod lifecycle;
mod problem;
#[cfg(feature = "runtime")]
mod process;
mod record;
mod redaction;
mod run;
mod run_tree;
#[cfg(feature = "runtime")]
pub mod runtime;
mod secrets;
#[cfg(feature = "sim")]
pub mod sim;
mod timestamp;

pub use catalog::{Catalog, FunctionSpec, StandardCall};
pub use definition::bundle::{Bundle, MissingPart, Part};
pub use definition::codes::{Code, codes};
pub use definition::cron::{Cron, InvalidCron, WallMinute};
pub use definition::diagnostic::{Diagnostic, Related, Severity};
pub use definition::duration::{InvalidDuration, duration_millis};
pub use definition::editor::editor_schema;
pub use definition::schedule::{EventTrigger, Schedule};
pub use definition::schema::{InvalidSchema, Schema};
pub use definition::{Checked, Definition};
pub use digest::{Digest, InvalidDigest, canonical_json};
pub use effect::{
    Approval, Call, CostCause, CostEntry, Decision, Effect, EffectClass, EffectRequest,
    MissingSecret, Outcome, Reviewers, SecretUse, Verdict,
};
pub use executor::{Executor, ExecutorError};
pub use expression::{
    Expression, ExpressionError, ExpressionFailure, InvalidExpression, Mistake, Template, Variables,
};
#[cfg(feature = "runtime")]
pub use functions::Functions;
#[cfg(feature = "http")]
pub use http::{Http, HttpSink};
pub use id::{EffectId, IdempotencyKey, InvalidId, RunId, TaskKey};
pub use lifecycle::lifecycle_event;
pub use problem::{Problem, ProblemKind};
#[cfg(feature = "runtime")]
pub use process::{Ended, Processes, Program, ProgramError, Programs, Unconfined};
pub use record::{
    Actor, Payload, Phase, RECORD_FORMAT, Record, RecordKind, RunKind, RunStart, Sequence,
};
pub use redaction::{Redaction, RedactionReport};
pub use run::{
    ApplyError, Counts, Divergence, Input, Migration, MigrationError, ReplayError, Run,
    SnapshotError,
};
pub use run_tree::{ReplayOutcome, Replayed, RunTree};
pub use secrets::{NamedSecrets, Secret, Secrets};
pub use timestamp::Timestamp;
