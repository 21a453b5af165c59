//! Puts a [`Disk`] under the store.

use std::io;
use std::sync::Arc;

use redb::StorageBackend;

use crate::journal::Disk;

/// A disk as the store wants it.
#[derive(Debug)]
pub(super) struct DiskBackend(pub(super) Arc<dyn Disk>);

impl StorageBackend for DiskBackend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.size_bytes()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.resize(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.flush()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}
