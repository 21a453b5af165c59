//! The repository in memory, so that every rule is a function over data and can be tested on a
//! tree of a few lines. Reads; never writes.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::syntax::Source;

/// The crate folders: the only folders at the top.
pub(crate) const CRATES: [&str; 6] = ["model", "harness", "engine", "context", "cli", "xtask"];

/// What is produced or kept by tools and is no part of the repository.
const NOT_OURS: [&str; 3] = ["target", ".git", ".layercake"];

/// The files of a repository, by their path from its top, with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every file; `None` for one that is not UTF-8 text.
    files: BTreeMap<String, Option<String>>,
    /// The Rust files among them, as far as they were asked for; masked once for all rules.
    sources: OnceCell<BTreeMap<String, Source>>,
}

impl Tree {
    /// Reads the repository below a folder.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("the folder {} cannot be read", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else {
                self.read_file(&entry.path(), path)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, file: &Path, path: String) -> Result<()> {
        match std::fs::read(file) {
            Ok(bytes) => {
                self.files.insert(path, String::from_utf8(bytes).ok());
                Ok(())
            }
            // An editor's scratch file or a dangling link; it is gone, so no rule is about it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("{path} cannot be read")),
        }
    }

    /// A tree made by hand.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())))
            .collect();
        Self {
            files,
            sources: OnceCell::new(),
        }
    }

    /// Every text file with its path, in the order of the paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Every Rust file, except data that tests read and programs that drive other projects for
    /// a comparison: they are built apart, against crates that nothing here may know.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let apart = |path: &str| path.contains("/data/") || path.contains("/benches/peers/");
        self.texts()
            .filter(move |(path, _)| path.ends_with(".rs") && !apart(path))
    }

    /// Every Rust file of [`Tree::rust`], with comments and literals told from code.
    pub(crate) fn sources(&self) -> &BTreeMap<String, Source> {
        self.sources.get_or_init(|| {
            let files = self.rust();
            files
                .map(|(path, text)| (path.to_owned(), Source::read(text)))
                .collect()
        })
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// The names at the top, folders and files, each once.
    pub(crate) fn top(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .keys()
            .map(|path| path.split('/').next().unwrap_or(path))
            .collect();
        names.dedup();
        names
    }
}

/// The top of the repository that cargo was started in.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let mut folder = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    folder.pop();
    folder
}
