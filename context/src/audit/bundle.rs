//! Bundles: everything about one run, to be checked by somebody who has nothing but the public
//! key: its leaves, the proof that each stands in the trail, and a signed checkpoint.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::checkpoint::{Checkpoint, CheckpointError, PublicKey};
use super::{AuditLog, Hash, Leaf, Origin, verify_inclusion};
use crate::key;
use crate::store::Reader;
use crate::writer::{decode_position, run_hash};
use crate::{ContextError, Scope};

const FORMAT: &str = "layercake audit bundle 1";

/// The evidence of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The run.
    pub run: String,
    /// The trail that its leaves belong to.
    pub checkpoint: Checkpoint,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    position: u64,
    leaf: Vec<u8>,
    proof: Vec<Hash>,
}

/// A bundle does not show what it claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The text is no bundle.
    #[error("line {line} is not part of an audit bundle")]
    Unreadable {
        /// Which line, from 1.
        line: usize,
    },
    /// The checkpoint does not hold.
    #[error("the checkpoint of the bundle does not hold")]
    Checkpoint(#[source] CheckpointError),
    /// A leaf is not in the trail of the checkpoint.
    #[error("the leaf at position {position} is not in the signed trail")]
    NotIncluded {
        /// Where it is said to stand.
        position: u64,
    },
    /// A leaf is missing, out of order, or of another run.
    #[error("record {expected} of the run is missing or out of order")]
    Gap {
        /// The record that should come.
        expected: u64,
    },
}

impl AuditLog {
    /// Collects the evidence of one run under a fresh checkpoint.
    ///
    /// # Errors
    /// When the store cannot be read, or the origin cannot name a log.
    pub fn export(&self, scope: &Scope, run: &str, origin: &str) -> Result<Bundle, ContextError> {
        let checkpoint = self.checkpoint(origin)?;
        let hash = run_hash(scope, run);
        let rows = self.reader()?;
        let mut entries = Vec::new();
        for seq in 1.. {
            let Some(position) = rows.get(&key::audit_run(&hash, seq))? else {
                break;
            };
            let position = decode_position(&position)?;
            if position >= checkpoint.size {
                break;
            }
            entries.push(Entry {
                position,
                leaf: self.leaf(position)?.to_bytes(),
                proof: self.inclusion(position, checkpoint.size)?,
            });
        }
        Ok(Bundle {
            run: run.to_owned(),
            checkpoint,
            entries,
        })
    }
}

impl Bundle {
    /// Checks everything with the public key alone, and returns the leaves of the run.
    ///
    /// It shows that each record is in the signed trail as it was, without gaps from the first
    /// to the last one here. That there is no later one follows from the last record, which
    /// ends the run, or from a later bundle.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<Leaf>, BundleError> {
        self.checkpoint
            .verify(key)
            .map_err(BundleError::Checkpoint)?;
        let (size, root) = (self.checkpoint.size, self.checkpoint.root);
        let mut leaves = Vec::with_capacity(self.entries.len());
        for (entry, expected) in self.entries.iter().zip(1..) {
            let position = entry.position;
            if !verify_inclusion(&entry.leaf, position, size, &entry.proof, root) {
                return Err(BundleError::NotIncluded { position });
            }
            let leaf =
                Leaf::from_bytes(&entry.leaf).ok_or(BundleError::NotIncluded { position })?;
            let origin = Origin::Run {
                run: self.run.clone(),
                seq: expected,
            };
            if leaf.origin != origin {
                return Err(BundleError::Gap { expected });
            }
            leaves.push(leaf);
        }
        Ok(leaves)
    }
}

impl fmt::Display for Bundle {
    /// Writes JSON lines: one for the bundle, then one for each leaf.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = json!({
            "format": FORMAT,
            "run": self.run,
            "checkpoint": self.checkpoint.to_string(),
        });
        writeln!(f, "{head}")?;
        for entry in &self.entries {
            let hashes = entry.proof.iter();
            let proof: Vec<_> = hashes.map(|hash| BASE64.encode(hash.as_bytes())).collect();
            let line = json!({
                "position": entry.position,
                "leaf": BASE64.encode(&entry.leaf),
                "proof": proof,
            });
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl FromStr for Bundle {
    type Err = BundleError;

    fn from_str(text: &str) -> Result<Self, BundleError> {
        let mut lines = text.lines().zip(1..);
        let head = lines.next().and_then(|(line, _)| head(line));
        let (run, checkpoint) = head.ok_or(BundleError::Unreadable { line: 1 })?;
        let entries: Result<_, _> = lines
            .map(|(text, line)| entry(text).ok_or(BundleError::Unreadable { line }))
            .collect();
        Ok(Self {
            run,
            checkpoint,
            entries: entries?,
        })
    }
}

fn head(line: &str) -> Option<(String, Checkpoint)> {
    let value: Value = serde_json::from_str(line).ok()?;
    (value.get("format")?.as_str()? == FORMAT).then_some(())?;
    let run = value.get("run")?.as_str()?.to_owned();
    let checkpoint = value.get("checkpoint")?.as_str()?.parse().ok()?;
    Some((run, checkpoint))
}

fn entry(line: &str) -> Option<Entry> {
    let value: Value = serde_json::from_str(line).ok()?;
    let hash = |text: &Value| {
        let bytes = BASE64.decode(text.as_str()?).ok()?;
        Some(Hash::from_bytes(bytes.try_into().ok()?))
    };
    let proof: Option<_> = value.get("proof")?.as_array()?.iter().map(hash).collect();
    Some(Entry {
        position: value.get("position")?.as_u64()?,
        leaf: BASE64.decode(value.get("leaf")?.as_str()?).ok()?,
        proof: proof?,
    })
}
