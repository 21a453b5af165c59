//! One file for each command. A command reads its arguments, calls a layer and hands the result
//! to a painter; it decides nothing.

pub(crate) mod demo;
pub(crate) mod init;

pub(crate) mod agent;
pub(crate) mod fork;
pub(crate) mod resume;
pub(crate) mod run;

pub(crate) mod cancel;
pub(crate) mod inbox;
pub(crate) mod retry;
pub(crate) mod signal;
pub(crate) mod suspend;

pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod cost;
pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod replay;
pub(crate) mod routine;
pub(crate) mod show;
pub(crate) mod tree;

pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod mcp;
pub(crate) mod model;

pub(crate) mod follow;
mod input;
mod named;
