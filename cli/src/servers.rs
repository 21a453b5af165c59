//! The MCP servers of the settings: connected when an agent needs them, shared by all agents.

mod consent;

use std::collections::BTreeMap;
use std::sync::Arc;

use layercake_harness::approval::Approver;
use layercake_harness::mcp::{McpError, McpOffer, McpServer, McpTool};

use crate::error::{CommandError, codes};
use crate::settings::Settings;
use consent::TerminalConsent;

/// The configured servers, by name.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    servers: BTreeMap<String, McpServer>,
}

impl Servers {
    /// Makes the servers of the settings; nothing is started.
    ///
    /// # Errors
    ///
    /// A section cannot be used.
    pub(crate) fn open(settings: &Settings) -> Result<Self, CommandError> {
        let mut servers = BTreeMap::new();
        for (name, setting) in &settings.servers {
            let of_harness = setting.settings(name, &settings.store)?;
            let server = McpServer::new(of_harness, Arc::new(TerminalConsent::default()));
            servers.insert(name.clone(), server);
        }
        Ok(Self { servers })
    }

    /// Asks all servers what they have.
    ///
    /// # Errors
    ///
    /// A server cannot be reached.
    pub(crate) async fn offers(&self) -> Result<Vec<McpOffer>, CommandError> {
        let mut offers = Vec::new();
        for server in self.servers.values() {
            let offer = server.offer().await.map_err(|error| unreachable(&error))?;
            for left_out in &offer.left_out {
                tracing::warn!(server = server.name(), %left_out, "a tool cannot be used");
            }
            offers.push(offer);
        }
        Ok(offers)
    }

    /// Makes the tools of an offer for an agent; none when its server is no longer configured.
    pub(crate) fn tools(
        &self,
        offer: &McpOffer,
        agent: &str,
        approver: &Arc<dyn Approver>,
    ) -> Vec<McpTool> {
        let server = self.servers.get(&offer.server);
        server.map_or_else(Vec::new, |server| server.tools(offer, agent, approver))
    }

    /// Ends all connections, and with them the programs.
    pub(crate) async fn close(&self) {
        for server in self.servers.values() {
            server.close().await;
        }
    }
}

fn unreachable(error: &McpError) -> CommandError {
    let translated = CommandError::new(codes::MCP_SERVER, error.to_string())
        .next("mend [mcp.servers] in layercake.toml, or take the server out");
    match std::error::Error::source(error) {
        Some(source) => translated.caused_by(source),
        None => translated,
    }
}
