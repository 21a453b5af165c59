//! Names of runs, tasks and effects. Ids are derived or given, never drawn here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, Timestamp};

/// The name of one run: 48 bits of time and 80 bits of identity, written as 26 characters.
///
/// Source: the ULID specification (Crockford base 32, sortable by time).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(u128);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RUN_ID_CHARS: usize = 26;
const IDENTITY_BITS: u32 = 80;

impl RunId {
    /// Makes an id from the time of creation and 80 bits (the low ones) of identity.
    pub fn from_parts(at: Timestamp, identity: u128) -> Self {
        let time = (at.as_millis() as u128) & 0xFFFF_FFFF_FFFF;
        Self((time << IDENTITY_BITS) | (identity & ((1 << IDENTITY_BITS) - 1)))
    }

    /// Derives the id of something that a run asked for: the same cause gives the same id.
    pub fn derived(parent: RunId, at: Timestamp, key: &TaskKey, attempt: u32) -> Self {
        let mut text = parent.to_bytes().to_vec();
        text.extend_from_slice(key.as_str().as_bytes());
        text.extend_from_slice(&attempt.to_be_bytes());
        let digest = Digest::of_bytes(&text);
        let mut identity = [0_u8; 16];
        identity[6..].copy_from_slice(&digest.as_bytes()[..10]);
        Self::from_parts(at, u128::from_be_bytes(identity))
    }

    /// Returns the 16 bytes of the id, in sorting order.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Makes an id from its 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; RUN_ID_CHARS];
        for (i, slot) in text.iter_mut().enumerate() {
            let shift = 5 * (RUN_ID_CHARS - 1 - i);
            *slot = ALPHABET[((self.0 >> shift) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId(text.to_owned());
        if text.len() != RUN_ID_CHARS {
            return Err(invalid());
        }
        let mut number: u128 = 0;
        for (i, byte) in text.bytes().enumerate() {
            let byte = byte.to_ascii_uppercase();
            let digit = ALPHABET
                .iter()
                .position(|&c| c == byte)
                .ok_or_else(invalid)?;
            if i == 0 && digit > 7 {
                return Err(invalid());
            }
            number = (number << 5) | digit as u128;
        }
        Ok(Self(number))
    }
}

impl Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not the id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a run id: 26 letters and digits are expected")]
pub struct InvalidId(String);

/// The stable key of a task in a run: its name path and iteration indices, `triage/classify[2]`.
///
/// Equal keys in two runs of one definition mean the same step. Inside a `for`, each direct
/// child carries the index of the pass (from 0). A task entered again by a `then` that jumps
/// back carries `#2`, `#3`, … The tasks of `catch.do` stand below `@catch`, so that a handler
/// may reuse a name of the body. The key of the run itself is empty. Retries share the key and
/// differ in the attempt. Those of an extension stand below `@before[its name]` and `@after[…]`, those of an evaluator below `@judge[attempt]`.
///
/// Below a `for-each` with a `key`, the key of the item stands for the index.
///
/// In a name, `~`, `/`, `[`, `#`, a leading `@` and `]` are written `~0`, `~1`, `~2`, `~3`,
/// `~4`, `~5`, so that two tasks never share a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskKey(String);

impl TaskKey {
    /// Makes the key of the run itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Makes the key of a task inside this one.
    pub fn child(&self, name: &str, index: Option<u64>, visit: u32) -> Self {
        use fmt::Write;
        let mut key = self.0.clone();
        if !key.is_empty() {
            key.push('/');
        }
        push_escaped(&mut key, name);
        if let Some(index) = index {
            write!(key, "[{index}]").expect("writing to a string cannot fail");
        }
        if visit > 1 {
            write!(key, "#{visit}").expect("writing to a string cannot fail");
        }
        Self(key)
    }

    /// Makes the key of a task inside this one that works on the item of that name.
    pub fn child_of(&self, name: &str, item: &str) -> Self {
        let mut key = self.child(name, None, 1).0;
        key.push('[');
        push_escaped(&mut key, item);
        key.push(']');
        Self(key)
    }

    /// Makes the key above the tasks of a `catch.do`.
    pub fn handler(&self) -> Self {
        Self(format!("{}/@catch", self.0))
    }

    /// Makes the key of a part of this task that is no task of its own, for instance what an
    /// extension does before it.
    pub(crate) fn part(&self, word: &str, name: &str) -> Self {
        let mut key = format!("{}/@{word}[", self.0);
        push_escaped(&mut key, name);
        key.push(']');
        Self(key)
    }

    /// Says whether this is the key of a task inside `outer`, at any depth.
    pub fn is_inside(&self, outer: &Self) -> bool {
        outer.0.is_empty() && !self.0.is_empty()
            || self
                .0
                .strip_prefix(&outer.0)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Says whether a task of that name is on the path of this key.
    pub fn passes(&self, name: &str) -> bool {
        let mut wanted = String::new();
        push_escaped(&mut wanted, name);
        self.0.split('/').any(|segment| {
            let end = segment.find(['[', '#']).unwrap_or(segment.len());
            segment[..end] == wanted
        })
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn push_escaped(key: &mut String, name: &str) {
    for (i, letter) in name.chars().enumerate() {
        match letter {
            '~' => key.push_str("~0"),
            '/' => key.push_str("~1"),
            '[' => key.push_str("~2"),
            '#' => key.push_str("~3"),
            '@' if i == 0 => key.push_str("~4"),
            ']' => key.push_str("~5"),
            other => key.push(other),
        }
    }
}

impl From<String> for TaskKey {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one effect: the same id twice means the same thing.
///
/// Derived from run, stable key and attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(Digest);

impl EffectId {
    /// Derives the id of the effect of one attempt of one task.
    pub fn derive(run: RunId, key: &TaskKey, attempt: u32) -> Self {
        let mut text = run.to_bytes().to_vec();
        text.extend_from_slice(key.as_str().as_bytes());
        text.extend_from_slice(&attempt.to_be_bytes());
        Self(Digest::of_bytes(&text))
    }

    /// Returns the digest behind the id.
    pub fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex()[..32])
    }
}

/// The key under which the outside may recognise a repeated effect: run and stable key,
/// without the attempt, so that a retry after an unclear failure is applied once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Derives the key of a task in a run.
    pub fn derive(run: RunId, key: &TaskKey) -> Self {
        let mut text = run.to_bytes().to_vec();
        text.extend_from_slice(key.as_str().as_bytes());
        Self(Digest::of_bytes(&text).to_hex()[..32].to_owned())
    }

    /// Returns the key as text: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
