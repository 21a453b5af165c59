//! A disk in memory that fails on demand: power cuts, torn and lost writes, a full device,
//! flipped bits. It remembers what a power cut keeps.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Disk;

/// What a device writes in one piece; a write may be torn between two of them. In bytes.
const SECTOR_BYTES: usize = 512;

/// A disk in memory. Clones are the same disk, so that a test keeps a hand on it.
///
/// Several disks can be parts of one device: they share its power and its capacity.
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    device: Arc<Mutex<Device>>,
    part: usize,
}

#[derive(Debug, Default)]
struct Device {
    parts: Vec<Part>,
    /// The largest size of all parts together, in bytes.
    capacity_bytes: Option<u64>,
    /// How many more changes and flushes the power lasts for.
    power_left: Option<u64>,
    /// The one operation that fails, counted from here, and how.
    failing: Option<(u64, Fault)>,
    /// Whether flushes are acknowledged and not done.
    skips_flushes: bool,
    /// How many changes and flushes there were.
    operations: u64,
}

/// How an operation fails while the device goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done.
    Refused,
    /// It is done, and reported as failed.
    Misreported,
}

#[derive(Debug, Default)]
struct Part {
    /// What survives a power cut.
    durable: Vec<u8>,
    /// What readers see.
    current: Vec<u8>,
    /// What was done since the last flush, in order.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedDisk {
    /// Makes an empty disk on a device of its own.
    pub fn new() -> Self {
        let device = Device {
            parts: vec![Part::default()],
            ..Device::default()
        };
        Self {
            device: Arc::new(Mutex::new(device)),
            part: 0,
        }
    }

    /// Returns another part of the same device, empty when it is new. Part 0 is this disk
    /// when it was made by [`SimulatedDisk::new`].
    #[must_use]
    pub fn part(&self, part: usize) -> Self {
        let mut device = self.device();
        while device.parts.len() <= part {
            device.parts.push(Part::default());
        }
        Self {
            device: Arc::clone(&self.device),
            part,
        }
    }

    /// Limits the size of the device; growing beyond it fails as a full device does. `None`
    /// lifts the limit.
    pub fn limit(&self, capacity_bytes: Option<u64>) {
        self.device().capacity_bytes = capacity_bytes;
    }

    /// Returns the size of all parts together, in bytes.
    pub fn used_bytes(&self) -> u64 {
        self.device().used_bytes()
    }

    /// Cuts the power after so many more writes, resizes and flushes: from then on
    /// everything fails, until [`SimulatedDisk::restart`].
    pub fn cut_power_after(&self, operations: u64) {
        self.device().power_left = Some(operations);
    }

    /// Lets one operation fail after so many others; the device goes on.
    pub fn fail_once_after(&self, operations: u64, fault: Fault) {
        self.device().failing = Some((operations, fault));
    }

    /// Acknowledges flushes from now on without doing them, as a device with a mistake does.
    pub fn skip_flushes(&self) {
        self.device().skips_flushes = true;
    }

    /// Says whether the power was cut.
    pub fn is_dead(&self) -> bool {
        self.device().power_left == Some(0)
    }

    /// Returns how many writes, resizes and flushes there were.
    pub fn operations(&self) -> u64 {
        self.device().operations
    }

    /// Brings the power back. What was not flushed is kept, lost or torn, as the seed decides.
    pub fn restart(&self, seed: u64) {
        let mut device = self.device();
        let mut chance = Chance(seed);
        for part in &mut device.parts {
            for change in std::mem::take(&mut part.pending) {
                match change {
                    Change::Resize(size) if chance.of(2) == 0 => part.durable.resize(size, 0),
                    Change::Resize(_) => {}
                    Change::Write { offset, bytes } => {
                        keep_some(&mut part.durable, offset, &bytes, &mut chance);
                    }
                }
            }
            part.current.clone_from(&part.durable);
        }
        device.power_left = None;
        device.failing = None;
    }

    /// Flips one bit of what is stored, as a failing device does.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the size.
    pub fn flip_bit(&self, offset: u64, bit: u8) {
        let mut device = self.device();
        let part = &mut device.parts[self.part];
        part.current[offset as usize] ^= 1 << (bit % 8);
        part.durable[offset as usize] ^= 1 << (bit % 8);
    }

    /// Returns the offset of the first place with these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<u64> {
        let device = self.device();
        let mut places = device.parts[self.part].current.windows(bytes.len());
        places.position(|place| place == bytes).map(|at| at as u64)
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device {
    /// Counts one operation; fails when the power is gone. Says how it is to fail although
    /// there is power.
    fn spend(&mut self) -> io::Result<Option<Fault>> {
        self.operations += 1;
        let fault = match &mut self.failing {
            Some((0, fault)) => Some(*fault),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if fault.is_some() {
            self.failing = None;
        }
        self.spend_power().map(|()| fault)
    }

    fn spend_power(&mut self) -> io::Result<()> {
        match &mut self.power_left {
            Some(0) => Err(dead()),
            Some(left) => {
                *left -= 1;
                if *left == 0 { Err(dead()) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    fn used_bytes(&self) -> u64 {
        let sizes = self.parts.iter().map(|part| part.current.len() as u64);
        sizes.sum()
    }

    fn require_room(&self, part: usize, size: u64) -> io::Result<()> {
        let grows_by = size.saturating_sub(self.parts[part].current.len() as u64);
        match self.capacity_bytes {
            Some(capacity) if grows_by > 0 && self.used_bytes() + grows_by > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl Disk for SimulatedDisk {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.device().parts[self.part].current.len() as u64)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let device = self.device();
        if device.power_left == Some(0) {
            return Err(dead());
        }
        let offset = offset as usize;
        let source = device.parts[self.part]
            .current
            .get(offset..offset + buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(source);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut device = self.device();
        device.require_room(self.part, offset + bytes.len() as u64)?;
        let offset = offset as usize;
        let change = Change::Write {
            offset,
            bytes: bytes.to_vec(),
        };
        // The write that the power fails at may still arrive in part.
        device.parts[self.part].pending.push(change);
        let fault = device.spend()?;
        if fault == Some(Fault::Refused) {
            device.parts[self.part].pending.pop();
        } else {
            put(&mut device.parts[self.part].current, offset, bytes);
        }
        report(fault)
    }

    fn resize(&self, size_bytes: u64) -> io::Result<()> {
        let mut device = self.device();
        device.require_room(self.part, size_bytes)?;
        let change = Change::Resize(size_bytes as usize);
        device.parts[self.part].pending.push(change);
        let fault = device.spend()?;
        let part = &mut device.parts[self.part];
        if fault == Some(Fault::Refused) {
            part.pending.pop();
        } else {
            part.current.resize(size_bytes as usize, 0);
        }
        report(fault)
    }

    fn flush(&self) -> io::Result<()> {
        let mut device = self.device();
        let fault = device.spend()?;
        if fault != Some(Fault::Refused) && !device.skips_flushes {
            let part = &mut device.parts[self.part];
            for change in std::mem::take(&mut part.pending) {
                match change {
                    Change::Resize(size) => part.durable.resize(size, 0),
                    Change::Write { offset, bytes } => put(&mut part.durable, offset, &bytes),
                }
            }
        }
        report(fault)
    }
}

fn report(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        None => Ok(()),
        Some(_) => Err(io::Error::other("the device failed")),
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
