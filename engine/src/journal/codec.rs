//! The encoding of stored values: one version byte, then MessagePack with fields by position.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JournalError;

/// The version of the encoding that this version writes; the first byte of every value.
const ENCODING: u8 = 1;

/// Encodes a value for storage.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![ENCODING];
    rmp_serde::encode::write(&mut bytes, value)
        .expect("a vector takes every byte, and stored types know their lengths");
    bytes
}

/// Decodes a stored value. `what` names it in the error.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, JournalError> {
    match bytes.split_first() {
        Some((&ENCODING, rest)) => rmp_serde::from_slice(rest)
            .map_err(|error| JournalError::Damaged(format!("{what} cannot be decoded: {error}"))),
        Some((version, _)) => Err(JournalError::Damaged(format!(
            "{what} has the unknown encoding {version}"
        ))),
        None => Err(JournalError::Damaged(format!("{what} is empty"))),
    }
}
