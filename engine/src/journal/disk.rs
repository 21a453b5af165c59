//! The seam below the journal: a disk of bytes. Faults are injected here.

mod file;
mod simulated;

use std::fmt;
use std::io;

pub use file::FileDisk;
pub(super) use file::make_entry_durable;
pub use simulated::{Fault, SimulatedDisk};

/// A growable array of bytes that survives a power cut after [`Disk::flush`].
///
/// Writes that were not flushed may survive, be lost, or survive in part, in any order.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Returns the size, in bytes.
    ///
    /// # Errors
    ///
    /// Fails when the device fails.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Fills the buffer with the bytes from an offset on.
    ///
    /// # Errors
    ///
    /// Fails when the device fails, or when the range reaches beyond the size.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes bytes from an offset on.
    ///
    /// # Errors
    ///
    /// Fails when the device fails or is full.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Changes the size; new bytes are zero.
    ///
    /// # Errors
    ///
    /// Fails when the device fails or is full.
    fn resize(&self, size_bytes: u64) -> io::Result<()>;

    /// Makes everything that was written survive a power cut.
    ///
    /// # Errors
    ///
    /// Fails when the device fails.
    fn flush(&self) -> io::Result<()>;
}
