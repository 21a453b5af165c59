//! The log of one agent across its context windows: events, records, and where they are kept.

mod contract;
mod event;
mod folder;
mod fork;
mod memory;
mod record;
mod store;
mod tool_event;
mod upcast;

pub use contract::{ContractError, check_session_store};
pub use event::{
    BelowSettled, CallPurpose, Charge, Compaction, CostCause, ModelOutcome, ModelRequested,
    ModelSettled, Notice, NoticeCause, Resumption, SessionEvent, Settlement, Started, Steering,
    StopCause, Suspension, SuspensionCause,
};
pub use folder::FolderSessions;
pub use fork::Fork;
pub(crate) use fork::history;
pub use memory::MemorySessions;
pub(crate) use record::verify_chain;
pub use record::{RecordError, SESSION_FORMAT, SessionRecord};
pub use store::{SessionStore, StoreError};
pub use tool_event::{
    ApprovalAsked, ApprovalDecided, Grant, RefusalCause, ToolIntended, ToolRefused, ToolSettled,
    ToolStarted, ToolUnknown, Verdict,
};

pub use crate::state::{FoldError, SessionState};
