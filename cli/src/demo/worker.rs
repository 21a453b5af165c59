//! A worker of the tour: this very program, started as a child process.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::error::{CommandError, codes};
use crate::settings::Settings;

/// A child process that works on the tour's store. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    pid: u32,
}

impl Worker {
    /// Starts the program with these arguments, in the project's folder.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub(crate) fn start(settings: &Settings, arguments: &[&str]) -> Result<Self, CommandError> {
        let failed = |error: std::io::Error| {
            CommandError::new(codes::INTERNAL, "a worker cannot be started").because(error)
        };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(arguments)
            .arg("--store")
            .arg(&settings.store)
            .current_dir(&settings.project)
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("LAYERCAKE_STORE")
            .env_remove("LAYERCAKE_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command.spawn().map_err(failed)?;
        let pid = child.id().unwrap_or_default();
        Ok(Self { child, pid })
    }

    /// Returns the id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the process with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(crate) async fn kill(&mut self) -> Result<(), CommandError> {
        self.child.kill().await.map_err(|error| {
            CommandError::new(codes::INTERNAL, "the worker cannot be killed").because(error)
        })
    }

    /// Fails when the process has ended by itself.
    ///
    /// # Errors
    ///
    /// It has.
    pub(crate) fn must_live(&mut self) -> Result<(), CommandError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(
                CommandError::new(codes::INTERNAL, "a worker ended too early")
                    .next("layercake doctor"),
            ),
        }
    }

    /// Waits until the process has ended well.
    ///
    /// # Errors
    ///
    /// It ended badly; the reason is what it said.
    pub(crate) async fn finished(mut self) -> Result<(), CommandError> {
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            drop(stderr.read_to_string(&mut said).await);
        }
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CommandError::new(
                codes::INTERNAL,
                format!("a worker ended with {status}"),
            )
            .because(said.trim())
            .next("layercake doctor")),
            Err(error) => {
                Err(CommandError::new(codes::INTERNAL, "a worker was lost").because(error))
            }
        }
    }
}

/// Returns how this program is typed: its name when it is on the path, or where it stands.
pub(crate) fn program_name() -> String {
    const NAME: &str = "layercake";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::current_exe().ok();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(NAME))
        .find(|it| it.is_file());
    match (found, own) {
        (Some(found), Some(own)) if found.canonicalize().ok() == own.canonicalize().ok() => {
            NAME.to_owned()
        }
        (_, Some(own)) => own.display().to_string(),
        (_, None) => NAME.to_owned(),
    }
}
