//! The section `[mcp.servers.NAME]`: where a server is, what it sees, what its calls mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use layercake_harness::EffectClass;
use layercake_harness::Workspace;
use layercake_harness::mcp::{
    McpAddress, McpEra, McpHints, McpLogin, McpProgram, McpSettings, McpWeb,
};
use layercake_harness::sandbox::{Launcher, Network, Policy, Sandbox};
use layercake_model::Secret;
use serde::Deserialize;

use crate::error::{CommandError, codes};

/// The section `[mcp]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct McpSection {
    pub(super) servers: BTreeMap<String, ServerSection>,
}

/// The section `[mcp.servers.NAME]`: a `command` or a `url`, and what may be said about both.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSection {
    /// The program and its arguments.
    command: Vec<String>,
    /// The web address.
    url: Option<String>,
    /// Variables of the program.
    env: BTreeMap<String, String>,
    /// Variables of this process that the program or the headers may see, by name.
    env_from: Vec<String>,
    /// Headers, each by the variable that holds its value.
    headers_from: BTreeMap<String, String>,
    /// `false` lets the program do whatever the user can.
    sandbox: Option<bool>,
    /// Whether a confined program may use the network.
    network: bool,
    /// What a confined program may read, beside the project and the system's programs.
    readable: Vec<PathBuf>,
    /// What it may also write.
    writable: Vec<PathBuf>,
    /// `modern` (2026-07-28) or `legacy` (2025-11-25 and older); asked for when left out.
    era: Option<EraWord>,
    /// The tools that agents get; all when left out.
    tools: Option<Vec<String>>,
    /// What repeating a call means; `unsafe` when left out.
    class: EffectClass,
    /// The same for single tools.
    classes: BTreeMap<String, EffectClass>,
    /// Whether the server's own hints count.
    trust_hints: bool,
    /// The most seconds of one call.
    timeout_seconds: Option<u64>,
    /// The OAuth client's id, where one is registered.
    client_id: Option<String>,
    /// The variable that holds its secret.
    client_secret_from: Option<String>,
    /// The address of the OAuth client's metadata document.
    client_metadata_url: Option<String>,
    /// OAuth scopes.
    scopes: Vec<String>,
}

/// The protocol era in a settings file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EraWord {
    Modern,
    Legacy,
}

/// A server as a settings file describes it.
#[derive(Debug, Clone)]
pub(crate) struct McpSetting {
    pub(super) section: ServerSection,
    /// The folder that relative paths mean.
    pub(super) base: PathBuf,
}

impl McpSetting {
    /// Makes the harness's settings of a server.
    ///
    /// # Errors
    ///
    /// The section is not usable, a variable is missing, or commands cannot be confined here.
    pub(crate) fn settings(&self, name: &str, store: &Path) -> Result<McpSettings, CommandError> {
        let section = &self.section;
        let address = match (&section.url, section.command.is_empty()) {
            (None, false) => McpAddress::Program(self.program(name)?),
            (Some(url), true) => McpAddress::Web(self.web(name, url, store)?),
            _ => return Err(wrong(name, "it needs either `command` or `url`")),
        };
        let mut settings = McpSettings::new(name, address);
        settings.era = match section.era {
            None => McpEra::Auto,
            Some(EraWord::Modern) => McpEra::Modern,
            Some(EraWord::Legacy) => McpEra::Legacy,
        };
        settings.tools.clone_from(&section.tools);
        settings.class = section.class;
        settings.classes.clone_from(&section.classes);
        if section.trust_hints {
            settings.hints = McpHints::Trusted;
        }
        if let Some(seconds) = section.timeout_seconds {
            settings.call_ms_max = seconds.saturating_mul(1_000);
        }
        Ok(settings)
    }

    fn program(&self, name: &str) -> Result<McpProgram, CommandError> {
        let section = &self.section;
        let launcher = Launcher::this_program().map_err(|error| {
            CommandError::new(codes::INTERNAL, "the program cannot find itself").because(error)
        })?;
        let mut variables: BTreeMap<String, Secret> = section
            .env
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect();
        for wanted in &section.env_from {
            variables.insert(wanted.clone(), variable(name, wanted)?);
        }
        Ok(McpProgram {
            command: section.command.clone(),
            folder: self.base.clone(),
            variables,
            sandbox: self.sandbox(name)?,
            launcher,
        })
    }

    fn sandbox(&self, name: &str) -> Result<Sandbox, CommandError> {
        let section = &self.section;
        if section.sandbox == Some(false) {
            return Ok(Sandbox::Unconfined);
        }
        let space = Workspace::open(&self.base)
            .map_err(|error| wrong(name, &format!("its folder cannot be opened: {error}")))?;
        let mut policy = Policy::for_workspace(&space);
        let absolute = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().map(|path| self.base.join(path)).collect()
        };
        policy.readable.extend(absolute(&section.readable));
        policy.writable.extend(absolute(&section.writable));
        if section.network {
            policy.network = Network::Allowed;
        }
        Sandbox::confined(policy).map_err(|error| {
            wrong(name, &error.to_string())
                .next("sandbox = false   # lets it do whatever you can, on a machine like this")
        })
    }

    fn web(&self, name: &str, url: &str, store: &Path) -> Result<McpWeb, CommandError> {
        let section = &self.section;
        let mut headers = Vec::new();
        for (header, from) in &section.headers_from {
            headers.push((header.clone(), variable(name, from)?));
        }
        let secret = section.client_secret_from.as_ref();
        let secret = secret.map(|from| variable(name, from)).transpose()?;
        Ok(McpWeb {
            url: url.to_owned(),
            headers,
            login: McpLogin {
                client_id: section.client_id.clone(),
                client_secret: secret,
                client_metadata_url: section.client_metadata_url.clone(),
                scopes: section.scopes.clone(),
                tokens: Some(store.join("mcp").join(format!("{name}.json"))),
            },
        })
    }
}

fn variable(server: &str, name: &str) -> Result<Secret, CommandError> {
    match std::env::var(name) {
        Ok(value) => Ok(Secret::new(value)),
        Err(_) => Err(wrong(server, &format!("the variable {name} is not set"))),
    }
}

fn wrong(server: &str, why: &str) -> CommandError {
    let happened = format!("the MCP server `{server}` cannot be used");
    CommandError::new(codes::MCP_SERVER, happened)
        .because(why)
        .next(format!("mend [mcp.servers.{server}] in layercake.toml"))
}
