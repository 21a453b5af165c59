//! `shell`: a command line under a supervisor. Needs a sandbox, or somebody who wants none.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::sandbox::{Launcher, Sandbox};
use crate::workspace::Workspace;

/// The time for a command that names none.
const COMMAND_MS: u64 = 60_000;

/// The most time that a command may name.
const COMMAND_MS_MAX: u64 = 600_000;

/// What is kept of each stream while a command runs; what lies between is counted only.
const HEAD_BYTES: usize = 96 * 1024;
/// The end of a stream is where the error stands.
const TAIL_BYTES: usize = 32 * 1024;

/// How long everything may take to end after it was told to.
const END_TIME: Duration = Duration::from_secs(5);

/// Runs a command line in the workspace folder.
#[derive(Debug, Clone)]
pub struct Shell {
    workspace: Workspace,
    launcher: Launcher,
    sandbox: Sandbox,
    variables: BTreeMap<String, String>,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    command: String,
    #[serde(default = "default_time")]
    timeout_ms: u64,
}

fn default_time() -> u64 {
    COMMAND_MS
}

impl Shell {
    /// Makes the tool for a workspace. A command sees none of this process's variables but the
    /// harmless ones (`PATH`, `HOME`, `LANG` and their like).
    pub fn new(workspace: Workspace, launcher: Launcher, sandbox: Sandbox) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "command": {"type": "string", "minLength": 1, "description": "A command line for /bin/sh, run in the workspace"},
                "timeout_ms": {"type": "integer", "minimum": 1, "maximum": COMMAND_MS_MAX, "description": "Milliseconds after which it is killed; 60000 if absent"}
            },
            "required": ["command"],
            "additionalProperties": false
        });
        let about = "Runs a command line. It has no terminal and no input; whatever it leaves in the background is killed when it ends.";
        Self {
            workspace,
            launcher,
            sandbox,
            variables: BTreeMap::new(),
            // The tool keeps its own time, to say how a command ended.
            spec: ToolSpec::new("shell", about, schema).call_ms_max(COMMAND_MS_MAX + 10_000),
        }
    }

    /// Lets commands see a variable. Whoever sets one vouches that it is no secret.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }
}

#[async_trait]
impl Tool for Shell {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let mut child = self
            .launcher
            .command(
                &asked.command,
                self.workspace.path(),
                &self.sandbox,
                &self.variables,
            )
            .spawn()
            .map_err(|error| ToolError::Failed(format!("the command was not run: {error}")))?;
        // From here on, dropping the lifeline ends everything, also when this future is dropped.
        let lifeline = child.stdin.take();
        let stdout = tokio::spawn(kept(child.stdout.take()));
        let stderr = tokio::spawn(kept(child.stderr.take()));
        context.leases.note(lease(&child)).await;
        let time = Duration::from_millis(asked.timeout_ms.min(COMMAND_MS_MAX));
        let end = tokio::select! {
            status = child.wait() => End::of(status),
            () = tokio::time::sleep(time) => End::TimedOut,
            () = context.cancellation.cancelled() => End::Stopped,
        };
        drop(lifeline);
        if !matches!(end, End::Exited(_))
            && tokio::time::timeout(END_TIME, child.wait()).await.is_err()
        {
            return Err(ToolError::Unknown(
                "the command did not end when it was killed".to_owned(),
            ));
        }
        let stdout = stdout.await.unwrap_or_default();
        let stderr = stderr.await.unwrap_or_default();
        Ok(end.output(asked.timeout_ms, &stdout, &stderr))
    }

    async fn reclaim(&self, leases: &[Value]) -> String {
        // The supervisor ended with the process that died; nothing is left to end.
        let Some(pid) = leases.last().and_then(|lease| lease.get("pid")) else {
            return String::new();
        };
        format!(
            "it was started as process {pid}, and whatever was left of it ended with the agent's \
             process"
        )
    }
}

/// How a command ended.
enum End {
    Exited(ExitStatus),
    TimedOut,
    Stopped,
    Lost(String),
}

impl End {
    fn of(status: std::io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => Self::Exited(status),
            Err(error) => Self::Lost(error.to_string()),
        }
    }

    fn output(&self, time_ms: u64, stdout: &Kept, stderr: &Kept) -> ToolOutput {
        let mut text = String::new();
        let code = match self {
            Self::Exited(status) => status.code(),
            Self::TimedOut | Self::Stopped | Self::Lost(_) => None,
        };
        match self {
            Self::Exited(_) if code == Some(0) => {}
            Self::Exited(status) => text.push_str(&format!("[{status}]\n")),
            Self::TimedOut => text.push_str(&format!(
                "[killed after {time_ms} ms; what it did until then is done]\n"
            )),
            Self::Stopped => text.push_str(
                "[killed because the agent was stopped; what it did until then is done]\n",
            ),
            Self::Lost(error) => text.push_str(&format!("[how it ended is unknown: {error}]\n")),
        }
        text.push_str(&stdout.text());
        if !stderr.is_empty() {
            text.push_str("\n[standard error]\n");
            text.push_str(&stderr.text());
        }
        if text.is_empty() {
            text.push_str("[no output]");
        }
        ToolOutput::text(text).with_evidence(json!({
            "exitCode": code,
            "stdoutBytes": stdout.total,
            "stderrBytes": stderr.total,
        }))
    }
}

fn lease(child: &Child) -> Value {
    json!({ "pid": child.id() })
}

/// The beginning and the end of a stream.
#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
}

impl Kept {
    fn add(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = HEAD_BYTES - self.head.len();
        if room > 0 {
            let (head, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
        }
        self.tail.extend_from_slice(bytes);
        // Cut rarely: each cut moves the whole tail.
        if self.tail.len() > 2 * TAIL_BYTES {
            self.tail.drain(..self.tail.len() - TAIL_BYTES);
        }
    }

    fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn text(&self) -> String {
        let tail_start = self.tail.len().saturating_sub(TAIL_BYTES);
        let tail = &self.tail[tail_start..];
        let missing = self.total - self.head.len() as u64 - tail.len() as u64;
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(tail);
        match missing {
            0 => format!("{head}{tail}"),
            _ => format!(
                "{head}\n[... {missing} of {} bytes are left out here ...]\n{tail}",
                self.total
            ),
        }
    }
}

/// Reads a stream to its end and keeps its beginning and end.
async fn kept(stream: Option<impl AsyncRead + Unpin>) -> Kept {
    let mut kept = Kept::default();
    let Some(mut stream) = stream else {
        return kept;
    };
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return kept,
            Ok(count) => kept.add(&buffer[..count]),
        }
    }
}
