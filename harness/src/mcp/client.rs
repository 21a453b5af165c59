//! This side of a connection: what a server may ask of us, and who answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationCapability, ErrorData, FormElicitationCapability, Implementation,
    ProgressNotificationParam, ProtocolVersion, TASKS_EXTENSION_ID, UrlElicitationCapability,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ClientHandler, RoleClient};

use super::people::{Elicited, People};
use super::settings::McpEra;

/// Answers a server. Sampling and roots are never offered, so a server that asks for them is
/// refused by the protocol.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) server: String,
    pub(super) era: McpEra,
    pub(super) under_way: Arc<UnderWay>,
}

/// The calls that are made at this moment: a server of the older era that asks a person does
/// not say for which call.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// Entered and left by calls, read when a server asks.
    calls: Mutex<BTreeMap<u64, Arc<People>>>,
}

/// A call while it is made.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    under_way: &'a UnderWay,
    number: u64,
}

impl UnderWay {
    /// Notes a call until the returned value is dropped.
    pub(super) fn enter(&self, people: Arc<People>) -> Entered<'_> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let number = calls.last_key_value().map_or(0, |(number, _)| number + 1);
        calls.insert(number, people);
        Entered {
            under_way: self,
            number,
        }
    }

    /// Returns the newest call.
    fn newest(&self) -> Option<Arc<People>> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.last_key_value().map(|(_, people)| Arc::clone(people))
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let calls = &self.under_way.calls;
        calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
    }
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(
            ElicitationCapability::new()
                .with_form(FormElicitationCapability::new().with_schema_validation(true))
                .with_url(UrlElicitationCapability::new()),
        );
        if self.era != McpEra::Legacy {
            capabilities.extensions = Some(BTreeMap::from([(
                TASKS_EXTENSION_ID.to_owned(),
                serde_json::Map::new(),
            )]));
        }
        let us = Implementation::new("layercake", env!("CARGO_PKG_VERSION"));
        let config = ClientConfig::new(capabilities, us);
        match self.era {
            McpEra::Legacy => config.with_protocol_version(ProtocolVersion::V_2025_11_25),
            McpEra::Auto | McpEra::Modern => config,
        }
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let Some(people) = self.under_way.newest() else {
            tracing::warn!(server = %self.server, "a server asks a person outside of any call");
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        // The server waits with its answer to the call, so the call cannot be put aside here.
        tokio::select! {
            elicited = people.elicit(&request, super::people::Wait::Here) => match elicited {
                Elicited::Decided(result) => Ok(result),
                Elicited::Open(_) => Ok(ElicitResult::new(ElicitationAction::Cancel)),
            },
            () = context.ct.cancelled() => Ok(ElicitResult::new(ElicitationAction::Cancel)),
        }
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        tracing::debug!(
            server = %self.server,
            progress = progress.progress,
            total = progress.total,
            message = progress.message.as_deref().unwrap_or_default(),
            "an MCP server makes progress"
        );
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        tracing::info!(
            server = %self.server,
            "the tools of an MCP server changed; sessions that began before keep theirs"
        );
    }
}
