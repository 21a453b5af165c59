//! Servers that are programs: started under a supervisor, without this process's secrets, and
//! ended with the connection, however this process ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::settings::McpProgram;

/// The longest line of a server's diagnostics that is kept, in bytes.
const LINE_BYTES_MAX: u64 = 1_024;
/// The last lines of a server's diagnostics that are kept for the reason of a failure.
const LINES_MAX: usize = 8;

/// A server's process. Its standard input is its lifeline: when it is closed, the supervisor
/// gives the server a moment and ends everything below.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
}

/// Starts a server.
///
/// # Errors
///
/// Returns the system's error when the supervisor cannot be started.
pub(super) fn start(
    server: &str,
    program: &McpProgram,
) -> std::io::Result<(Process, ChildStdout, ChildStdin)> {
    let variables: BTreeMap<String, String> = program
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.expose().to_owned()))
        .collect();
    let mut child = program
        .launcher
        .served_command(
            &shell_line(&program.command),
            &program.folder,
            &program.sandbox,
            &variables,
        )
        .spawn()?;
    let missing = || std::io::Error::other("the program has no standard streams");
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let said = Arc::new(Mutex::new(VecDeque::new()));
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(listen(server.to_owned(), stderr, Arc::clone(&said)));
    }
    Ok((Process { child, said }, stdout, stdin))
}

impl Process {
    /// Returns the process id of the supervisor, which leads the server's process group.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the last that the server said on its standard error.
    pub(super) fn last_words(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().cloned().collect::<Vec<_>>().join("; ")
    }
}

/// Quotes a program and its arguments for `/bin/sh`; the shell becomes the program.
fn shell_line(command: &[String]) -> String {
    let quoted = command
        .iter()
        .map(|part| format!("'{}'", part.replace('\'', r"'\''")));
    format!("exec {}", quoted.collect::<Vec<_>>().join(" "))
}

/// Keeps the end of what a server says beside the protocol.
async fn listen(
    server: String,
    stderr: impl AsyncRead + Unpin,
    said: Arc<Mutex<VecDeque<String>>>,
) {
    let mut reader = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        match (&mut reader)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        tracing::debug!(%server, %line, "an MCP server says");
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == LINES_MAX {
            said.pop_front();
        }
        said.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::shell_line;

    #[test]
    fn arguments_reach_the_program_as_they_are() {
        let command = ["a b", "it's", "$HOME"].map(str::to_owned);
        assert_eq!(shell_line(&command), r"exec 'a b' 'it'\''s' '$HOME'");
    }
}
