//! Logging in to servers with OAuth: who is asked, and where tokens are kept.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession, CredentialStore,
    InMemoryCredentialStore, StoredCredentials, WWWAuthenticateParams,
};

use super::error::McpError;
use super::settings::McpWeb;

/// Brings a person to an authorization server and back.
#[async_trait]
pub trait Consent: Send + Sync {
    /// Returns the address that the person is sent back to.
    fn redirect_uri(&self) -> String;

    /// Shows a person the address where they can agree, and returns the address that they were
    /// sent back to, with its query.
    ///
    /// # Errors
    ///
    /// Returns [`ConsentError`] when nobody can be asked or nobody agreed.
    async fn ask(&self, server: &str, address: &str) -> Result<String, ConsentError>;
}

/// Nobody agreed to a login.
#[derive(Debug, thiserror::Error)]
#[error("nobody agreed to the login: {message}")]
pub struct ConsentError {
    /// What happened.
    pub message: String,
}

/// Nobody is there to agree.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoConsent;

#[async_trait]
impl Consent for NoConsent {
    fn redirect_uri(&self) -> String {
        "http://127.0.0.1/callback".to_owned()
    }

    async fn ask(&self, _server: &str, address: &str) -> Result<String, ConsentError> {
        Err(ConsentError {
            message: format!("nobody is there to open {address}"),
        })
    }
}

/// Where the tokens of one server are kept.
#[derive(Clone)]
pub(super) enum Tokens {
    Memory(InMemoryCredentialStore),
    File(PathBuf),
}

impl Tokens {
    pub(super) fn at(file: Option<&Path>) -> Self {
        match file {
            None => Self::Memory(InMemoryCredentialStore::new()),
            Some(file) => Self::File(file.to_owned()),
        }
    }
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> AuthError {
    AuthError::CredentialStoreError(format!("{}: {error}", path.display()))
}

#[async_trait]
impl CredentialStore for Tokens {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        match self {
            Self::Memory(memory) => memory.load().await,
            Self::File(path) => match std::fs::read(path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(|it| unusable(path, it)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unusable(path, error)),
            },
        }
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        match self {
            Self::Memory(memory) => memory.save(credentials).await,
            Self::File(path) => {
                let text = serde_json::to_vec(&credentials).map_err(|it| unusable(path, it))?;
                replace(path, &text).map_err(|it| unusable(path, it))
            }
        }
    }

    async fn clear(&self) -> Result<(), AuthError> {
        match self {
            Self::Memory(memory) => memory.clear().await,
            Self::File(path) => match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(unusable(path, error))
                }
                _ => Ok(()),
            },
        }
    }
}

/// Replaces a file that only its owner may read.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Takes up the tokens that are kept.
pub(super) async fn resume(
    web: &McpWeb,
    tokens: &Tokens,
) -> Result<AuthorizationManager, AuthError> {
    let mut manager = fresh(web, tokens).await?;
    manager.initialize_from_store().await?;
    Ok(manager)
}

async fn fresh(web: &McpWeb, tokens: &Tokens) -> Result<AuthorizationManager, AuthError> {
    let mut manager = AuthorizationManager::new(web.url.as_str()).await?;
    manager.set_credential_store(tokens.clone());
    Ok(manager)
}

/// Logs in because a server asked for it.
///
/// # Errors
///
/// Returns [`McpError::LoginNeeded`] when nobody agreed or the servers do not play by the rules.
pub(super) async fn log_in(
    server: &str,
    web: &McpWeb,
    tokens: &Tokens,
    consent: &Arc<dyn Consent>,
    challenge: &str,
) -> Result<AuthorizationManager, McpError> {
    let needed = |message: String| McpError::LoginNeeded {
        server: server.to_owned(),
        message,
    };
    let refused = |error: AuthError| needed(error.to_string());
    let mut manager = fresh(web, tokens).await.map_err(refused)?;
    let found = manager
        .resolve_metadata_from_challenge(Some(challenge))
        .await
        .map_err(refused)?;
    manager.set_metadata(found.metadata);
    let scopes = scopes(web, tokens, challenge).await.map_err(refused)?;
    let request = request(web, consent.redirect_uri(), scopes, challenge);
    let session = AuthorizationSession::new(manager, request)
        .await
        .map_err(|(_, error)| refused(error))?;
    let back = consent
        .ask(server, session.get_authorization_url())
        .await
        .map_err(|error| needed(error.to_string()))?;
    session.handle_callback_url(&back).await.map_err(refused)?;
    Ok(session.auth_manager)
}

fn request(
    web: &McpWeb,
    redirect_uri: String,
    scopes: Vec<String>,
    challenge: &str,
) -> AuthorizationRequest {
    let login = &web.login;
    let mut request = AuthorizationRequest::new(redirect_uri)
        .with_client_name("Layercake")
        .with_challenge(challenge)
        .with_scopes(scopes);
    if let Some(id) = &login.client_id {
        request = request.with_preregistered_client(id);
    }
    if let Some(secret) = &login.client_secret {
        request = request.with_client_secret(secret.expose());
    }
    if let Some(url) = &login.client_metadata_url {
        request = request.with_client_metadata_url(url);
    }
    request
}

/// Chooses what to ask for. A server that wants more than it gave gets both asked for, so that
/// what worked before goes on working; empty leaves the choice to what the servers name.
async fn scopes(web: &McpWeb, tokens: &Tokens, challenge: &str) -> Result<Vec<String>, AuthError> {
    let mut scopes = web.login.scopes.clone();
    if let Some(stored) = tokens.load().await? {
        scopes.extend(stored.granted_scopes);
    }
    if scopes.is_empty() {
        return Ok(scopes);
    }
    let base = web.url.parse().map_err(AuthError::from)?;
    let wanted = WWWAuthenticateParams::parse(challenge, &base).scope;
    let wanted = wanted.as_deref().unwrap_or_default();
    scopes.extend(wanted.split_whitespace().map(str::to_owned));
    scopes.sort();
    scopes.dedup();
    Ok(scopes)
}
