//! The runtime that keeps an agent alive: turns, tools, sessions, budgets, approvals and
//! truthful recovery.
//!
//! An [`Agent`] drives sessions. Each is an append-only log; what happens next is a pure
//! function of what the log says, so that any process can go on where another one died.
//!
//! ```
//! use std::sync::Arc;
//!
//! use layercake_harness::approval::StandingDecision;
//! use layercake_harness::session::MemorySessions;
//! use layercake_harness::tool::{List, Read};
//! use layercake_harness::{
//!     Agent, AgentSpec, HarnessError, NoSink, Report, SessionId, SystemClock, Toolbox, Workspace,
//! };
//! use layercake_model::Model;
//!
//! async fn ask(model: Arc<dyn Model>, workspace: Workspace) -> Result<Report, HarnessError> {
//!     let toolbox = Toolbox::new()
//!         .with(Read::new(workspace.clone()))?
//!         .with(List::new(workspace))?;
//!     let agent = Agent::new(
//!         model,
//!         toolbox,
//!         Arc::new(MemorySessions::new()),
//!         Arc::new(StandingDecision::reject("nobody", "nobody is there to ask")),
//!         Arc::new(NoSink),
//!         Arc::new(SystemClock),
//!     );
//!     let session = SessionId::new("first").expect("a short printable text");
//!     agent.run(&session, &AgentSpec::new("reader", "What is in this folder?")).await
//! }
//! ```

mod agent;
pub mod approval;
pub mod autonomy;
pub mod budget;
pub mod clock;
mod compaction;
pub mod contract;
pub mod digest;
mod effect;
mod error;
pub mod guidance;
pub mod id;
pub mod image;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod memory;
mod output;
pub mod profile;
mod prompt;
mod report;
pub mod rewind;
pub mod rule;
pub mod sandbox;
pub mod seen;
pub mod session;
pub mod sink;
pub mod skill;
pub mod spec;
mod state;
mod step;
pub mod tool;
mod toolbox;
mod window;
pub mod workspace;

pub use agent::Agent;
pub use autonomy::Autonomy;
pub use budget::Budget;
pub use clock::{SystemClock, Timestamp};
pub use digest::Digest;
pub use effect::{EffectClass, Reach};
pub use error::{HarnessError, Remedy};
pub use id::{CallId, Fence, SessionId};
pub use report::{AgentOutcome, Report, Stop};
pub use sink::NoSink;
pub use spec::{AgentSpec, Material, ToolSelection};
pub use toolbox::{Toolbox, ToolboxError};
pub use workspace::Workspace;

pub(crate) use budget::BudgetKind;
pub(crate) use id::ApprovalId;
