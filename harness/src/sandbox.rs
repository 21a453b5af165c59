//! Where commands run: under a supervisor that ends with the agent, in a sandbox.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod confine;
mod descendants;
mod policy;
#[cfg(any(target_os = "macos", test))]
mod seatbelt;
mod supervise;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

pub use policy::{Limits, Network, Policy};
pub use supervise::run_if_launched;

/// The first argument by which a program knows that it was started as a supervisor.
const SUPERVISE: &str = "__layercake-supervise";

/// Variables that a command may see. Everything else may be a secret, so it is taken away.
const VARIABLES_KEPT: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];

/// Where commands run. There is no default: whoever wants none must say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Nowhere special: commands can do whatever the user can.
    Unconfined,
    /// Behind Landlock and seccomp, or behind macOS's seatbelt. Made by [`Sandbox::confined`], which makes sure that this
    /// machine has them.
    Confined(Policy),
}

impl Sandbox {
    /// Confines commands to a policy.
    ///
    /// # Errors
    ///
    /// Returns [`SandboxError`] on a machine that cannot confine them. Nothing falls back to
    /// less than what was asked for: whoever wants that says [`Sandbox::Unconfined`].
    pub fn confined(policy: Policy) -> Result<Self, SandboxError> {
        available()?;
        if let Network::Hosts(hosts) = &policy.network {
            return Err(SandboxError {
                reason: format!(
                    "the network cannot be opened for {} alone: no system call filter sees names \
                     of hosts. Let the agent fetch with its `fetch` tool, or open the network",
                    hosts.join(", ")
                ),
            });
        }
        Ok(Self::Confined(policy))
    }
}

/// Says whether this machine can confine commands.
///
/// # Errors
///
/// Returns [`SandboxError`] with the reason when it cannot.
pub fn available() -> Result<(), SandboxError> {
    #[cfg(target_os = "linux")]
    return confine::available().map_err(|reason| SandboxError { reason });
    #[cfg(target_os = "macos")]
    return match std::path::Path::new(seatbelt::PROGRAM).exists() {
        true => Ok(()),
        false => Err(SandboxError {
            reason: format!("{} is missing", seatbelt::PROGRAM),
        }),
    };
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    return Err(SandboxError {
        reason: "there is neither Landlock nor seatbelt".to_owned(),
    });
}

/// This machine cannot confine commands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("commands cannot be confined here: {reason}")]
pub struct SandboxError {
    /// What is missing.
    pub reason: String,
}

/// A program that starts supervisors: it calls [`run_if_launched`] first thing in `main`.
///
/// The supervisor is the parent of everything that a command starts. It ends all of it when
/// the command ends, when the agent gives up on it, and when the agent's process dies,
/// however that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    program: PathBuf,
}

impl Launcher {
    /// Uses the running program itself.
    ///
    /// # Errors
    ///
    /// Returns the system's error when the program cannot find itself.
    pub fn this_program() -> std::io::Result<Self> {
        Ok(Self::at(supervise::own_program()?))
    }

    /// Uses another program, for instance the `layercake-supervise` of this crate.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// Prepares a command line under a supervisor. Its standard input is the supervisor's
    /// lifeline: when the handle is dropped, everything ends.
    pub(crate) fn command(
        &self,
        shell_line: &str,
        folder: &Path,
        sandbox: &Sandbox,
        variables: &BTreeMap<String, String>,
    ) -> Command {
        let order = Order {
            shell_line: shell_line.to_owned(),
            sandbox: sandbox.clone(),
            input: Input::Nothing,
        };
        self.supervised(&order, folder, variables)
    }

    /// Prepares a command line that is spoken to while it runs: what is written to the
    /// supervisor's standard input reaches the command's. It stays the lifeline: when the
    /// handle is dropped, the command's input ends, and a moment later everything does.
    #[cfg(feature = "mcp")]
    pub(crate) fn served_command(
        &self,
        shell_line: &str,
        folder: &Path,
        sandbox: &Sandbox,
        variables: &BTreeMap<String, String>,
    ) -> Command {
        let order = Order {
            shell_line: shell_line.to_owned(),
            sandbox: sandbox.clone(),
            input: Input::PassedOn,
        };
        self.supervised(&order, folder, variables)
    }

    fn supervised(
        &self,
        order: &Order,
        folder: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg0("layercake-supervise")
            .arg(SUPERVISE)
            .arg(order.text())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("TERM", "dumb");
        for name in VARIABLES_KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(variables);
        command
    }
}

/// What a supervisor is told to run.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    shell_line: String,
    sandbox: Sandbox,
    input: Input,
}

/// What a command reads on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Input {
    /// Nothing.
    Nothing,
    /// Whatever the supervisor reads.
    PassedOn,
}

impl Order {
    fn text(&self) -> String {
        crate::digest::plain(self).to_string()
    }
}
