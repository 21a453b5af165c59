//! Memos as JSON files in a folder, one for each key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{Memo, Memory, MemoryError, best};
use crate::Digest;

/// More memos than this are no longer read one by one; a better keeper is needed then.
const MEMOS_MAX: usize = 10_000;

/// Keeps memos in a folder.
///
/// Format: `<root>/<SHA-256 of the key, in hexadecimal>.json` holds one memo as JSON.
#[derive(Debug, Clone)]
pub struct FolderMemory {
    root: PathBuf,
}

impl FolderMemory {
    /// Opens a folder, which is made when it does not exist.
    ///
    /// # Errors
    ///
    /// Returns the system's error when it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }
}

#[async_trait]
impl Memory for FolderMemory {
    async fn remember(&self, key: &str, memo: Memo) -> Result<(), MemoryError> {
        let digest = Digest::of_bytes(key.as_bytes()).to_string();
        let name = digest.strip_prefix("sha256:").unwrap_or(&digest).to_owned();
        let root = self.root.clone();
        let written = tokio::task::spawn_blocking(move || write(&root, &name, &memo)).await;
        kept(written, "keep a memo")
    }

    async fn recall(&self, words: &str, most: usize) -> Result<Vec<Memo>, MemoryError> {
        let root = self.root.clone();
        let read = tokio::task::spawn_blocking(move || read(&root)).await;
        Ok(best(kept(read, "read its memos")?, words, most))
    }
}

fn kept<T>(
    result: Result<io::Result<T>, tokio::task::JoinError>,
    action: &str,
) -> Result<T, MemoryError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| MemoryError {
        action: action.to_owned(),
        source,
    };
    match result {
        Ok(result) => result.map_err(|error| failed(error.into())),
        Err(error) => Err(failed(error.into())),
    }
}

fn write(root: &Path, name: &str, memo: &Memo) -> io::Result<()> {
    let unfinished = root.join(format!("{name}.unfinished-{}", std::process::id()));
    let mut file = File::create(&unfinished)?;
    file.write_all(&serde_json::to_vec(memo)?)?;
    file.sync_all()?;
    fs::rename(&unfinished, root.join(format!("{name}.json")))?;
    File::open(root)?.sync_all()
}

fn read(root: &Path) -> io::Result<Vec<Memo>> {
    let mut memos = Vec::new();
    for entry in fs::read_dir(root)?.take(MEMOS_MAX) {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            memos.push(serde_json::from_slice(&fs::read(path)?)?);
        }
    }
    Ok(memos)
}
