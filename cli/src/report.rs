//! What the program says: one view model per screen, painted as words or as JSON.

pub(crate) mod check;
pub(crate) mod inbox;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod screen;
