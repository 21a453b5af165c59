//! What an operator says about an MCP server: where it is and what its tools do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use layercake_model::Secret;

use crate::EffectClass;
use crate::sandbox::{Launcher, Sandbox};
use crate::tool::{CALL_MS_MAX, OUTPUT_BYTES_MAX};

/// How long a server may take to start and to say what it has: programs that are fetched from
/// a registry first take their time.
const START_MS_MAX: u64 = 60_000;

/// What an operator says about a server.
#[derive(Debug, Clone)]
pub struct McpSettings {
    /// The server's name; its tools are named after it.
    pub name: String,
    /// Where it is.
    pub address: McpAddress,
    /// Which protocol era is spoken.
    pub era: McpEra,
    /// The tools that agents get, by the server's own names; `None` for all of them.
    pub tools: Option<Vec<String>>,
    /// What repeating a call of a tool means, unless `classes` says otherwise.
    pub class: EffectClass,
    /// The same for single tools, by the server's own names.
    pub classes: BTreeMap<String, EffectClass>,
    /// Whether the server's hints about its tools are believed.
    pub hints: McpHints,
    /// The most time to start and to list the tools, in milliseconds.
    pub start_ms_max: u64,
    /// The most time for one call, in milliseconds.
    pub call_ms_max: u64,
    /// The most bytes of one result.
    pub output_bytes_max: usize,
}

impl McpSettings {
    /// Describes a server with the most cautious settings: every call is unsafe, no hint is
    /// believed.
    pub fn new(name: impl Into<String>, address: McpAddress) -> Self {
        Self {
            name: name.into(),
            address,
            era: McpEra::Auto,
            tools: None,
            class: EffectClass::Unsafe,
            classes: BTreeMap::new(),
            hints: McpHints::Untrusted,
            start_ms_max: START_MS_MAX,
            call_ms_max: CALL_MS_MAX,
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone)]
pub enum McpAddress {
    /// A program that is started and spoken to over its standard streams.
    Program(McpProgram),
    /// A web address: streamable HTTP.
    Web(McpWeb),
}

/// A program that is a server.
#[derive(Debug, Clone)]
pub struct McpProgram {
    /// The program and its arguments; at least one.
    pub command: Vec<String>,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// Variables that it sees, beside the harmless ones. Everything else is taken away.
    pub variables: BTreeMap<String, Secret>,
    /// Where it runs.
    pub sandbox: Sandbox,
    /// Who supervises it, so that it never outlives this process.
    pub launcher: Launcher,
}

/// A server on the web.
#[derive(Debug, Clone)]
pub struct McpWeb {
    /// Its address.
    pub url: String,
    /// Headers of every request.
    pub headers: Vec<(String, Secret)>,
    /// How this client logs in when the server asks for it.
    pub login: McpLogin,
}

/// How a client logs in with OAuth when a server asks for it.
#[derive(Debug, Clone, Default)]
pub struct McpLogin {
    /// The client's id, when the operator registered one beforehand.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// The address of the client's metadata document, for servers that take one.
    pub client_metadata_url: Option<String>,
    /// The scopes to ask for; empty for what the server names.
    pub scopes: Vec<String>,
    /// The file that keeps tokens between processes; `None` keeps them in memory.
    pub tokens: Option<PathBuf>,
}

/// Which protocol era is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum McpEra {
    /// The server is asked; 2026-07-28 where it has it, otherwise 2025-11-25 and older.
    #[default]
    Auto,
    /// 2026-07-28: every request stands alone.
    Modern,
    /// 2025-11-25 and older: a handshake and a session.
    Legacy,
}

/// Whether the hints of a server about its tools are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum McpHints {
    /// No.
    #[default]
    Untrusted,
    /// A tool that says that it only reads, or that it is idempotent, is taken at its word
    /// where the settings name no class for it.
    Trusted,
}
