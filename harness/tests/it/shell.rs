//! Commands run, end, and leave nothing behind.

use std::path::Path;
use std::time::{Duration, Instant};

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

/// Waits, for at most ten seconds, until a condition holds.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Says whether a process whose command line holds a text is alive.
fn is_alive(marker: &str) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.starts_with(&format!("sleep {marker}"))
        })
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
    let command = "(setsid sleep 917001 &) ; sleep 917002 & sleep 917003";
    let text = run(folder.path(), command, 300).await;
    assert!(text.starts_with("[killed after 300 ms"), "{text}");
    for marker in ["917001", "917002", "917003"] {
        assert!(eventually(|| !is_alive(marker)).await, "{marker} is alive");
    }
}

#[tokio::test]
async fn the_background_ends_with_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let command = "(setsid nohup sleep 917011 >/dev/null 2>&1 &) ; sleep 917012 & echo done";
    assert_eq!(run(folder.path(), command, 10_000).await, "done\n");
    for marker in ["917011", "917012"] {
        assert!(!is_alive(marker), "{marker} is alive");
    }
}

#[tokio::test]
async fn a_dropped_call_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let shell = shell(folder.path());
    let arguments = json!({"command": "sleep 917021 & sleep 917022"});
    let running = tokio::spawn(async move { shell.call(arguments, context()).await });
    assert!(eventually(|| is_alive("917021") && is_alive("917022")).await);
    running.abort();
    assert!(eventually(|| !is_alive("917021") && !is_alive("917022")).await);
}

#[tokio::test]
async fn a_cancelled_call_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let shell = shell(folder.path());
    let context = context();
    let token = context.cancellation.clone();
    let arguments = json!({"command": "echo begun; sleep 917031"});
    let running = tokio::spawn(async move { shell.call(arguments, context).await });
    assert!(eventually(|| is_alive("917031")).await);
    token.cancel();
    let text = running.await.unwrap().unwrap().content;
    assert!(
        text.starts_with("[killed because the agent was stopped"),
        "{text}"
    );
    assert!(text.contains("begun"), "{text}");
    assert!(!is_alive("917031"));
}
