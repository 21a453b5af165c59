//! The vault: keeps the one key that opens all other keys of a store, apart from the store,
//! so that replacing it makes old copies of erased keys unreadable.

use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Remedy;
use crate::seal::Key;

/// Keeps the root key of one store.
///
/// The key is replaced each time something is forgotten. A backup of the store needs a backup
/// of the vault made at the same time; such a backup also brings back what was forgotten since.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Returns the key, `None` when there never was one.
    ///
    /// # Errors
    /// When the vault cannot be read.
    fn load(&self) -> Result<Option<RootKey>, VaultError>;

    /// Replaces the key and destroys the old one. When it returns, the new key is on disk for
    /// good and the old one is not; a crash in the middle leaves one of the two.
    ///
    /// # Errors
    /// When the vault cannot be written.
    fn replace(&self, key: &RootKey) -> Result<(), VaultError>;
}

/// The key that opens all other keys of a store. It counts how often it was replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKey {
    pub(crate) generation: u32,
    pub(crate) key: Key,
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootKey")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

const HEADER: &str = "layercake context key 1";

impl RootKey {
    /// Writes the key as text: a header, the generation, 64 hexadecimal digits. Whoever has
    /// the text can read the store.
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        let mut text = format!("{HEADER}\n{}\n", self.generation);
        for byte in self.key.as_bytes() {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        text.push('\n');
        text
    }

    /// Reads what [`RootKey::to_text`] wrote; `None` when the text is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADER {
            return None;
        }
        let generation = lines.next()?.parse().ok()?;
        let hex = lines.next()?;
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self {
            generation,
            key: Key::from_bytes(bytes),
        })
    }
}

/// A vault in memory, for scratch stores.
#[derive(Debug, Default)]
pub struct MemoryVault(Mutex<Option<RootKey>>);

impl MemoryVault {
    /// Makes an empty vault.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Vault for MemoryVault {
    fn load(&self) -> Result<Option<RootKey>, VaultError> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn replace(&self, key: &RootKey) -> Result<(), VaultError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(())
    }
}

/// A vault in a file of its own, readable by its owner only.
#[derive(Debug)]
pub struct FileVault {
    path: PathBuf,
}

impl FileVault {
    /// Names the file; it is made when the first key is kept.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Vault for FileVault {
    fn load(&self) -> Result<Option<RootKey>, VaultError> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(mut file) => file.read_to_string(&mut text).map_err(VaultError::file)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(VaultError::file(error)),
        };
        RootKey::from_text(&text)
            .map(Some)
            .ok_or(VaultError::NotAKey)
    }

    fn replace(&self, key: &RootKey) -> Result<(), VaultError> {
        replace_file(&self.path, key.to_text().as_bytes()).map_err(VaultError::file)
    }
}

/// Writes the new file beside the old one and renames it; then overwrites the bytes of the old
/// file, which nobody can reach any more but which may still lie on the disk.
#[expect(
    clippy::disallowed_methods,
    reason = "this file owns the key file, as clippy.toml says"
)]
fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let old = OpenOptions::new().write(true).open(path).ok();
    std::fs::rename(&fresh, path)?;
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    if let Some(mut old) = old {
        let length = old.metadata()?.len();
        std::io::copy(&mut std::io::repeat(0).take(length), &mut old)?;
        old.sync_all()?;
    }
    Ok(())
}

/// A vault failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The key file cannot be read or written.
    #[error("the key file cannot be used")]
    File(#[source] Arc<dyn Error + Send + Sync>),
    /// The file holds no key.
    #[error("the key file holds no key")]
    NotAKey,
    /// The store has sealed rows, and the vault is empty.
    #[error("the key of the store is missing from its vault")]
    Missing,
    /// The key in the vault belongs to another store or another time.
    #[error("the key in the vault does not open this store")]
    WrongKey,
}

impl VaultError {
    fn file(error: std::io::Error) -> Self {
        Self::File(Arc::new(error))
    }

    /// Returns what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::File(_) => Remedy::FixTheEnvironment,
            Self::NotAKey | Self::Missing | Self::WrongKey => Remedy::RestoreABackup,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_vault(vault: &dyn Vault) {
        assert_eq!(vault.load().unwrap(), None);
        for generation in [1, 2] {
            let key = RootKey {
                generation,
                key: Key::from_bytes([generation as u8; 32]),
            };
            vault.replace(&key).unwrap();
            assert_eq!(vault.load().unwrap(), Some(key));
        }
    }

    #[test]
    fn both_vaults_keep_the_newest_key() {
        check_vault(&MemoryVault::new());
        let folder = tempfile::tempdir().unwrap();
        check_vault(&FileVault::at(folder.path().join("context.key")));
    }
}
