//! A deterministic, durable workflow engine for routines.

mod catalog;
mod definition;
mod digest;
mod effect;
mod executor;
mod expression;
#[cfg(feature = "runtime")]
mod functions;
#[cfg(feature = "http")]
mod http;
mod graph;
mod id;
pub mod journal;
mod problem;
mod record;
mod run;
#[cfg(feature = "runtime")]
pub mod runtime;
mod timestamp;

pub use catalog::{Catalog, FunctionSpec};
pub use definition::codes::{Code, codes};
pub use definition::diagnostic::{Diagnostic, Related, Severity};
pub use definition::duration::{InvalidDuration, duration_millis};
pub use definition::schema::{InvalidSchema, Schema};
pub use definition::{Checked, Definition};
pub use digest::{Digest, InvalidDigest, canonical_json};
pub use effect::{
    Approval, Call, CostCause, CostEntry, Decision, Effect, EffectClass, EffectRequest, Outcome,
    Verdict,
};
pub use executor::{Executor, ExecutorError};
pub use expression::{
    Expression, ExpressionError, ExpressionFailure, InvalidExpression, Mistake, Template, Variables,
};
#[cfg(feature = "runtime")]
pub use functions::Functions;
#[cfg(feature = "http")]
pub use http::Http;
pub use id::{EffectId, IdempotencyKey, InvalidId, RunId, TaskKey};
pub use problem::{Problem, ProblemKind};
pub use record::{
    Actor, Payload, Phase, RECORD_FORMAT, Record, RecordKind, RunKind, RunStart, Sequence,
};
pub use run::{ApplyError, Counts, Divergence, Input, ReplayError, Run, SnapshotError};
pub use timestamp::Timestamp;
