//! Routines and the context as an MCP server, for agents of others.
//!
//! It sees the store like any other terminal: it opens it, or asks the process that has it open.
//! So several clients, each with a server process of its own, work on one store. There is no
//! tool that answers a question to a person: whoever calls here is a program.

mod page;
mod tools;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::{RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::error::{CommandError, codes};
use crate::host::Store;
use crate::settings::Settings;

/// What a client is told about this server.
const ABOUT: &str = "Durable routines and a shared memory. Start a routine with routine_run and look \
    at it with run_show; a routine that waits for a person goes on when the person has answered in \
    their own terminal. Facts go in with remember and come back with recall. Long answers come in \
    pages: pass `next` back as `from`.";

/// The server of one client.
#[derive(Debug)]
struct Gateway {
    store: Mutex<Store>,
    settings: Settings,
}

/// Serves one client over the standard streams, until it closes the connection.
///
/// # Errors
///
/// The client does not speak the protocol.
pub(crate) async fn serve(store: Store, settings: &Settings) -> Result<(), CommandError> {
    let gateway = std::sync::Arc::new(Gateway {
        store: Mutex::new(store),
        settings: settings.clone(),
    });
    let ended = match std::sync::Arc::clone(&gateway)
        .serve(rmcp::transport::stdio())
        .await
    {
        Ok(service) => {
            // How the other side ended does not matter: everything it was told is durable.
            drop(service.waiting().await);
            Ok(())
        }
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(CommandError::new(
            codes::MCP_SERVER,
            "the client does not speak the protocol",
        )
        .because(error)),
    };
    if let Some(gateway) = std::sync::Arc::into_inner(gateway) {
        gateway.store.into_inner().close().await;
    }
    ended
}

impl ServerHandler for Gateway {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let us = Implementation::new("layercake", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(us)
            .with_instructions(ABOUT)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let client = context.client_info();
        let call = tools::Call {
            name: request.name.into_owned(),
            arguments: request.arguments.map_or_else(|| json!({}), Value::Object),
            client: client.map_or_else(|| "mcp".to_owned(), |it| format!("mcp:{}", it.name)),
            key: key(request.meta.as_deref().map(|meta| &meta.0)),
        };
        let answer = {
            // Another way to the store, so that calls beside each other do not wait.
            let store = self.store.lock().await.another().await;
            match store {
                Ok(mut store) => call.make(&mut store, &self.settings).await,
                Err(error) => Err(error),
            }
        };
        let result = match answer {
            Ok(value) => CallToolResult::success(vec![ContentBlock::text(value.to_string())]),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error.told())]),
        };
        Ok(result.into())
    }
}

/// Returns the key under which a client wants its call to be applied once.
fn key(meta: Option<&serde_json::Map<String, Value>>) -> Option<String> {
    let key = meta?.get("layercake/idempotencyKey")?.as_str()?;
    Some(key.to_owned())
}
