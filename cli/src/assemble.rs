//! The one place that names all four layers: journal, context, models and agents become one
//! running engine.

use std::path::Path;
use std::sync::Arc;

use layercake_engine::Catalog;
use layercake_engine::journal::{Journal, RedbJournal};
use layercake_engine::runtime::{Engine, EngineOptions};

use crate::agents::Agents;
use crate::error::{CommandError, codes};
use crate::executor::{CatalogExecutor, Facts};
use crate::models::Models;
use crate::servers::Servers;
use crate::settings::Settings;
use crate::skills::Shelf;

/// The name of the journal's file in the store.
pub(crate) const JOURNAL_FILE: &str = "journal.redb";

/// The layers, put together over one store.
#[derive(Debug)]
pub(crate) struct Assembly {
    /// Runs routines.
    pub(crate) engine: Engine,
    /// Drives agents.
    pub(crate) agents: Arc<Agents>,
    /// Where skills are found and kept.
    pub(crate) shelf: Shelf,
    /// The shared context.
    pub(crate) facts: Facts,
}

/// Opens the journal of a store; makes the store when there is none.
///
/// # Errors
///
/// Another process has it, it cannot be read, or a newer version wrote it.
pub(crate) fn open_journal(store: &Path) -> Result<Arc<dyn Journal>, OpenError> {
    std::fs::create_dir_all(store).map_err(|error| {
        let happened = format!("the store {} cannot be made", store.display());
        OpenError::Failed(Box::new(
            CommandError::new(codes::STORE_UNREADABLE, happened)
                .because(error)
                .next("name another store: --store DIR"),
        ))
    })?;
    match RedbJournal::open(&store.join(JOURNAL_FILE)) {
        Ok(journal) => Ok(Arc::new(journal)),
        Err(layercake_engine::journal::JournalError::InUse) => Err(OpenError::InUse),
        Err(error) => Err(OpenError::Failed(Box::new(
            crate::store_error::store_error(error),
        ))),
    }
}

/// Why a journal was not opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Another process has it open.
    InUse,
    /// Anything else.
    Failed(Box<CommandError>),
}

/// Puts the layers together, which takes up every unfinished routine in the journal.
///
/// # Errors
///
/// A layer cannot be opened. Nothing was started then.
pub(crate) fn assemble(
    settings: &Settings,
    models: Models,
    journal: Arc<dyn Journal>,
) -> Result<Assembly, CommandError> {
    let models = Arc::new(models);
    let facts = Facts::open(&settings.store)?;
    let shelf = Shelf::new(&settings.store, settings.skills.clone());
    let servers = Servers::open(settings)?;
    let project = settings.project.clone();
    let executor = CatalogExecutor::new(project, Arc::clone(&models), facts.clone());
    let executor = Arc::new(executor);
    let performing = Arc::clone(&executor);
    let options = EngineOptions::standard();
    let engine = Engine::open(journal, performing, Catalog::standard(), options)?;
    let agents = Arc::new(Agents::new(engine.clone(), models, shelf.clone(), servers));
    executor.open(engine.clone(), Arc::clone(&agents));
    Ok(Assembly {
        engine,
        agents,
        shelf,
        facts,
    })
}
