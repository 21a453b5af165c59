//! `cancel`: stops runs for good.

use serde_json::json;

use super::named;
use crate::args::CancelArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::Request;
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &CancelArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Work).await?;
    let mut cancelled = Vec::new();
    for reference in &arguments.runs {
        let run = named::find(&mut store, reference).await?;
        let by = settings.person.clone();
        store.ask(Request::Cancel { run, by }).await?;
        if !screen.json {
            screen.data(&format!("{run} {}", screen.out.status("cancelled")));
        }
        cancelled.push(run.to_string());
    }
    store.close().await;
    if screen.json {
        screen.document(&json!({"schema": "layercake.cancel/1", "runs": cancelled}));
    }
    screen.next(&["layercake ls".to_owned()]);
    Ok(Exit::Success)
}
