//! What the program says: one view model per screen, painted as words or as JSON.

pub(crate) mod calls;
pub(crate) mod check;
pub(crate) mod cost;
pub(crate) mod diff;
pub(crate) mod diff_page;
pub(crate) mod inbox;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod screen;
pub(crate) mod state;
pub(crate) mod tree;
