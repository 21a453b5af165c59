//! The control flow of a definition as a graph: for checks and pictures.
//!
//! It is the only place that knows petgraph; nothing of it is in the public API.

mod check;
mod flow;
mod picture;
mod svg;

pub(crate) use check::check;
pub(crate) use picture::{dot, mermaid};
pub(crate) use svg::svg;
