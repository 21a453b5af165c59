//! `ls`: the runs, the newest first.

use super::named::unexpected;
use crate::args::ListArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::list::paint;
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &ListArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Look).await?;
    let request = Request::Runs {
        status: arguments.status.clone(),
        all: arguments.all,
        limit: arguments.limit,
    };
    let Answer::Runs(list) = store.ask(request).await? else {
        return Err(unexpected());
    };
    if screen.json {
        screen.document(&list);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&list, screen.out));
    if list.runs.iter().any(|run| run.status == "waiting") {
        screen.next(&["layercake inbox".to_owned()]);
    }
    Ok(Exit::Success)
}
