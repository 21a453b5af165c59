//! Commands run, end, and leave nothing behind.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use layercake_harness::sandbox::{Launcher, Sandbox};
use layercake_harness::tool::{Shell, Tool, ToolContext};
use layercake_harness::{CallId, SessionId, Workspace};
use serde_json::json;

pub(crate) fn shell_in(folder: &Path, sandbox: Sandbox) -> Shell {
    let launcher = Launcher::at(env!("CARGO_BIN_EXE_layercake-supervise"));
    Shell::new(Workspace::open(folder).unwrap(), launcher, sandbox)
}

fn shell(folder: &Path) -> Shell {
    shell_in(folder, Sandbox::Unconfined)
}

fn context() -> ToolContext {
    ToolContext::alone(SessionId::new("s").unwrap(), CallId { turn: 1, index: 0 })
}

pub(crate) async fn run_in(shell: &Shell, command: &str, timeout_ms: u64) -> String {
    let arguments = json!({"command": command, "timeout_ms": timeout_ms});
    shell.call(arguments, context()).await.unwrap().content
}

async fn run(folder: &Path, command: &str, timeout_ms: u64) -> String {
    run_in(&shell(folder), command, timeout_ms).await
}

/// What every command of these tests does first: from here on, whatever it starts holds the pipe
/// open. `echo . >&9` says that everything is started.
const HOLD: &str = "exec 9>life";

/// A pipe that a command and everything below it hold open: it says when all of it has begun,
/// and ends when nothing of it is left.
struct Life(tokio::task::JoinHandle<File>);

impl Life {
    /// Makes the pipe and waits for the command in the background.
    fn awaited(folder: &Path) -> Self {
        let pipe = folder.join("life");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        Self(tokio::task::spawn_blocking(move || {
            let mut file = File::open(pipe).unwrap();
            file.read_exact(&mut [0; 2]).unwrap();
            file
        }))
    }

    /// Waits until everything has begun.
    async fn begun(self) -> File {
        within(self.0).await
    }
}

/// Waits until nothing that held the pipe is left.
async fn gone(mut life: File) {
    let read = tokio::task::spawn_blocking(move || life.read_to_end(&mut Vec::new()).unwrap());
    within(read).await;
}

/// Waits for at most half a minute: a test that hangs says nothing.
async fn within<T>(work: tokio::task::JoinHandle<T>) -> T {
    let time = Duration::from_secs(30);
    tokio::time::timeout(time, work)
        .await
        .expect("it takes too long")
        .unwrap()
}

#[tokio::test]
async fn output_and_status_come_back() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), "pwd -P; echo two", 10_000).await, {
        let path = folder.path().canonicalize().unwrap();
        format!("{}\ntwo\n", path.display())
    });
    let failed = run(folder.path(), "echo oops >&2; exit 3", 10_000).await;
    assert_eq!(failed, "[exit status: 3]\n\n[standard error]\noops\n");
    assert_eq!(run(folder.path(), "true", 10_000).await, "[no output]");
}

#[tokio::test]
async fn floods_are_cut_and_the_cut_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = run(folder.path(), "yes | head -c 3000000; echo end", 20_000).await;
    assert!(text.len() < 140_000, "{}", text.len());
    assert!(
        text.contains("2868932 of 3000004 bytes are left out"),
        "{}",
        text.len()
    );
    assert!(text.ends_with("y\nend\n"));
}

#[tokio::test]
async fn secrets_of_the_environment_are_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    // Cargo sets this one for the test itself.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
    let text = run(folder.path(), "env", 10_000).await;
    assert!(!text.contains("CARGO_MANIFEST_DIR"), "{text}");
    assert!(text.contains("PATH="), "{text}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_everything_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::awaited(folder.path());
    let command = format!("{HOLD}; (setsid sleep 900 &) ; sleep 900 & echo . >&9; sleep 900");
    let text = run(folder.path(), &command, 1_000).await;
    assert!(text.starts_with("[killed after 1000 ms"), "{text}");
    gone(life.begun().await).await;
}

#[tokio::test]
async fn the_background_ends_with_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::awaited(folder.path());
    let quiet = "(setsid nohup sleep 900 >/dev/null 2>&1 &)";
    let command = format!("{HOLD}; {quiet} ; sleep 900 & echo . >&9; echo done");
    assert_eq!(run(folder.path(), &command, 20_000).await, "done\n");
    gone(life.begun().await).await;
}

#[tokio::test]
async fn a_dropped_call_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::awaited(folder.path());
    let shell = shell(folder.path());
    let command = format!("{HOLD}; sleep 900 & echo . >&9; sleep 900");
    let arguments = json!({ "command": command });
    let running = tokio::spawn(async move { shell.call(arguments, context()).await });
    let life = life.begun().await;
    running.abort();
    gone(life).await;
}

#[tokio::test]
async fn a_cancelled_call_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::awaited(folder.path());
    let shell = shell(folder.path());
    let context = context();
    let token = context.cancellation.clone();
    let command = format!("echo begun; {HOLD}; echo . >&9; sleep 900");
    let arguments = json!({ "command": command });
    let running = tokio::spawn(async move { shell.call(arguments, context).await });
    let life = life.begun().await;
    token.cancel();
    let text = running.await.unwrap().unwrap().content;
    assert!(
        text.starts_with("[killed because the agent was stopped"),
        "{text}"
    );
    assert!(text.contains("begun"), "{text}");
    gone(life).await;
}
