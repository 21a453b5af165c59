//! The tree's arithmetic: hashes, the frontier, and checking proofs. Pure functions.
//!
//! Source: RFC 6962 section 2.1 (hashes and proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2
//! (how a verifier walks them).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Makes a hash of its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes a leaf.
    pub(crate) fn of_leaf(bytes: &[u8]) -> Self {
        Self(
            Sha256::new_with_prefix([0x00])
                .chain_update(bytes)
                .finalize()
                .into(),
        )
    }

    /// Hashes a node over its two children.
    pub(crate) fn of_node(left: Self, right: Self) -> Self {
        let hasher = Sha256::new_with_prefix([0x01])
            .chain_update(left.0)
            .chain_update(right.0);
        Self(hasher.finalize().into())
    }

    /// Returns the root of the tree without leaves.
    pub(crate) fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }
}

impl fmt::Display for Hash {
    /// Writes 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidHash);
        }
        let mut bytes = [0_u8; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * i..2 * i + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(bytes))
    }
}

/// The text is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 64 hexadecimal digits")]
pub struct InvalidHash;

/// The right edge of a tree: the roots of its complete subtrees, the largest first. It is all
/// that appending needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// Takes up a stored frontier; `None` when the number of roots does not fit the size.
    pub(crate) fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (size.count_ones() as usize == roots.len()).then_some(Self { size, roots })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf: every complete subtree that now has a twin is joined with it.
    pub(crate) fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("one root for each bit of the size");
            hash = Hash::of_node(left, hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// Returns the root of the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let joined = self.roots.iter().rev().copied();
        joined
            .reduce(|right, left| Hash::of_node(left, right))
            .unwrap_or_else(Hash::of_nothing)
    }
}

/// Says whether a proof shows that a leaf stands at a position of the tree with this size and
/// root.
pub fn verify_inclusion(leaf: &[u8], position: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    if position >= size {
        return false;
    }
    let mut node = position;
    let mut last = size - 1;
    let mut hash = Hash::of_leaf(leaf);
    for &step in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = Hash::of_node(step, hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::of_node(hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Says whether a proof shows that the tree with the old size and root is a prefix of the tree
/// with the new size and root.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> bool {
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && old_root == Hash::of_nothing();
    }
    if old_size > new_size {
        return false;
    }
    let mut steps = proof.iter().copied();
    let first = if old_size.is_power_of_two() {
        Some(old_root)
    } else {
        steps.next()
    };
    let Some(first) = first else { return false };
    let trailing = (old_size - 1).trailing_ones();
    let mut node = (old_size - 1) >> trailing;
    let mut last = (new_size - 1) >> trailing;
    let (mut old, mut new) = (first, first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = Hash::of_node(step, old);
            new = Hash::of_node(step, new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = Hash::of_node(new, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == old_root && new == new_root
}
