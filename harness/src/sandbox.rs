//! Where commands run: under a supervisor that ends with the agent, in a sandbox.

mod descendants;
mod supervise;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

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
        Ok(Self::at(std::env::current_exe()?))
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
        };
        let mut command = Command::new(&self.program);
        command
            .arg(SUPERVISE)
            .arg(serde_json::to_string(&order).expect("an order is plain data"))
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
}
