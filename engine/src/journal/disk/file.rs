//! A disk in a file, locked for one process, that grows by zeroed extents.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Disk;
use crate::journal::JournalError;
use crate::journal::error::storage_error;

/// The smallest and largest extent that is zeroed ahead of the writes, in bytes.
///
/// Overwriting zeros costs one flush of data; writing into a hole costs the file system a
/// flush of its own records as well. Source: research/engine.md 7.2 (p99 291 against 372 µs).
const EXTENT_BYTES_MIN: u64 = 256 << 10;
const EXTENT_BYTES_MAX: u64 = 16 << 20;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A disk in a file. While it is open, no other process can open it.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    /// No byte at or after this offset was ever written. Only moves while `zeroing` is held,
    /// so that nobody zeroes what another thread has just written.
    zeroed_to: AtomicU64,
    zeroing: Mutex<()>,
}

impl FileDisk {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// [`JournalError::InUse`] when another process has it open; otherwise when it cannot be
    /// opened or made.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let exists = path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(storage_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse),
            Err(TryLockError::Error(error)) => return Err(storage_error(error)),
        }
        if !exists {
            make_entry_durable(path).map_err(storage_error)?;
        }
        let size = file.metadata().map_err(storage_error)?.len();
        Ok(Self {
            file,
            zeroed_to: AtomicU64::new(size),
            zeroing: Mutex::new(()),
        })
    }

    /// Zeroes an extent before the first write into it.
    fn prepare(&self, end: u64) -> io::Result<()> {
        if end <= self.zeroed_to.load(Ordering::Acquire) {
            return Ok(());
        }
        let _guard = self.zeroing.lock().unwrap_or_else(PoisonError::into_inner);
        let from = self.zeroed_to.load(Ordering::Acquire);
        if end <= from {
            return Ok(());
        }
        let size = self.file.metadata()?.len();
        let extent = from.clamp(EXTENT_BYTES_MIN, EXTENT_BYTES_MAX);
        let to = end.saturating_add(extent).min(size).max(end);
        let mut offset = from;
        while offset < to {
            let length = (to - offset).min(ZEROS.len() as u64);
            write_at(&self.file, &ZEROS[..length as usize], offset)?;
            offset += length;
        }
        self.zeroed_to.store(to, Ordering::Release);
        Ok(())
    }
}

impl Disk for FileDisk {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_at(&self.file, buffer, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.prepare(offset + bytes.len() as u64)?;
        write_at(&self.file, bytes, offset)
    }

    fn resize(&self, size_bytes: u64) -> io::Result<()> {
        let _guard = self.zeroing.lock().unwrap_or_else(PoisonError::into_inner);
        self.zeroed_to.fetch_min(size_bytes, Ordering::AcqRel);
        self.file.set_len(size_bytes)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Makes the name of a new file survive a power cut.
pub(crate) fn make_entry_durable(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let mut done = 0;
    while done < buffer.len() {
        match file.seek_read(&mut buffer[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => done += length,
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let mut done = 0;
    while done < bytes.len() {
        match file.seek_write(&bytes[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            length => done += length,
        }
    }
    Ok(())
}
