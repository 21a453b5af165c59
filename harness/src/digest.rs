//! Content hashes: SHA-256 over a canonical text, the same on every machine and store.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Whole floats below this are written as integers, so that stores that do not tell `1.0`
/// from `1` give back the same hash. Beyond it a double no longer holds every integer.
const WHOLE_FLOAT_MAX: f64 = 9e15;

/// A SHA-256 hash, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest that stands before the first record of a session.
    pub const ZERO: Self = Self([0; 32]);

    /// Hashes bytes as they are.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes a value by its canonical text: sorted keys, no white space.
    pub fn of_value(value: &Value) -> Self {
        let mut text = Vec::with_capacity(256);
        write_canonical(value, &mut text);
        Self::of_bytes(&text)
    }

    /// Hashes this digest together with what follows it.
    pub fn then(self, next: Self) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(next.0);
        Self(hasher.finalize().into())
    }
}

/// Turns the crate's own plain data (no maps with odd keys, no failing serialisers) into JSON.
pub(crate) fn plain(data: &impl Serialize) -> Value {
    serde_json::to_value(data).expect("the crate's own data is plain")
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (position, (name, item)) in members.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write_canonical(item, out);
            }
            out.push(b'}');
        }
        Value::Number(number) => match number.as_f64() {
            Some(float)
                if number.is_f64() && float.fract() == 0.0 && float.abs() < WHOLE_FLOAT_MAX =>
            {
                write!(out, "{}", float as i64).expect("writing to memory cannot fail");
            }
            _ => write!(out, "{number}").expect("writing to memory cannot fail"),
        },
        Value::String(text) => write_text(text, out),
        Value::Null | Value::Bool(_) => {
            write!(out, "{value}").expect("writing to memory cannot fail");
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.to_owned());
        let hex = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut bytes = [0_u8; 32];
        for (position, byte) in bytes.iter_mut().enumerate() {
            let pair = &hex[2 * position..2 * position + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// The text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: `sha256:` and 64 hexadecimal digits are expected")]
pub struct InvalidDigest(String);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_meaning_has_equal_hash() {
        let one = json!({"b": 1.0, "a": [true, null, "ü\n"]});
        let other: Value = serde_json::from_str(r#"{"a":[true,null,"\u00fc\u000a"],"b":1}"#)
            .expect("the text is JSON");
        assert_eq!(Digest::of_value(&one), Digest::of_value(&other));
        assert_ne!(Digest::of_value(&one), Digest::of_value(&json!({"b": 1.5})));
    }

    #[test]
    fn text_goes_both_ways() {
        let digest = Digest::of_bytes(b"layercake");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("sha256:xyz".parse::<Digest>().is_err());
        assert!(Digest::from_str(&format!("sha256:{}", "é".repeat(32))).is_err());
    }
}
