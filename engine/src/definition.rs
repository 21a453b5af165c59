//! Definitions of routines: text in, checked tree or diagnostics out.

pub(crate) mod span;
pub(crate) mod tree;
