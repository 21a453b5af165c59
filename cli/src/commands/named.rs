//! Runs as people name them, looked up in the store.

use layercake_engine::RunId;

use crate::error::{CommandError, codes};
use crate::host::Store;
use crate::host::protocol::{Answer, Request};
use crate::run_ref;

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

/// Returns the error for an answer of the wrong kind, which only a bug can give.
pub(super) fn unexpected() -> CommandError {
    CommandError::new(codes::INTERNAL, "the store gave an answer of another kind")
}
