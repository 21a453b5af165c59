//! One file for each command. A command reads its arguments, calls a layer and hands the result
//! to a painter; it decides nothing.

pub(crate) mod demo;
pub(crate) mod init;

pub(crate) mod agent;
pub(crate) mod resume;
pub(crate) mod run;

pub(crate) mod cancel;
pub(crate) mod inbox;

pub(crate) mod check;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod routine;
pub(crate) mod show;

pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod model;

mod follow;
mod input;
mod named;
