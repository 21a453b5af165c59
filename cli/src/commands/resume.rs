//! `resume`: goes on with interrupted or waiting runs.

use super::{follow, named, run};
use crate::args::ResumeArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::Request;
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command. Several runs go on at the same time; the first bad end decides the exit code.
pub(crate) async fn run(
    arguments: &ResumeArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Work).await?;
    let mut runs = Vec::new();
    for reference in &arguments.runs {
        let run = named::find(&mut store, reference).await?;
        store.ask(Request::Resume { run }).await?;
        runs.push(run);
    }
    let mut exit = Exit::Success;
    let count = runs.len();
    for (position, run) in runs.into_iter().enumerate() {
        run::announce(run, &settings, &store, screen);
        if position + 1 == count {
            let last = follow::follow(store, run, arguments.stay, &settings, screen).await?;
            return Ok(if exit == Exit::Success { last } else { exit });
        }
        let way = store.another().await?;
        let this = follow::watch(way, run, arguments.stay, &settings, screen).await?;
        if exit == Exit::Success {
            exit = this;
        }
    }
    Ok(exit)
}
