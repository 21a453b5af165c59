//! What files were before an agent changed them, by content: what a rewind puts back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Digest;

/// Keeps the contents of files in a folder, each once.
///
/// Format: `<root>/<two hexadecimal digits>/<the other 62>`, named by the SHA-256 of the content.
#[derive(Debug, Clone)]
pub struct FileImages {
    root: PathBuf,
}

impl FileImages {
    /// Opens the images in a folder, which is made when it does not exist. It must lie where
    /// the agent's own tools cannot write.
    ///
    /// # Errors
    ///
    /// Returns the system's error when the folder cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// Keeps a content, durably, and returns its name.
    ///
    /// # Errors
    ///
    /// Returns the system's error when it cannot be written.
    pub fn keep(&self, content: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of_bytes(content);
        let path = self.path(digest);
        if path.exists() {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.root).to_path_buf();
        fs::create_dir_all(&folder)?;
        // Two writers of the same content may meet: each has a file of its own until the rename.
        let unfinished = folder.join(format!(
            ".unfinished-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let mut file = File::create(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&folder)?.sync_all()?;
        Ok(digest)
    }

    /// Returns a content; `None` when it was never kept.
    ///
    /// # Errors
    ///
    /// Returns the system's error when it cannot be read, and `InvalidData` when what is there
    /// is not what was kept.
    pub fn read(&self, digest: Digest) -> io::Result<Option<Vec<u8>>> {
        let content = match fs::read(self.path(digest)) {
            Ok(content) => content,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if Digest::of_bytes(&content) == digest {
            Ok(Some(content))
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let text = digest.to_string();
        let hex = text.strip_prefix("sha256:").unwrap_or(&text);
        let (first, rest) = hex.split_at(2);
        Path::new(&self.root).join(first).join(rest)
    }
}
