//! The `layercake` command: it wires the four layers together, translates between them, and
//! shows what they did. It decides nothing.
//!
//! The program is [`main`]; everything else is private, because what others build on is the
//! command line, its exit codes and its JSON documents.
//!
//! ```no_run
//! # #[allow(clippy::needless_doctest_main)]
//! fn main() -> std::process::ExitCode {
//!     layercake::main()
//! }
//! ```

mod program;

mod args;
mod settings;

mod commands;
mod demo;

mod assemble;
mod host;

mod acp;
mod agents;
mod budgets;
mod bundle;
mod definitions;
mod executor;
mod mcp;
mod models;
mod routines;
mod servers;
mod session;
mod settled;
mod skills;

mod error;
mod exit;
mod report;
mod run_ref;
mod store_error;

pub use program::main;

/// Compiles the examples of the front page.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
