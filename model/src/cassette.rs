//! Recorded calls as a stored format, with secrets removed.
//!
//! A cassette is one JSON document: `{"version": 1, "calls": [CALL, …]}`. A call has the
//! `request`, the `descriptor` of the model that was asked, and either the `events` of the
//! reply or, after those that came before it, the `error`. Nothing of the transport is in it:
//! no address, no header, no key.

mod scrub;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::scrub::Scrub;
use crate::{Event, ModelDescriptor, ModelError, ModelErrorKind, Request};

/// The newest version of the format.
const VERSION: u32 = 1;

/// Recorded calls, in the order in which they ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cassette {
    version: u32,
    calls: Vec<RecordedCall>,
}

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedCall {
    /// What was asked.
    pub request: Request,
    /// Who was asked.
    pub descriptor: ModelDescriptor,
    /// What came.
    pub events: Vec<Event>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ModelError>,
}

impl Default for Cassette {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Cassette {
    /// Makes a cassette of calls.
    pub fn of(calls: Vec<RecordedCall>) -> Self {
        Self {
            version: VERSION,
            calls,
        }
    }

    /// Returns the calls.
    pub fn calls(&self) -> &[RecordedCall] {
        &self.calls
    }

    /// Reads a cassette from its JSON text.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the text is no cassette, or one of a
    /// newer version.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let cassette: Self = serde_json::from_str(text)
            .map_err(|error| unusable(&format!("the cassette cannot be read: {error}")))?;
        if cassette.version != VERSION {
            let version = cassette.version;
            return Err(unusable(&format!(
                "the cassette has version {version}; this build reads {VERSION}"
            )));
        }
        Ok(cassette)
    }

    /// Writes the cassette as JSON text, after taking secrets out of it.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when something that looks like a key is left;
    /// a dirty recording is never written.
    pub fn to_json(&self, scrub: &Scrub) -> Result<String, ModelError> {
        let mut cassette = self.clone();
        for call in &mut cassette.calls {
            join_dirty_parts(&mut call.events, scrub);
        }
        let mut value = serde_json::to_value(cassette)
            .map_err(|error| unusable(&format!("the cassette has no JSON form: {error}")))?;
        scrub.clean(&mut value);
        let mut text = format!("{value:#}");
        text.push('\n');
        if let Some(found) = scrub.first_secret(&text) {
            return Err(unusable(&format!(
                "the cassette still holds something that looks like a key ({found}…)"
            )));
        }
        Ok(text)
    }

    /// Reads a cassette file.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the file cannot be read, or as
    /// [`Cassette::from_json`] does.
    pub fn load(file: &Path) -> Result<Self, ModelError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            unusable(&format!(
                "cannot read the cassette {}: {error}",
                file.display()
            ))
        })?;
        Self::from_json(&text)
    }

    /// Writes a cassette file, replacing an older one.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the file cannot be written, or as
    /// [`Cassette::to_json`] does.
    pub fn save(&self, file: &Path, scrub: &Scrub) -> Result<(), ModelError> {
        std::fs::write(file, self.to_json(scrub)?).map_err(|error| {
            unusable(&format!(
                "cannot write the cassette {}: {error}",
                file.display()
            ))
        })
    }
}

/// Joins the pieces of every part whose whole text holds a secret. The end of a piece may cut a
/// key in two, and neither half looks like one.
fn join_dirty_parts(events: &mut Vec<Event>, scrub: &Scrub) {
    // The parts of each attempt are numbered from 0.
    let mut attempt = 0;
    let mut texts: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for event in &*events {
        match event {
            Event::Restart(_) => attempt += 1,
            Event::Delta { index, text } => {
                texts.entry((attempt, *index)).or_default().push_str(text);
            }
            _ => {}
        }
    }
    texts.retain(|_, text| scrub.text(text) != *text);
    attempt = 0;
    events.retain_mut(|event| {
        if matches!(event, Event::Restart(_)) {
            attempt += 1;
        }
        let Event::Delta { index, text } = event else {
            return true;
        };
        match texts.get_mut(&(attempt, *index)) {
            None => true,
            // The first piece took the whole.
            Some(whole) if whole.is_empty() => false,
            Some(whole) => {
                *text = std::mem::take(whole);
                true
            }
        }
    });
}

fn unusable(message: &str) -> ModelError {
    ModelError::new(ModelErrorKind::Configuration, message)
}
