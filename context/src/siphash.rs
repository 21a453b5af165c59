//! SipHash-2-4: the keyed hash under which words, names and values stand in index keys, so
//! that an index shows no text.
//!
//! Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.

/// The secret that index keys are hashed with; drawn once for a store.
#[derive(Clone, Copy)]
pub(crate) struct IndexKey {
    k0: u64,
    k1: u64,
}

impl IndexKey {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let (low, high) = bytes.split_at(8);
        let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("half of 16 bytes"));
        Self {
            k0: word(low),
            k1: word(high),
        }
    }

    /// Hashes the parts as one message; the domain separates the indexes from each other.
    pub(crate) fn hash(self, domain: u64, text: &[u8]) -> u64 {
        let mut state = State::new(self.k0 ^ domain, self.k1);
        let mut chunks = text.chunks_exact(8);
        for chunk in &mut chunks {
            state.absorb(u64::from_le_bytes(
                chunk.try_into().expect("chunks of 8 bytes"),
            ));
        }
        let mut last = (text.len() as u64) << 56;
        for (i, &byte) in chunks.remainder().iter().enumerate() {
            last |= u64::from(byte) << (8 * i);
        }
        state.absorb(last);
        state.finish()
    }
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexKey(secret)")
    }
}

struct State([u64; 4]);

impl State {
    fn new(k0: u64, k1: u64) -> Self {
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xFF;
        for _ in 0..4 {
            self.round();
        }
        self.0.iter().fold(0, |sum, word| sum ^ word)
    }

    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.0;
        *v0 = v0.wrapping_add(*v1);
        *v2 = v2.wrapping_add(*v3);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v1);
        *v0 = v0.wrapping_add(*v3);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test values of the paper's appendix A (its example) and of its reference code
    /// (messages 00, 00 01, … under the key 00 01 … 0f).
    #[test]
    fn agrees_with_the_published_values() {
        let key = IndexKey::from_bytes(std::array::from_fn(|i| i as u8));
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(key.hash(0, &message), 0xa129_ca61_49be_45e5);
        assert_eq!(key.hash(0, &[]), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn domains_differ() {
        let key = IndexKey::from_bytes([7; 16]);
        assert_ne!(key.hash(1, b"word"), key.hash(2, b"word"));
    }
}
