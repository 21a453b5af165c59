//! The log in front of the tables: what was appended since the last checkpoint, one entry for
//! each append, written in order and flushed once.
//!
//! A flush of one place costs half of what a commit of a tree does, which writes many places
//! (measured here: 99 against 182 µs for one step, 0.2 against 3 ms for 64). So an append is
//! durable in the log, visible in the tables at once, and durable in the tables at the next
//! checkpoint. `engine/docs/format.md` describes the bytes; change both together.

mod entry;

use std::sync::Arc;

use crate::journal::error::storage_error;
use crate::journal::{Disk, JournalError};
use entry::{BLOCK_BYTES, Head};

/// The file grows by doubling from this size, in bytes: a small store stays small.
const GROWTH_BYTES_MIN: u64 = 256 << 10;

/// How much is read at once when the whole log is looked through, in bytes.
const LOOK_BYTES: usize = 1 << 20;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the checkpoint before; entries of other generations do not count.
    pub(super) generation: u64,
    /// The number of the entry in its generation, from 0.
    pub(super) index: u64,
    /// Where it begins, in bytes.
    pub(super) offset: u64,
}

impl Place {
    /// Returns the place of the first entry of a generation.
    pub(super) fn first_of(generation: u64) -> Self {
        Self {
            generation,
            index: 0,
            offset: 0,
        }
    }
}

/// The log on its disk.
#[derive(Debug)]
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    /// The largest size of the log, in bytes.
    bytes_max: u64,
}

impl Log {
    pub(super) fn new(disk: Arc<dyn Disk>, bytes_max: u64) -> Self {
        Self { disk, bytes_max }
    }

    /// Says whether there is no byte of it, not even room.
    pub(super) fn is_missing(&self) -> Result<bool, JournalError> {
        Ok(self.size_bytes()? == 0)
    }

    /// Makes room, so that a log that is needed can be told from one that is missing.
    pub(super) fn make_room(&self) -> Result<(), JournalError> {
        if !self.is_missing()? {
            return Ok(());
        }
        let room = || {
            self.disk.resize(GROWTH_BYTES_MIN.min(self.bytes_max))?;
            self.disk.flush()
        };
        room().map_err(storage_error)
    }

    /// Says whether an entry with such a body ever has room.
    pub(super) fn takes(&self, body: &[u8]) -> bool {
        entry::size_bytes(body.len() as u64) <= self.bytes_max
    }

    /// Says whether an entry with such a body has room at this place.
    pub(super) fn has_room(&self, place: Place, body: &[u8]) -> bool {
        place.offset + entry::size_bytes(body.len() as u64) <= self.bytes_max
    }

    /// Writes an entry and flushes it; returns the place of the next one.
    pub(super) fn append(&self, place: Place, body: &[u8]) -> Result<Place, JournalError> {
        let entry = entry::encode(place, body);
        let end = place.offset + entry.len() as u64;
        let write = || {
            let size = self.disk.size_bytes()?;
            if end > size {
                let wanted = end.max(size * 2).max(GROWTH_BYTES_MIN);
                self.disk.resize(wanted.min(self.bytes_max).max(end))?;
            }
            self.disk.write(place.offset, &entry)?;
            self.disk.flush()
        };
        write().map_err(storage_error)?;
        Ok(Place {
            generation: place.generation,
            index: place.index + 1,
            offset: end,
        })
    }

    /// Reads the entry at a place; nothing when none of that generation and number is whole.
    pub(super) fn read(&self, place: Place) -> Result<Option<(Vec<u8>, Place)>, JournalError> {
        let size = self.size_bytes()?;
        if place.offset + BLOCK_BYTES as u64 > size {
            return Ok(None);
        }
        let mut block = vec![0; BLOCK_BYTES];
        self.fill(place.offset, &mut block)?;
        let head = match Head::of_block(&block) {
            Some(head) if head.generation == place.generation && head.index == place.index => head,
            _ => return Ok(None),
        };
        // The length may be anything until the checksum has been looked at.
        if head.length > self.bytes_max {
            return Ok(None);
        }
        let end = place.offset + entry::size_bytes(head.length);
        if end > size {
            return Ok(None);
        }
        let bytes = usize::try_from(end - place.offset).unwrap_or(usize::MAX);
        block.resize(bytes, 0);
        self.fill(place.offset + BLOCK_BYTES as u64, &mut block[BLOCK_BYTES..])?;
        let next = Place {
            generation: place.generation,
            index: place.index + 1,
            offset: end,
        };
        Ok(entry::decode(&block, &head).map(|body| (body, next)))
    }

    /// Looks through the whole log for heads of entries, whole or not.
    ///
    /// # Errors
    ///
    /// Fails when the storage fails, or when the bytes are those of something else.
    pub(super) fn heads(&self) -> Result<Heads, JournalError> {
        let size = self.size_bytes()?;
        let mut heads = Heads::default();
        let mut offset = 0;
        let mut blocks = Vec::new();
        while offset < size {
            let bytes = (size - offset).min(LOOK_BYTES as u64) as usize;
            blocks.resize(bytes, 0);
            self.fill(offset, &mut blocks)?;
            for (i, block) in blocks.chunks_exact(BLOCK_BYTES).enumerate() {
                let Some(head) = Head::of_block(block) else {
                    continue;
                };
                let place = Place {
                    generation: head.generation,
                    index: head.index,
                    offset: offset + (i * BLOCK_BYTES) as u64,
                };
                heads.places.push(place);
            }
            if offset == 0 && entry::is_foreign(&blocks) {
                return Err(JournalError::Damaged(
                    "the file of its log is something else; move that file away".to_owned(),
                ));
            }
            offset += bytes as u64;
        }
        Ok(heads)
    }

    fn size_bytes(&self) -> Result<u64, JournalError> {
        self.disk.size_bytes().map_err(storage_error)
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<(), JournalError> {
        self.disk.read(offset, buffer).map_err(storage_error)
    }
}

/// Where entries begin, of all generations.
#[derive(Debug, Default)]
pub(super) struct Heads {
    places: Vec<Place>,
}

impl Heads {
    /// Returns the newest generation that any entry was of.
    pub(super) fn newest_generation(&self) -> u64 {
        let generations = self.places.iter().map(|place| place.generation);
        // A number that nothing can follow was never written.
        generations.filter(|n| *n < u64::MAX).max().unwrap_or(0)
    }

    /// Says whether there are whole entries of the same generation beyond a place that has
    /// none. Nobody writes the next entry before the one before it is durable, so the one at
    /// this place was acknowledged, and is damaged.
    pub(super) fn go_on_after(&self, place: Place, log: &Log) -> Result<bool, JournalError> {
        let later = self.places.iter().filter(|later| {
            let beyond = later.offset > place.offset && later.index > place.index;
            beyond && later.generation == place.generation
        });
        for later in later {
            if log.read(*later)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
