//! A disk whose plug can be pulled.

use std::io;
use std::sync::{Arc, Mutex};

use layercake_context::store::Disk;

/// A disk that loses what was not synced, and some of it not: each unsynced write is kept or
/// lost by a coin, as a real disk reorders them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShakyDisk {
    state: Arc<Mutex<Shaky>>,
}

#[derive(Debug, Default)]
struct Shaky {
    bytes: Vec<u8>,
    /// Bytes as of the last sync.
    synced: Vec<u8>,
    /// Writes since then, in order.
    pending: Vec<Write>,
    writes: u64,
    /// The write before which the power goes.
    cut_at: Option<u64>,
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Bytes(offset, data) => {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl Shaky {
    fn change(&mut self, write: Write) -> io::Result<()> {
        self.check_power()?;
        write.apply(&mut self.bytes);
        self.pending.push(write);
        Ok(())
    }

    fn check_power(&mut self) -> io::Result<()> {
        self.writes += 1;
        match self.cut_at {
            Some(cut) if self.writes > cut => Err(io::Error::other("the power is gone")),
            _ => Ok(()),
        }
    }
}

impl ShakyDisk {
    pub(crate) fn writes(&self) -> u64 {
        self.state.lock().unwrap().writes
    }

    pub(crate) fn cut_at(&self, write: u64) {
        self.state.lock().unwrap().cut_at = Some(write);
    }

    /// The disk as it comes back: the synced bytes, and of the later writes those that the
    /// coins keep.
    pub(crate) fn after_the_cut(&self, coins: u64) -> Self {
        let state = self.state.lock().unwrap();
        let mut bytes = state.synced.clone();
        for (i, write) in state.pending.iter().enumerate() {
            if coins >> (i % 64) & 1 == 1 {
                write.apply(&mut bytes);
            }
        }
        Self {
            state: Arc::new(Mutex::new(Shaky {
                synced: bytes.clone(),
                bytes,
                ..Shaky::default()
            })),
        }
    }
}

impl Disk for ShakyDisk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let from = offset as usize;
        let stored = state.bytes.get(from..from + out.len());
        out.copy_from_slice(stored.ok_or_else(|| io::Error::other("beyond the end"))?);
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change(Write::Length(length as usize))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.check_power()?;
        state.synced = state.bytes.clone();
        state.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change(Write::Bytes(offset as usize, data.to_vec()))
    }
}
