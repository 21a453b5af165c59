//! Runs programs with all rights of this process.

use std::process::Stdio;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{Ended, Program, ProgramError, Programs};

/// The most that is kept of what a program writes, in bytes for each of the two; the rest is
/// read and dropped, so that the program does not wait.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Runs programs with all rights of this process: for the command line of containers, and for
/// whoever trusts every definition. Dropping the future ends the program, but not what it may
/// have started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unconfined;

#[async_trait]
impl Programs for Unconfined {
    async fn run(&self, program: Program) -> Result<Ended, ProgramError> {
        let mut child = Command::new(&program.name)
            .args(&program.arguments)
            .envs(&program.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
                    ProgramError::NotHere(program.name.clone())
                }
                _ => failed(&error),
            })?;
        let input = child.stdin.take();
        let feed = async {
            if let (Some(mut pipe), Some(text)) = (input, &program.stdin) {
                // A program that does not read to the end has its reasons.
                drop(pipe.write_all(text.as_bytes()).await);
            }
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ((), stdout, stderr, status) =
            tokio::join!(feed, read(stdout), read(stderr), child.wait());
        Ok(Ended {
            code: code_of(status.map_err(|error| failed(&error))?),
            stdout: stdout.map_err(|error| failed(&error))?,
            stderr: stderr.map_err(|error| failed(&error))?,
        })
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(mut pipe) = pipe else {
        return Ok(String::new());
    };
    let mut kept = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = pipe.read(&mut buffer).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = OUTPUT_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
}

#[cfg(unix)]
fn code_of(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let by_signal = status.signal().map(|signal| 128 + signal);
    status.code().or(by_signal).unwrap_or(-1)
}

#[cfg(not(unix))]
fn code_of(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

fn failed(error: &std::io::Error) -> ProgramError {
    ProgramError::Failed(error.to_string())
}
