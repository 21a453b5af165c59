//! The bytes of one entry: a head, a checksum, and a body cut into blocks.
//!
//! A block tells by its first byte whether an entry begins there. So nothing that a body says
//! can pass for an entry.

use sha2::{Digest as _, Sha256};

use super::Place;

/// What an entry begins with: four letters, and the version of its form.
const MAGIC: [u8; 8] = *b"LCLG\0\0\0\x01";

/// How many bytes of it are the letters.
const LETTERS: usize = 4;

/// The bytes before the body.
const HEAD_BYTES: usize = 64;

/// Where the numbers stand in the head, after the magic.
const GENERATION_AT: usize = 8;
const INDEX_AT: usize = 16;
const LENGTH_AT: usize = 24;

/// Where the checksum begins in the head; it covers what stands before it, and the body.
const CHECKSUM_AT: usize = 32;

/// Entries begin at multiples of this, so that writing one never touches another, in bytes.
pub(super) const BLOCK_BYTES: usize = 4096;

/// What every other block of an entry begins with.
const CONTINUES: u8 = 0;

/// The bytes of the body in the first block, and in every other one.
const FIRST_BYTES: usize = BLOCK_BYTES - HEAD_BYTES;
const OTHER_BYTES: usize = BLOCK_BYTES - 1;

/// What the head of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) generation: u64,
    pub(super) index: u64,
    /// Of the body, in bytes.
    pub(super) length: u64,
    checksum: [u8; 32],
}

impl Head {
    /// Reads the head at the start of a block; nothing when no entry begins there.
    pub(super) fn of_block(block: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = block.first_chunk()?;
        let checksum = head[CHECKSUM_AT..].try_into();
        (head[..GENERATION_AT] == MAGIC).then(|| Self {
            generation: number(head, GENERATION_AT),
            index: number(head, INDEX_AT),
            length: number(head, LENGTH_AT),
            checksum: checksum.expect("a checksum ends the head"),
        })
    }
}

/// Says whether a file that begins with these bytes is no log. A new one is all zeros.
pub(super) fn is_foreign(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(LETTERS)];
    begin.iter().any(|byte| *byte != 0) && !MAGIC.starts_with(begin)
}

/// Returns the size of an entry with a body of this length, in bytes.
pub(super) fn size_bytes(length: u64) -> u64 {
    let others = length.saturating_sub(FIRST_BYTES as u64);
    (1 + others.div_ceil(OTHER_BYTES as u64)) * BLOCK_BYTES as u64
}

/// Makes the bytes of an entry.
pub(super) fn encode(place: Place, body: &[u8]) -> Vec<u8> {
    let bytes = size_bytes(body.len() as u64) as usize;
    let mut entry = Vec::with_capacity(bytes);
    entry.extend_from_slice(&MAGIC);
    entry.extend_from_slice(&place.generation.to_be_bytes());
    entry.extend_from_slice(&place.index.to_be_bytes());
    entry.extend_from_slice(&(body.len() as u64).to_be_bytes());
    let checksum = checksum(&entry, body);
    entry.extend_from_slice(&checksum);
    let (first, others) = body.split_at(body.len().min(FIRST_BYTES));
    entry.extend_from_slice(first);
    for other in others.chunks(OTHER_BYTES) {
        entry.push(CONTINUES);
        entry.extend_from_slice(other);
    }
    entry.resize(bytes, 0);
    entry
}

/// Takes the body out of an entry; nothing when the entry is not whole.
pub(super) fn decode(entry: &[u8], head: &Head) -> Option<Vec<u8>> {
    let length = usize::try_from(head.length).ok()?;
    let (first, others) = entry.split_at_checked(BLOCK_BYTES)?;
    let mut body = Vec::with_capacity(length + BLOCK_BYTES);
    body.extend_from_slice(&first[HEAD_BYTES..]);
    for other in others.chunks(BLOCK_BYTES) {
        let (_, rest) = other.split_first()?;
        body.extend_from_slice(rest);
    }
    if body.len() < length {
        return None;
    }
    body.truncate(length);
    (checksum(&first[..CHECKSUM_AT], &body) == head.checksum).then_some(body)
}

fn number(head: &[u8; HEAD_BYTES], at: usize) -> u64 {
    let bytes = head[at..at + 8].try_into();
    u64::from_be_bytes(bytes.expect("eight bytes were taken"))
}

fn checksum(head: &[u8], body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, FIRST_BYTES, Head, OTHER_BYTES, decode, encode, size_bytes};
    use crate::journal::redb::log::Place;

    const PLACE: Place = Place {
        generation: 7,
        index: 3,
        offset: 0,
    };

    fn check(length: usize, blocks: usize) {
        let body: Vec<u8> = (0..length).map(|i| (i % 251) as u8 + 1).collect();
        let entry = encode(PLACE, &body);
        assert_eq!(entry.len(), blocks * BLOCK_BYTES);
        assert_eq!(size_bytes(length as u64), entry.len() as u64);
        let head = Head::of_block(&entry).expect("a head");
        assert_eq!((head.generation, head.index), (7, 3));
        assert_eq!(decode(&entry, &head), Some(body));
    }

    #[test]
    fn bodies_of_every_length_come_back() {
        check(0, 1);
        check(1, 1);
        check(FIRST_BYTES, 1);
        check(FIRST_BYTES + 1, 2);
        check(FIRST_BYTES + OTHER_BYTES, 2);
        check(FIRST_BYTES + OTHER_BYTES + 1, 3);
        check(100_000, 25);
    }

    #[test]
    fn no_body_passes_for_an_entry() {
        let imitation = encode(PLACE, b"a lie").repeat(4);
        // Whatever the distance of the imitation to the beginning of a block is.
        for shift in 0..64 {
            let mut body = vec![1; FIRST_BYTES + shift];
            body.extend_from_slice(&imitation);
            let entry = encode(PLACE, &body);
            let mut others = entry.chunks(BLOCK_BYTES).skip(1);
            assert!(others.all(|block| Head::of_block(block).is_none()));
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed_or_harmless() {
        let body = vec![9; FIRST_BYTES + 10];
        let entry = encode(PLACE, &body);
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1 << (at % 8);
            let read = Head::of_block(&damaged)
                .filter(|head| (head.generation, head.index) == (7, 3))
                .filter(|head| size_bytes(head.length) == damaged.len() as u64)
                .and_then(|head| decode(&damaged, &head));
            assert!(read.is_none_or(|read| read == body), "byte {at}");
        }
    }
}
