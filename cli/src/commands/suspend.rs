//! `suspend`: pauses runs.

use serde_json::json;

use super::named;
use crate::args::RunsArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::Request;
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &RunsArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Work).await?;
    let mut suspended = Vec::new();
    for reference in &arguments.runs {
        let run = named::find(&mut store, reference).await?;
        let by = settings.person.clone();
        store.ask(Request::Suspend { run, by }).await?;
        if !screen.json {
            screen.data(&format!("{run} {}", screen.out.status("suspended")));
        }
        suspended.push(run.to_string());
    }
    store.close().await;
    if screen.json {
        screen.document(&json!({"schema": "layercake.suspend/1", "runs": suspended}));
    }
    let next = suspended
        .iter()
        .map(|run| format!("layercake resume {run}"));
    screen.next(&next.collect::<Vec<_>>());
    Ok(Exit::Success)
}
