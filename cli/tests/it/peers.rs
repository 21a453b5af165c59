//! Clients that others wrote, from the lock file in `tests/peer`. Skipped loudly without Node,
//! but not where `CI` is set.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::world::Project;

/// The folder with the scripts and the packages that they use, or nothing.
fn home() -> Option<&'static Path> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match INSTALLED.get_or_init(install) {
        Ok(home) => Some(home),
        Err(reason) => {
            let is_required = std::env::var_os("CI").is_some();
            assert!(!is_required, "the peer tests must run here: {reason}");
            say_skipped(reason);
            None
        }
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn say_skipped(reason: &str) {
    eprintln!("PEER TESTS SKIPPED: {reason}");
}

fn install() -> Result<PathBuf, String> {
    let node = Command::new("node").arg("--version").output();
    node.map_err(|error| format!("node cannot be run: {error}"))?;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let lock = "package-lock.json";
    let is_same = std::fs::read(home.join(lock)).ok() == std::fs::read(from.join(lock)).ok();
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for entry in std::fs::read_dir(&from).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let to = home.join(entry.file_name());
        std::fs::copy(entry.path(), to).map_err(|error| error.to_string())?;
    }
    if is_same && home.join("node_modules").exists() {
        return Ok(home);
    }
    let done = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&home)
        .output()
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    if !done.status.success() {
        // A half-made folder would count as made the next time.
        drop(std::fs::remove_dir_all(home.join("node_modules")));
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(home)
}

/// Returns the command that runs a script of the peers in a project; nothing without Node.
pub(crate) fn script(project: &Project, name: &str, arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new("node");
    command
        .arg(home()?.join(name))
        .arg(env!("CARGO_BIN_EXE_layercake"))
        .arg(project.path(""))
        .args(arguments)
        .env_clear()
        .env("HOME", project.path(""))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(command)
}

/// Runs a script of the peers to its end and returns what it printed, one document a line.
#[track_caller]
pub(crate) fn lines(project: &Project, name: &str, arguments: &[&str]) -> Option<Vec<Value>> {
    let output = script(project, name, arguments)?.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    Some(documents(&output.stdout))
}

/// Reads one JSON document a line.
#[track_caller]
pub(crate) fn documents(text: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(text).into_owned();
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Returns where the scripts are, for settings that name one.
pub(crate) fn path_of(name: &str) -> Option<PathBuf> {
    Some(home()?.join(name))
}
