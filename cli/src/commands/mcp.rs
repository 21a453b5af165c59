//! `mcp`: routines and the context as an MCP server over the standard streams.

use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::{Purpose, Store};
use crate::mcp;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(settings: Settings) -> CommandResult {
    let store = Store::open(&settings, Purpose::Work).await?;
    mcp::serve(store, &settings).await?;
    Ok(Exit::Success)
}
