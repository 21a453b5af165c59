//! A disk in memory that fails on demand: power cuts, torn and lost writes, a full device,
//! flipped bits. It remembers what a power cut keeps.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Disk;

/// What a device writes in one piece; a write may be torn between two of them. In bytes.
const SECTOR_BYTES: usize = 512;

/// A disk in memory. Clones are the same disk, so that a test keeps a hand on it.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What survives a power cut.
    durable: Vec<u8>,
    /// What readers see.
    current: Vec<u8>,
    /// What was done since the last flush, in order.
    pending: Vec<Change>,
    /// The largest size of the disk, in bytes.
    capacity_bytes: Option<u64>,
    /// How many more changes and flushes the power lasts for.
    power_left: Option<u64>,
    /// How many changes and flushes there were.
    operations: u64,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl SimulatedDisk {
    /// Makes an empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the size; growing beyond it fails as a full device does. `None` lifts the limit.
    pub fn limit(&self, capacity_bytes: Option<u64>) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Cuts the power after so many more writes, resizes and flushes: from then on
    /// everything fails, until [`SimulatedDisk::restart`].
    pub fn cut_power_after(&self, operations: u64) {
        self.state().power_left = Some(operations);
    }

    /// Says whether the power was cut.
    pub fn is_dead(&self) -> bool {
        self.state().power_left == Some(0)
    }

    /// Returns how many writes, resizes and flushes there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Brings the power back. What was not flushed is kept, lost or torn, as the seed decides.
    pub fn restart(&self, seed: u64) {
        let mut state = self.state();
        let mut chance = Chance(seed);
        for change in std::mem::take(&mut state.pending) {
            match change {
                Change::Resize(size) if chance.of(2) == 0 => state.durable.resize(size, 0),
                Change::Resize(_) => {}
                Change::Write { offset, bytes } => {
                    keep_some(&mut state.durable, offset, &bytes, &mut chance);
                }
            }
        }
        state.current = state.durable.clone();
        state.power_left = None;
    }

    /// Flips one bit of what is stored, as a failing device does.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the size.
    pub fn flip_bit(&self, offset: u64, bit: u8) {
        let mut state = self.state();
        state.current[offset as usize] ^= 1 << (bit % 8);
        state.durable[offset as usize] ^= 1 << (bit % 8);
    }

    /// Returns the offset of the first place with these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<u64> {
        let state = self.state();
        let mut places = state.current.windows(bytes.len());
        places.position(|place| place == bytes).map(|at| at as u64)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one operation; fails when the power is gone.
    fn spend(&mut self) -> io::Result<()> {
        self.operations += 1;
        match &mut self.power_left {
            Some(0) => Err(dead()),
            Some(left) => {
                *left -= 1;
                if *left == 0 { Err(dead()) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    fn require_room(&self, size: u64) -> io::Result<()> {
        match self.capacity_bytes {
            Some(capacity) if size > capacity && size > self.current.len() as u64 => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl Disk for SimulatedDisk {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.state().current.len() as u64)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.power_left == Some(0) {
            return Err(dead());
        }
        let offset = offset as usize;
        let source = state
            .current
            .get(offset..offset + buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(source);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.require_room(offset + bytes.len() as u64)?;
        let offset = offset as usize;
        let change = Change::Write {
            offset,
            bytes: bytes.to_vec(),
        };
        // The write that the power fails at may still arrive in part.
        state.pending.push(change);
        state.spend()?;
        put(&mut state.current, offset, bytes);
        Ok(())
    }

    fn resize(&self, size_bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        state.require_room(size_bytes)?;
        state.pending.push(Change::Resize(size_bytes as usize));
        state.spend()?;
        state.current.resize(size_bytes as usize, 0);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        for change in std::mem::take(&mut state.pending) {
            match change {
                Change::Resize(size) => state.durable.resize(size, 0),
                Change::Write { offset, bytes } => put(&mut state.durable, offset, &bytes),
            }
        }
        Ok(())
    }
}

fn dead() -> io::Error {
    io::Error::other("the power is off")
}

fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if image.len() < offset + bytes.len() {
        image.resize(offset + bytes.len(), 0);
    }
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Keeps all, nothing, or some sectors of a write that was not flushed.
fn keep_some(image: &mut Vec<u8>, offset: usize, bytes: &[u8], chance: &mut Chance) {
    match chance.of(3) {
        0 => {}
        1 => put(image, offset, bytes),
        _ => {
            for (i, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                if chance.of(2) == 0 {
                    put(image, offset + i * SECTOR_BYTES, sector);
                }
            }
        }
    }
}

/// Repeatable chance.
///
/// Source: the splitmix64 generator of Steele, Lea and Flood (2014).
struct Chance(u64);

impl Chance {
    fn of(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}
