//! When nothing but a person can move a run: the run itself waits for one, or everything that
//! it waits for does.

use std::pin::Pin;

use layercake_engine::journal::{Journal, JournalError, Parent, RunRow, Scan};
use layercake_engine::runtime::{Engine, EngineError, Feed, Progress, Until};
use layercake_engine::{Phase, RunId, RunKind};

/// The most runs below one run that are looked at.
const CHILDREN_MAX: usize = 10_000;

/// Says whether nothing but somebody outside can move a run.
///
/// A routine performs one task at a time, so a run below that has not ended is what it waits for.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn is_settled(journal: &dyn Journal, row: &RunRow) -> Result<bool, JournalError> {
    // A step of a routine ends by itself when its agent is put aside.
    let is_step = row.kind == RunKind::Agent && row.parent.is_some();
    if Until::Settled.holds(row) && !(is_step && row.phase == Phase::Suspended) {
        return Ok(true);
    }
    let children = open_children(journal, row.run)?;
    for child in &children {
        if !is_settled(journal, child)? {
            return Ok(false);
        }
    }
    Ok(!children.is_empty())
}

/// Returns the runs that a run asked for and that have not ended.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn open_children(
    journal: &dyn Journal,
    run: RunId,
) -> Result<Vec<RunRow>, JournalError> {
    let scan = Scan {
        parent: Parent::Run(run),
        ..Scan::newest(CHILDREN_MAX)
    };
    let mut rows = journal.scan(&scan)?;
    rows.retain(|row| !row.phase.is_final());
    Ok(rows)
}

/// Progress of an engine while one run is watched; ends when the engine fails.
pub(crate) struct Watch<'a> {
    feed: Feed,
    failure: Pin<Box<dyn Future<Output = EngineError> + Send + 'a>>,
}

impl<'a> Watch<'a> {
    /// Begins to watch; nothing that happens from now on is missed.
    pub(crate) fn new(engine: &'a Engine, run: RunId) -> Self {
        // The feed of an engine that has failed is silent; who waits for a run is told.
        let failure = async move {
            match engine.wait(run, Until::Ended).await {
                Err(error) => error,
                Ok(_) => std::future::pending().await,
            }
        };
        Self {
            feed: engine.subscribe(),
            failure: Box::pin(failure),
        }
    }

    /// Waits for the next step of any run.
    ///
    /// # Errors
    ///
    /// The engine has failed or stopped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Progress, EngineError> {
        tokio::select! {
            step = self.feed.next() => step.ok_or(EngineError::Stopped),
            error = &mut self.failure => Err(error),
        }
    }
}

/// Waits until a run can be moved by nobody but a person, or has ended, and returns its row.
///
/// # Errors
///
/// There is no such run, or the engine has stopped.
///
/// # Cancel safety
///
/// Cancel safe: waiting changes nothing.
pub(crate) async fn wait(engine: &Engine, run: RunId) -> Result<RunRow, EngineError> {
    let mut watch = Watch::new(engine, run);
    loop {
        let row = engine.row(run)?;
        if is_settled(&**engine.journal(), &row)? {
            return Ok(row);
        }
        watch.next().await?;
    }
}

/// Waits until one of the open runs below a run has ended; at once when there is none.
///
/// # Errors
///
/// The journal cannot be read, or the engine has stopped.
///
/// # Cancel safety
///
/// Cancel safe: waiting changes nothing.
pub(crate) async fn wait_for_children(engine: &Engine, run: RunId) -> Result<(), EngineError> {
    let mut watch = Watch::new(engine, run);
    let before = open_children(&**engine.journal(), run)?.len();
    while before > 0 && open_children(&**engine.journal(), run)?.len() >= before {
        watch.next().await?;
    }
    Ok(())
}
