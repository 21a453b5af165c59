//! A configured server: what it has, and tools made of that.

use std::fmt;
use std::sync::Arc;

use super::error::McpError;
use super::link::Link;
use super::login::Consent;
use super::offer::{McpOffer, offer};
use super::settings::McpSettings;
use super::tool::McpTool;
use crate::approval::Approver;

/// A configured server; clones share the connection.
#[derive(Clone)]
pub struct McpServer {
    link: Arc<Link>,
}

impl McpServer {
    /// Makes a server of its settings. Nothing is started or sent before it is needed.
    pub fn new(settings: McpSettings, consent: Arc<dyn Consent>) -> Self {
        Self {
            link: Arc::new(Link::new(settings, consent)),
        }
    }

    /// Returns the server's name.
    pub fn name(&self) -> &str {
        &self.link.settings.name
    }

    /// Asks the server what it has.
    ///
    /// # Errors
    ///
    /// Returns [`McpError`] when it cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have started the server; the next one starts it again.
    pub async fn offer(&self) -> Result<McpOffer, McpError> {
        let connected = self.link.connected().await?;
        let revision = connected.peer.peer_info();
        let revision = revision.map(|it| it.protocol_version.to_string());
        Ok(offer(
            &self.link.settings,
            revision.unwrap_or_default(),
            connected.tools.to_vec(),
        ))
    }

    /// Makes the tools of an offer for an agent. What the server asks a person in the middle of
    /// a call is put to the approver. The server need not be there: it is reached when the
    /// first tool is called.
    pub fn tools(
        &self,
        offer: &McpOffer,
        agent: &str,
        approver: &Arc<dyn Approver>,
    ) -> Vec<McpTool> {
        let tools = offer.tools.iter();
        tools
            .map(|tool| McpTool::new(&self.link, tool, agent, approver))
            .collect()
    }

    /// Returns the process id of the supervisor of a server that is a program and runs; it
    /// leads the process group of everything below.
    pub async fn process_id(&self) -> Option<u32> {
        self.link.process_id().await
    }

    /// Ends the connection; a program ends with it. The next call makes another.
    pub async fn close(&self) {
        self.link.close().await;
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
