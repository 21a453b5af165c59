//! Definitions through the public API: what is accepted, and what is said about mistakes.

mod editor;
mod fuzz;
mod mistakes;
mod mutations;
mod samples;

use layercake_engine::{Catalog, Definition, Diagnostic};

/// Wraps tasks (indented by two) into a document.
fn document(tasks: &str) -> String {
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: test\n  name: sample\n  version: '0.1.0'\ndo:\n{tasks}"
    )
}

/// Returns all remarks about a definition.
fn remarks(source: &str) -> Vec<Diagnostic> {
    match Definition::read(source, &Catalog::standard()) {
        Ok(checked) => checked.warnings,
        Err(diagnostics) => diagnostics,
    }
}
