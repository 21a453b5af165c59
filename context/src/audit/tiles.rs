//! The tree over stored rows: leaves under their position, and once 256 hashes of one level
//! are complete, one tile with all of them. Interior nodes are computed from tiles.
//!
//! Source: C2SP tlog-tiles (tiles of 256 hashes, a tile of level n holds nodes of height 8n).

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::ContextError;
use crate::audit::Hash;
use crate::key;
use crate::store::Reader;

/// Hashes in a full tile.
pub(crate) const TILE_LEAVES: u64 = 256;
const TILE_HEIGHT: u32 = 8;

/// A tree of some size, computed from stored rows.
pub(crate) struct Tree<'a> {
    rows: &'a dyn Reader,
    size: u64,
    /// Tiles that this question has read or computed, by level and index.
    tiles: RefCell<BTreeMap<(u32, u64), Vec<Hash>>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(rows: &'a dyn Reader, size: u64) -> Self {
        Self {
            rows,
            size,
            tiles: RefCell::default(),
        }
    }

    /// Returns the bytes of a leaf.
    pub(crate) fn leaf(&self, position: u64) -> Result<Vec<u8>, ContextError> {
        self.rows
            .get(&key::audit_leaf(position))?
            .ok_or_else(|| ContextError::damaged(format!("audit leaf {position} is missing")))
    }

    pub(crate) fn root(&self) -> Result<Hash, ContextError> {
        self.root_of(0, self.size)
    }

    /// Returns the proof that the leaf at a position belongs to the tree.
    pub(crate) fn inclusion(&self, position: u64) -> Result<Vec<Hash>, ContextError> {
        let mut proof = Vec::new();
        let (mut from, mut to) = (0, self.size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if position < middle {
                proof.push(self.root_of(middle, to)?);
                to = middle;
            } else {
                proof.push(self.root_of(from, middle)?);
                from = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// Returns the proof that the first `old_size` leaves are a prefix of the tree.
    pub(crate) fn consistency(&self, old_size: u64) -> Result<Vec<Hash>, ContextError> {
        let mut proof = Vec::new();
        if old_size == 0 || old_size == self.size {
            return Ok(proof);
        }
        let (mut from, mut to) = (0, self.size);
        while to != old_size {
            let middle = from + split(to - from);
            if old_size <= middle {
                proof.push(self.root_of(middle, to)?);
                to = middle;
            } else {
                proof.push(self.root_of(from, middle)?);
                from = middle;
            }
        }
        // The old tree's own root is known to whoever asks, unless it is not a whole subtree.
        if from != 0 {
            proof.push(self.root_of(from, to)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// Returns the hashes of a full tile.
    pub(crate) fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, ContextError> {
        let first = index * TILE_LEAVES;
        (first..first + TILE_LEAVES)
            .map(|entry| self.entry(u32::from(level), entry))
            .collect()
    }

    /// Computes the hashes of a full tile from the level below, whatever the tile itself says.
    pub(crate) fn tile_from_below(&self, level: u8, index: u64) -> Result<Vec<Hash>, ContextError> {
        let first = index * TILE_LEAVES;
        (first..first + TILE_LEAVES)
            .map(|entry| self.entry_from_below(u32::from(level), entry))
            .collect()
    }

    /// Returns the root over the leaves `from <= position < to`.
    fn root_of(&self, from: u64, to: u64) -> Result<Hash, ContextError> {
        let length = to - from;
        if length == 0 {
            return Ok(Hash::of_nothing());
        }
        if length.is_power_of_two() && from.is_multiple_of(length) {
            return self.node(length.trailing_zeros(), from / length);
        }
        let middle = from + split(length);
        Ok(Hash::of_node(
            self.root_of(from, middle)?,
            self.root_of(middle, to)?,
        ))
    }

    /// Returns the root of a complete subtree of some height.
    fn node(&self, height: u32, index: u64) -> Result<Hash, ContextError> {
        let level = height / TILE_HEIGHT;
        let within = height % TILE_HEIGHT;
        let first = index << within;
        let mut hashes = Vec::with_capacity(1 << within);
        for entry in first..first + (1 << within) {
            hashes.push(self.entry(level, entry)?);
        }
        Ok(join(hashes))
    }

    /// Returns the node of height `8 * level` with this index.
    fn entry(&self, level: u32, index: u64) -> Result<Hash, ContextError> {
        let tile = (level, index / TILE_LEAVES);
        let slot = (index % TILE_LEAVES) as usize;
        if let Some(hashes) = self.tiles.borrow().get(&tile)
            && let Some(&hash) = hashes.get(slot)
        {
            return Ok(hash);
        }
        let level_byte = u8::try_from(level).expect("a tree of 2^64 leaves has 8 levels");
        if let Some(bytes) = self.rows.get(&key::audit_tile(level_byte, tile.1))? {
            let hashes = decode_tile(&bytes)
                .ok_or_else(|| ContextError::damaged(format!("audit tile {level}/{}", tile.1)))?;
            let hash = hashes[slot];
            self.tiles.borrow_mut().insert(tile, hashes);
            return Ok(hash);
        }
        self.entry_from_below(level, index)
    }

    fn entry_from_below(&self, level: u32, index: u64) -> Result<Hash, ContextError> {
        let Some(below) = level.checked_sub(1) else {
            return Ok(Hash::of_leaf(&self.leaf(index)?));
        };
        let first = index << TILE_HEIGHT;
        let children = first..first + TILE_LEAVES;
        let hashes: Result<_, _> = children.map(|child| self.entry(below, child)).collect();
        Ok(join(hashes?))
    }
}

/// Returns the largest power of two below a number that is at least 2.
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

/// Joins a power of two of hashes into the root over them.
fn join(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks_exact(2)
            .map(|pair| Hash::of_node(pair[0], pair[1]))
            .collect();
    }
    hashes[0]
}

pub(crate) fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn decode_tile(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    let full = hashes.len() as u64 == TILE_LEAVES && rest.is_empty();
    full.then(|| hashes.iter().copied().map(Hash::from_bytes).collect())
}
