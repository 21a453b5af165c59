//! `retry`: tries runs again. A run in trouble is looked at again; the work of a run that has
//! ended is done by a new run of the same definition with the same input.

use layercake_engine::RunId;

use super::named::{self, unexpected};
use super::{follow, run};
use crate::args::{RunsArguments, StayArguments};
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command. The runs go on at the same time; the first bad end decides the exit code.
pub(crate) async fn run(
    arguments: &RunsArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Work).await?;
    let mut tried: Vec<RunId> = Vec::new();
    for reference in &arguments.runs {
        let request = Request::Retry {
            run: named::find(&mut store, reference).await?,
            fresh: run::fresh_id()?,
            by: settings.person.clone(),
        };
        let Answer::Started(run) = store.ask(request).await? else {
            return Err(unexpected());
        };
        tried.push(run);
    }
    let stay = StayArguments::default();
    let mut exit = Exit::Success;
    for run in tried {
        run::announce(run, &settings, &store, screen);
        let way = store.another().await?;
        let this = follow::watch(way, run, stay, &settings, screen).await?;
        if exit == Exit::Success {
            exit = this;
        }
    }
    store.close().await;
    Ok(exit)
}
