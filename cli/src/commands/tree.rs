//! `tree`: a run as a tree of runs, tasks, turns and tools.

use super::named::{self, find, unexpected};
use crate::args::RunReference;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::report::tree::{paint, tree};
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &RunReference,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Look).await?;
    let run = find(&mut store, &arguments.run).await?;
    let runs = named::tree(&mut store, run).await?;
    let view = tree(&runs).ok_or_else(unexpected)?;
    if screen.json {
        screen.document(&view);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&view, screen.out));
    screen.next(&[format!("layercake show {run}:TASK")]);
    Ok(Exit::Success)
}
