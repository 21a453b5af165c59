//! Layers: wrappers that implement [`Model`](crate::Model) around another model.
//!
//! Each adds one thing. The order is the caller's, and it matters: what is outside sees every
//! attempt of what is inside as one call. From outside in, the usual order is
//! `Cached`, `Budgeted`, `Fallback`, `Retrying`, `RateLimited`, `Limited`, backend.

mod budgeted;
mod cached;
mod chaotic;
mod dice;
mod fallback;
mod limited;
mod rate_limited;
mod recorded;
mod redacted;
mod replaying;
mod retrying;
mod routed;
mod watch;

pub use budgeted::{BudgetLimits, Budgeted, ModelBudget, Spent};
pub use cached::Cached;
pub use chaotic::{Chaos, Chaotic};
pub use fallback::Fallback;
pub use limited::Limited;
pub use rate_limited::{RateLimited, RateLimits};
pub use recorded::Recorded;
pub use redacted::{Redacted, Redaction};
pub use replaying::{CassetteMatch, Replaying};
pub use retrying::{BrokenStream, RetryPolicy, Retrying};
pub use routed::{RouteRule, Routed};

#[cfg(test)]
mod tests;
