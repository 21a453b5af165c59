//! Where the contestants are installed, built and started. Everything lies below `target/peers`:
//! the tree of the repository stays as it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::contestant::Running;
use super::listing::{Contestant, Listing};

/// All contestants that could be started.
#[derive(Debug)]
pub(super) struct Arena {
    running: Vec<Running>,
}

impl Arena {
    /// Prepares and starts the contestants. One that cannot take part is named, with the reason.
    pub(super) fn open(
        root: &Path,
        krate: &str,
        listing: &Listing,
        out: &mut dyn Write,
    ) -> Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let arena = target.join("peers").join(krate);
        copy(&root.join(krate).join("benches/peers"), &arena)?;
        let mut running = Vec::new();
        for contestant in &listing.contestants {
            write!(out, "{}: ", contestant.name)?;
            out.flush()?;
            match prepare_and_start(contestant, root, &arena) {
                Ok(started) => {
                    writeln!(out, "{}", started.version())?;
                    running.push(started);
                }
                Err(error) => writeln!(out, "does not take part: {error:#}")?,
            }
        }
        Ok(Self { running })
    }

    /// Everyone who takes part.
    pub(super) fn contestants(&mut self) -> impl Iterator<Item = &mut Running> {
        self.running.iter_mut()
    }

    /// Stops everyone.
    pub(super) fn close(self) {
        for running in self.running {
            running.stop();
        }
    }
}

fn prepare_and_start(contestant: &Contestant, root: &Path, arena: &Path) -> Result<Running> {
    for need in &contestant.needs {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(need).is_file())
        });
        anyhow::ensure!(found, "`{need}` is not installed here");
    }
    let folder = contestant
        .folder
        .as_ref()
        .map_or_else(|| root.to_owned(), |name| arena.join(name));
    let log = arena.join(format!("{}.log", contestant.name));
    for command in &contestant.prepare {
        prepare(command, &folder, &log)?;
    }
    Running::start(contestant, &folder, arena, &log)
}

fn prepare(command: &[String], folder: &Path, log: &Path) -> Result<()> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let written = std::fs::File::create(log)?;
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // A peer builds beside its own manifest, whatever this program was built with.
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(written.try_clone()?)
        .stderr(written)
        .status()
        .with_context(|| format!("`{program}` cannot be started"))?;
    anyhow::ensure!(
        status.success(),
        "`{}` failed; see {}",
        command.join(" "),
        log.display()
    );
    Ok(())
}

/// Copies what is new or changed, so that a second call builds nothing twice.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if std::fs::read(&target).ok() != Some(std::fs::read(entry.path())?) {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
