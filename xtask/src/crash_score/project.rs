//! One session under test: a folder of its own, the binary in it, and what it left running.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::script;

/// The key by which the binary finds the session again.
const KEY: &str = "crash-score";

/// How long what a dead process has left running may take to end.
const ORPHAN_TIME: Duration = Duration::from_secs(2);

/// Between two looks at the processes of the machine.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A session in a folder of its own, which is removed with it.
#[derive(Debug)]
pub(super) struct Project {
    binary: PathBuf,
    folder: PathBuf,
    token: String,
}

impl Project {
    /// Makes the folder. `token` marks its processes.
    pub(super) fn new(binary: &Path, address: &str, token: &str) -> Result<Self> {
        let folder = std::env::temp_dir().canonicalize()?.join(token);
        std::fs::create_dir_all(&folder).context("no folder can be made")?;
        let settings = format!(
            "[models]\ndefault = \"vllm/script\"\n\n[providers]\nvllm = \"{address}\"\n\n\
             [agent]\nautonomy = \"full\"\n"
        );
        std::fs::write(folder.join("layercake.toml"), settings)?;
        Ok(Self {
            binary: binary.to_path_buf(),
            folder,
            token: token.to_owned(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", &self.folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the agent, or goes on with it. `crash_at` makes it kill itself at an append.
    pub(super) fn start(&self, crash_at: Option<&str>) -> Result<Child> {
        let arguments = [
            "agent",
            "do the work",
            "--key",
            KEY,
            "--tools",
            script::TOOLS,
            "--json",
        ];
        let mut command = self.command(&arguments);
        if let Some(moment) = crash_at {
            command.env("LAYERCAKE_CRASH_AT", moment);
        }
        command.spawn().context("the binary cannot be started")
    }

    /// Reads the records of all runs: run and number to the record.
    pub(super) fn records(&self) -> Result<BTreeMap<(String, u64), Value>> {
        let listed = self
            .command(&["ls", "--all", "--json", "-n", "1000"])
            .output()?;
        let mut records = BTreeMap::new();
        if !listed.status.success() {
            // There is no store before the first record.
            return Ok(records);
        }
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        for run in listed["runs"].as_array().into_iter().flatten() {
            let run = run["run"].as_str().unwrap_or_default();
            let log = self.command(&["log", run, "--json"]).output()?;
            ensure!(log.status.success(), "the log of {run} cannot be read");
            for line in String::from_utf8_lossy(&log.stdout).lines() {
                let record: Value = serde_json::from_str(line)?;
                let seq = record["seq"].as_u64().unwrap_or_default();
                records.insert((run.to_owned(), seq), record);
            }
        }
        Ok(records)
    }

    /// Reads a file of the folder; empty when there is none.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// Writes a file of the folder.
    #[cfg(test)]
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("the folder can be written");
    }

    /// Waits for everything that a dead process has left running to end, and returns how many
    /// processes did not.
    pub(super) fn orphans(&self) -> usize {
        let deadline = Instant::now() + ORPHAN_TIME;
        loop {
            let alive = self.processes();
            if alive.is_empty() || Instant::now() >= deadline {
                return alive.len();
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Returns the processes that work in the folder or carry its mark.
    fn processes(&self) -> Vec<u32> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| self.is_ours(*pid)).collect()
    }

    fn is_ours(&self, pid: u32) -> bool {
        let place = PathBuf::from(format!("/proc/{pid}"));
        let status = std::fs::read_to_string(place.join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses; `Z` has ended already.
        let state = status.rsplit(')').next().unwrap_or_default().trim_start();
        if state.is_empty() || state.starts_with('Z') {
            return false;
        }
        let works_here = std::fs::read_link(place.join("cwd"))
            .is_ok_and(|folder| folder.starts_with(&self.folder));
        let line = std::fs::read(place.join("cmdline")).unwrap_or_default();
        works_here || String::from_utf8_lossy(&line).contains(&self.token)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // A folder that stays behind is a nuisance and nothing else.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
