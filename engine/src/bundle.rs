//! One run as one file, `X.lcrun`: complete, verifiable, the same bytes for the same run, and
//! still replayable after its secrets were taken out.
//!
//! The format, version 1: a ZIP archive whose entries stand in the order of their names and carry
//! no times. `manifest.json` names every other entry with its SHA-256; `events.jsonl` has one
//! record a line, log by log, parents first; `definition/HEX` is the text of a definition and
//! `payload/HEX.json` a value, each by its hash; `redactions.json` says what was taken out. A
//! reader leaves entries and members that it does not know alone.

mod redacted;

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

pub use redacted::Rechain;

use crate::{Digest, Record, RecordKind, RedactionReport, RunTree};

/// The format that this version writes and the newest that it reads.
pub const BUNDLE_FORMAT: u32 = 1;
/// The largest entry that is read, in bytes: nobody fills the memory with a small file.
const ENTRY_BYTES_MAX: u64 = 512 << 20;
/// The most entries that are read.
const ENTRIES_MAX: usize = 100_000;

const MANIFEST: &str = "manifest.json";
const EVENTS: &str = "events.jsonl";
const REDACTIONS: &str = "redactions.json";

/// What a bundle says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format.
    pub format: u32,
    /// The run.
    pub run: String,
    /// What ran.
    pub name: String,
    /// The version of the engine that wrote the records.
    pub engine: String,
    /// When the run was asked for, RFC 3339.
    pub started_at: String,
    /// How many runs.
    pub runs: usize,
    /// How many records.
    pub records: usize,
    /// The hash of the last record's output: what a replay must come to.
    pub expect: Option<Digest>,
    /// Whether secrets were taken out.
    pub redacted: bool,
    /// The SHA-256 of every other entry.
    pub entries: BTreeMap<String, Digest>,
}

/// Why a bundle cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no record in it.
    #[error("there is nothing to bundle")]
    Empty,
    /// It is no archive, or cut off.
    #[error("the file is not a bundle")]
    Archive(#[source] zip::result::ZipError),
    /// An entry cannot be read.
    #[error("the entry `{name}` cannot be read")]
    Unreadable {
        /// The entry.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An entry is missing, too large, or not what the manifest says.
    #[error("the entry `{name}` {why}")]
    Broken {
        /// The entry.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// It was written by a newer version.
    #[error("the bundle has format {0}, this version reads up to {BUNDLE_FORMAT}")]
    Newer(u32),
    /// Without its secrets the run does not come to the same records.
    #[error("run {run} cannot be redacted and stay replayable: {why}")]
    NotRedactable {
        /// The run.
        run: String,
        /// Why.
        why: String,
    },
}

/// Writes a tree as a bundle.
///
/// # Errors
///
/// The tree is empty.
pub fn pack(tree: &RunTree, redaction: Option<&RedactionReport>) -> Result<Vec<u8>, BundleError> {
    let mut entries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut events = Vec::new();
    for record in tree.logs.iter().flatten() {
        events.extend(plain(record));
        events.push(b'\n');
    }
    entries.insert(EVENTS.to_owned(), events);
    for (digest, source) in &tree.definitions {
        entries.insert(
            format!("definition/{}", digest.to_hex()),
            source.clone().into_bytes(),
        );
    }
    for (digest, value) in &tree.payloads {
        entries.insert(format!("payload/{}.json", digest.to_hex()), plain(value));
    }
    if let Some(report) = redaction {
        entries.insert(REDACTIONS.to_owned(), plain(report));
    }
    let manifest = manifest(tree, &entries, redaction.is_some())?;
    entries.insert(MANIFEST.to_owned(), plain(&manifest));
    archive(&entries)
}

fn plain(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("records are plain data with string keys")
}

fn manifest(
    tree: &RunTree,
    entries: &BTreeMap<String, Vec<u8>>,
    redacted: bool,
) -> Result<Manifest, BundleError> {
    let log = tree.logs.first().ok_or(BundleError::Empty)?;
    let first = log.first().ok_or(BundleError::Empty)?;
    let name = match &first.kind {
        RecordKind::RunStarted(start) => start.name.clone(),
        _ => return Err(BundleError::Empty),
    };
    Ok(Manifest {
        format: BUNDLE_FORMAT,
        run: first.run.to_string(),
        name,
        engine: first.versions.get("engine").cloned().unwrap_or_default(),
        started_at: first.at.to_string(),
        runs: tree.logs.len(),
        records: tree.len(),
        expect: log.last().and_then(|last| last.output),
        redacted,
        entries: entries
            .iter()
            .map(|(name, bytes)| (name.clone(), Digest::of_bytes(bytes)))
            .collect(),
    })
}

fn archive(entries: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, BundleError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options)
            .map_err(BundleError::Archive)?;
        zip.write_all(bytes)
            .map_err(|source| BundleError::Unreadable {
                name: name.clone(),
                source,
            })?;
    }
    let cursor = zip.finish().map_err(BundleError::Archive)?;
    Ok(cursor.into_inner())
}

/// Reads a bundle, and checks every entry against the manifest.
///
/// # Errors
///
/// Says which entry is missing, changed or unreadable.
pub fn unpack(bytes: &[u8]) -> Result<(Manifest, RunTree), BundleError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(BundleError::Archive)?;
    if zip.len() > ENTRIES_MAX {
        return Err(broken(MANIFEST, "is one of too many"));
    }
    let manifest: Manifest = serde_json::from_slice(&entry(&mut zip, MANIFEST)?)
        .map_err(|error| broken(MANIFEST, error))?;
    if manifest.format > BUNDLE_FORMAT {
        return Err(BundleError::Newer(manifest.format));
    }
    let mut tree = RunTree {
        logs: Vec::new(),
        payloads: BTreeMap::new(),
        definitions: BTreeMap::new(),
    };
    for (name, expected) in &manifest.entries {
        let bytes = entry(&mut zip, name)?;
        if Digest::of_bytes(&bytes) != *expected {
            return Err(broken(name, "is not what the manifest says"));
        }
        take(&mut tree, name, &bytes)?;
    }
    if tree.len() != manifest.records || tree.is_empty() {
        return Err(broken(
            EVENTS,
            "does not have the records that the manifest counts",
        ));
    }
    Ok((manifest, tree))
}

fn broken(name: &str, why: impl ToString) -> BundleError {
    BundleError::Broken {
        name: name.to_owned(),
        why: why.to_string(),
    }
}

fn entry(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, BundleError> {
    let file = zip.by_name(name).map_err(|error| broken(name, error))?;
    let mut bytes = Vec::new();
    let mut limited = file.take(ENTRY_BYTES_MAX + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|source| BundleError::Unreadable {
            name: name.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > ENTRY_BYTES_MAX {
        return Err(broken(name, "is too large"));
    }
    Ok(bytes)
}

/// Takes one entry in; what this version does not know is left alone.
fn take(tree: &mut RunTree, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
    let digest = |hex: &str| format!("sha256:{hex}").parse().ok();
    if name == EVENTS {
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let record: Record =
                serde_json::from_slice(line).map_err(|error| broken(name, error))?;
            match tree.logs.last_mut() {
                Some(log) if log.last().is_some_and(|last| last.run == record.run) => {
                    log.push(record);
                }
                _ => tree.logs.push(vec![record]),
            }
        }
    } else if let Some(digest) = name.strip_prefix("definition/").and_then(digest) {
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| broken(name, error))?;
        tree.definitions.insert(digest, text);
    } else if let Some(digest) = name
        .strip_prefix("payload/")
        .and_then(|name| name.strip_suffix(".json"))
        .and_then(digest)
    {
        let value = serde_json::from_slice(bytes).map_err(|error| broken(name, error))?;
        tree.payloads.insert(digest, value);
    }
    Ok(())
}
