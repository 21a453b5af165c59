//! Runs as people name them, looked up in the store.

use layercake_engine::{RunId, RunTree};

use super::bundle;
use crate::error::{CommandError, codes};
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::run_ref;
use crate::settings::Settings;

/// The most runs among which a reference is looked for.
const RUNS_MAX: usize = 100_000;

/// Finds the run that a reference names.
///
/// # Errors
///
/// No run, or several, are named like this.
pub(super) async fn find(store: &mut Store, reference: &str) -> Result<RunId, CommandError> {
    if let Ok(run) = reference.parse() {
        return Ok(run);
    }
    let request = Request::Runs {
        status: None,
        all: true,
        limit: RUNS_MAX,
    };
    let Answer::Runs(list) = store.ask(request).await? else {
        return Err(unexpected());
    };
    let found = run_ref::resolve(reference, &list.runs)?;
    found.run.parse().map_err(|_| unexpected())
}

/// Reads a run with everything below it.
///
/// # Errors
///
/// There is no such run, or the store cannot be read.
pub(super) async fn tree(store: &mut Store, run: RunId) -> Result<RunTree, CommandError> {
    match store.ask(Request::Tree { run }).await? {
        Answer::Tree(tree) => Ok(*tree),
        _ => Err(unexpected()),
    }
}

/// Reads the run that a reference or the name of a bundle names, with everything below it.
///
/// # Errors
///
/// There is no such run, or the store cannot be read.
pub(super) async fn tree_of(
    settings: &Settings,
    reference: &str,
    cwd: &std::path::Path,
) -> Result<RunTree, CommandError> {
    let path = cwd.join(reference);
    if path.extension().is_some_and(|end| end == bundle::EXTENSION) {
        return bundle::read(&path).map(|(_, tree)| tree);
    }
    settings.require_store()?;
    let mut store = Store::open(settings, Purpose::Look).await?;
    let run = find(&mut store, reference).await?;
    tree(&mut store, run).await
}

/// Returns the error for an answer of the wrong kind, which only a bug can give.
pub(super) fn unexpected() -> CommandError {
    CommandError::new(codes::INTERNAL, "the store gave an answer of another kind")
}
