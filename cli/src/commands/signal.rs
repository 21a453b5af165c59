//! `signal`: sends an event to a run that listens.

use std::path::Path;

use serde_json::json;

use super::{input, named};
use crate::args::SignalArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Request, Signalling};
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &SignalArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let data = input::read(arguments.data.as_deref(), cwd)?;
    let mut store = Store::open(&settings, Purpose::Work).await?;
    let run = named::find(&mut store, &arguments.run).await?;
    let signalling = Signalling {
        run,
        signal: arguments.signal.clone(),
        data,
        id: arguments.key.clone(),
        by: settings.person.clone(),
    };
    store.ask(Request::Signal(signalling)).await?;
    store.close().await;
    if screen.json {
        let run = run.to_string();
        screen.document(
            &json!({"schema": "layercake.signal/1", "run": run, "type": arguments.signal}),
        );
    } else {
        screen.data(&format!("{run} was sent {}", arguments.signal));
    }
    screen.next(&[
        format!("layercake resume {run}"),
        format!("layercake log {run}"),
    ]);
    Ok(Exit::Success)
}
