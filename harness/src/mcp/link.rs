//! The connection to one server: made when it is first needed, and again when it broke.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{PaginatedRequestParams, ProtocolVersion, Tool};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::auth::AuthorizationManager;
use rmcp::transport::streamable_http_client::{AuthRequiredError, InsufficientScopeError};
use rmcp::{ClientLifecycleMode, ClientServiceExt, Peer, RoleClient};
use tokio::sync::Mutex;

use super::client::{Client, UnderWay};
use super::error::McpError;
use super::http;
use super::login::{Consent, Tokens, log_in, resume};
use super::process::{self, Process};
use super::settings::{McpAddress, McpEra, McpProgram, McpSettings, McpWeb};

/// Times that a connection is tried before a call fails.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// Logins for one server and process; one that always wants another is not humoured.
const LOGINS_MAX: u32 = 3;
/// Pages of a tool list that are read.
const PAGES_MAX: usize = 32;

/// The connection to one server.
pub(super) struct Link {
    pub(super) settings: McpSettings,
    pub(super) under_way: Arc<UnderWay>,
    consent: Arc<dyn Consent>,
    tokens: Tokens,
    /// Held while a connection is made, so that calls beside each other share one.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    /// Counts connections, so that a call knows whether somebody logged in meanwhile.
    generation: u64,
    logins: u32,
    /// The result of a login, for the next connection.
    manager: Option<AuthorizationManager>,
}

struct Live {
    service: RunningService<RoleClient, Client>,
    process: Option<Process>,
    tools: Arc<Vec<Tool>>,
}

/// A connection as a call uses it.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) peer: Peer<RoleClient>,
    pub(super) tools: Arc<Vec<Tool>>,
    pub(super) generation: u64,
}

/// Why a step of connecting failed.
enum Broken {
    /// The server wants a login; its challenge.
    Challenge(String),
    /// Anything else.
    Failed(McpError),
}

impl Link {
    pub(super) fn new(settings: McpSettings, consent: Arc<dyn Consent>) -> Self {
        let tokens = match &settings.address {
            McpAddress::Web(web) => web.login.tokens.as_deref(),
            McpAddress::Program(_) => None,
        };
        Self {
            tokens: Tokens::at(tokens),
            settings,
            under_way: Arc::default(),
            consent,
            state: Mutex::default(),
        }
    }

    /// Returns the connection, and makes one when there is none.
    ///
    /// # Errors
    ///
    /// Returns [`McpError`] when the server cannot be reached in several tries.
    pub(super) async fn connected(&self) -> Result<Connected, McpError> {
        // Whoever waits for this lock waits for the connection that is being made.
        let mut state = self.state.lock().await;
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            if let Some(connected) = state.connected() {
                return Ok(connected);
            }
            state.live = None;
            match self.connect(&mut state).await {
                Ok(live) => {
                    state.live = Some(live);
                    state.generation += 1;
                }
                Err(error @ McpError::Unreachable { .. }) if tries < TRIES => {
                    tracing::info!(%error, tries, "an MCP server is tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Logs in because a call of a connection was answered with a challenge.
    ///
    /// # Errors
    ///
    /// Returns [`McpError::LoginNeeded`] when that cannot be done, or was done too often.
    pub(super) async fn challenged(
        &self,
        generation: u64,
        challenge: &str,
    ) -> Result<(), McpError> {
        let mut state = self.state.lock().await;
        if state.generation != generation {
            return Ok(());
        }
        let McpAddress::Web(web) = &self.settings.address else {
            return Err(self.login_needed("programs are not logged in to"));
        };
        self.log_in(&mut state, web, challenge).await?;
        state.live = None;
        Ok(())
    }

    /// Ends the connection; a program ends with it.
    pub(super) async fn close(&self) {
        let live = self.state.lock().await.live.take();
        if let Some(live) = live {
            // How the other side ended no longer matters.
            drop(live.service.cancel().await);
        }
    }

    /// Returns the process id of the supervisor of a server that is a program.
    pub(super) async fn process_id(&self) -> Option<u32> {
        let state = self.state.lock().await;
        state.live.as_ref()?.process.as_ref()?.id()
    }

    async fn connect(&self, state: &mut State) -> Result<Live, McpError> {
        match &self.settings.address {
            McpAddress::Program(program) => self.start(program).await,
            McpAddress::Web(web) => {
                http::prepare();
                loop {
                    match self.reach(state, web).await {
                        Ok(live) => return Ok(live),
                        Err(Broken::Failed(error)) => return Err(error),
                        Err(Broken::Challenge(challenge)) => {
                            self.log_in(state, web, &challenge).await?;
                        }
                    }
                }
            }
        }
    }

    async fn start(&self, program: &McpProgram) -> Result<Live, McpError> {
        let server = &self.settings.name;
        if program.command.is_empty() {
            return Err(McpError::Settings {
                server: server.clone(),
                message: "its command is empty".to_owned(),
            });
        }
        let (process, stdout, stdin) =
            process::start(server, program).map_err(|source| McpError::Start {
                server: server.clone(),
                source,
            })?;
        let serving = self
            .client()
            .serve_with_lifecycle((stdout, stdin), self.lifecycle());
        let made = async {
            let service = self
                .in_time(serving)
                .await?
                .map_err(|it| self.broken(&it))?;
            self.listed(service, None).await
        };
        match made.await {
            Ok(live) => Ok(Live {
                process: Some(process),
                ..live
            }),
            Err(Broken::Failed(error)) => Err(self.with_last_words(error, &process)),
            Err(Broken::Challenge(_)) => Err(self.login_needed("programs are not logged in to")),
        }
    }

    async fn reach(&self, state: &mut State, web: &McpWeb) -> Result<Live, Broken> {
        let manager = match state.manager.take() {
            Some(manager) => manager,
            None => resume(web, &self.tokens)
                .await
                .map_err(|error| Broken::Failed(self.unreachable(error)))?,
        };
        let transport =
            http::transport(&self.settings.name, web, manager).map_err(Broken::Failed)?;
        let serving = self
            .client()
            .serve_with_lifecycle(transport, self.lifecycle());
        let service = self
            .in_time(serving)
            .await?
            .map_err(|it| self.broken(&it))?;
        self.listed(service, None).await
    }

    /// Reads the list of tools: of every connection, because the transport learns from it which
    /// arguments travel in headers.
    async fn listed(
        &self,
        service: RunningService<RoleClient, Client>,
        process: Option<Process>,
    ) -> Result<Live, Broken> {
        let tools = self.in_time(list(service.peer())).await?;
        let tools = tools.map_err(|error| match challenge(&error) {
            Some(challenge) => Broken::Challenge(challenge),
            None => Broken::Failed(self.unreachable(error)),
        })?;
        Ok(Live {
            service,
            process,
            tools: Arc::new(tools),
        })
    }

    async fn log_in(
        &self,
        state: &mut State,
        web: &McpWeb,
        challenge: &str,
    ) -> Result<(), McpError> {
        if state.logins == LOGINS_MAX {
            return Err(self.login_needed("it asked for too many logins"));
        }
        state.logins += 1;
        let server = &self.settings.name;
        let manager = log_in(server, web, &self.tokens, &self.consent, challenge).await?;
        state.manager = Some(manager);
        Ok(())
    }

    fn client(&self) -> Client {
        Client {
            server: self.settings.name.clone(),
            era: self.settings.era,
            under_way: Arc::clone(&self.under_way),
        }
    }

    fn lifecycle(&self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self.settings.era {
            McpEra::Auto => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: Some(ProtocolVersion::V_2025_11_25),
            },
            McpEra::Modern => ClientLifecycleMode::Discover { preferred_versions },
            McpEra::Legacy => ClientLifecycleMode::Initialize,
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Broken> {
        let limit = Duration::from_millis(self.settings.start_ms_max);
        tokio::time::timeout(limit, work).await.map_err(|_| {
            let message = format!("no answer in {} ms", self.settings.start_ms_max);
            Broken::Failed(self.unreachable(message))
        })
    }

    fn broken(&self, error: &ClientInitializeError) -> Broken {
        match error.auth_challenge() {
            Some(challenge) => Broken::Challenge(challenge.to_owned()),
            None => Broken::Failed(self.unreachable(error)),
        }
    }

    fn unreachable(&self, message: impl ToString) -> McpError {
        McpError::Unreachable {
            server: self.settings.name.clone(),
            message: message.to_string(),
        }
    }

    fn login_needed(&self, message: &str) -> McpError {
        McpError::LoginNeeded {
            server: self.settings.name.clone(),
            message: message.to_owned(),
        }
    }

    fn with_last_words(&self, error: McpError, process: &Process) -> McpError {
        match (error, process.last_words()) {
            (McpError::Unreachable { message, .. }, said) if !said.is_empty() => {
                self.unreachable(format!("{message}; it said: {said}"))
            }
            (error, _) => error,
        }
    }
}

impl State {
    fn connected(&self) -> Option<Connected> {
        let live = self.live.as_ref()?;
        if live.service.is_transport_closed() {
            return None;
        }
        Some(Connected {
            peer: live.service.peer().clone(),
            tools: Arc::clone(&live.tools),
            generation: self.generation,
        })
    }
}

async fn list(peer: &Peer<RoleClient>) -> Result<Vec<Tool>, ServiceError> {
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let result = match peer.list_tools(Some(page)).await {
            Ok(result) => result,
            // A server without tools need not know the question.
            Err(ServiceError::McpError(error))
                if error.code == rmcp::model::ErrorCode::METHOD_NOT_FOUND =>
            {
                break;
            }
            Err(error) => return Err(error),
        };
        tools.extend(result.tools);
        cursor = result.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(tools)
}

/// Returns the challenge of a call that a server on the web answered with one.
pub(super) fn challenge(error: &ServiceError) -> Option<String> {
    let ServiceError::TransportSend(error) = error else {
        return None;
    };
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*error.error);
    while let Some(current) = source {
        if let Some(it) = current.downcast_ref::<AuthRequiredError>() {
            return Some(it.www_authenticate_header.clone());
        }
        if let Some(it) = current.downcast_ref::<InsufficientScopeError>() {
            return Some(it.www_authenticate_header.clone());
        }
        source = current.source();
    }
    None
}
