//! Sealing: every piece of text is encrypted under the key of the entity that it is about, so
//! that destroying that key forgets the text in every copy.
//!
//! Source: RFC 8439 (ChaCha20-Poly1305), RFC 2104 (HMAC).

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

/// A secret of 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// What a piece of ciphertext is, so that one can never be taken for another. Together with
/// the row id it makes the nonce, and no key ever sees one nonce twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The text of a row of the log.
    Text,
    /// A key of an entity; the number tells wrappings of one key apart.
    Wrapped(u32),
}

impl Part {
    fn word(self) -> u32 {
        match self {
            Self::Text => 0,
            Self::Wrapped(generation) => (1 << 31) | generation,
        }
    }
}

impl Key {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts; the tag stands at the end.
    pub(crate) fn seal(&self, row: u64, part: Part, plain: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(plain.len() + TAG_BYTES);
        bytes.extend_from_slice(plain);
        let tag = ChaCha20Poly1305::new(&self.0.into())
            .encrypt_inout_detached(&nonce(row, part), &[], bytes.as_mut_slice().into())
            .expect("rows are far below the limit of 256 GiB");
        bytes.extend_from_slice(&tag);
        bytes
    }

    /// Decrypts; `None` when the bytes are not what this key sealed there.
    pub(crate) fn open(&self, row: u64, part: Part, sealed: &[u8]) -> Option<Vec<u8>> {
        let (body, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        let mut bytes = body.to_vec();
        ChaCha20Poly1305::new(&self.0.into())
            .decrypt_inout_detached(
                &nonce(row, part),
                &[],
                bytes.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        Some(bytes)
    }

    /// Returns the salt of a row's commitment. Showing it lets somebody check that one text
    /// against the audit trail, and nothing else.
    pub(crate) fn commitment_salt(&self, row: u64) -> [u8; 32] {
        keyed_hash(&self.0, &[b"commitment", &row.to_be_bytes()])
    }

    /// Commits to a text without showing anything of it.
    pub(crate) fn commitment(&self, row: u64, plain: &[u8]) -> [u8; 32] {
        keyed_hash(&self.commitment_salt(row), &[plain])
    }
}

fn nonce(row: u64, part: Part) -> Nonce {
    let mut bytes = [0_u8; 12];
    bytes[..8].copy_from_slice(&row.to_be_bytes());
    bytes[8..].copy_from_slice(&part.word().to_be_bytes());
    bytes.into()
}

/// HMAC-SHA256 of the parts one after the other.
pub(crate) fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Fresh secrets, derived from random bytes that the caller of this crate supplies.
pub(crate) struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        keyed_hash(&self.seed, &[b"entropy", &self.drawn.to_be_bytes()])
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_row_and_part_open() {
        let key = Key::from_bytes([1; 32]);
        let sealed = key.seal(7, Part::Text, b"Ada");
        assert_eq!(key.open(7, Part::Text, &sealed), Some(b"Ada".to_vec()));
        assert_eq!(key.open(8, Part::Text, &sealed), None);
        assert_eq!(key.open(7, Part::Wrapped(0), &sealed), None);
        assert_eq!(Key::from_bytes([2; 32]).open(7, Part::Text, &sealed), None);
        assert_eq!(key.open(7, Part::Text, b"short"), None);
    }

    #[test]
    fn commitments_differ_by_row_and_text() {
        let key = Key::from_bytes([1; 32]);
        assert_ne!(key.commitment(1, b"a"), key.commitment(2, b"a"));
        assert_ne!(key.commitment(1, b"a"), key.commitment(1, b"b"));
    }
}
