//! What belongs to an editor's session: which runs, in which order. The runs hold the rest.
//!
//! Stored as one JSON document for each session, `acp/SESSION.json` in the store:
//! `{"format": 1, "cwd": PATH, "autonomy": LEVEL, "turns": [{"prompt": TEXT, "run": ID}]}`.

use std::path::{Path, PathBuf};

use layercake_engine::RunId;
use layercake_harness::Autonomy;
use serde::{Deserialize, Serialize};

/// The version of the stored form.
const FORMAT: u32 = 1;
/// The folder in the store.
const FOLDER: &str = "acp";

/// A session of an editor.
#[derive(Debug)]
pub(super) struct Conversation {
    id: String,
    path: PathBuf,
    stored: Stored,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    format: u32,
    cwd: PathBuf,
    autonomy: Autonomy,
    turns: Vec<Turn>,
}

/// One prompt and the run that answers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Turn {
    /// What the person typed.
    pub(super) prompt: String,
    /// The run.
    pub(super) run: RunId,
}

impl Conversation {
    pub(super) fn begin(store: &Path, id: &str, cwd: PathBuf, autonomy: Autonomy) -> Self {
        Self {
            id: id.to_owned(),
            path: path_of(store, id),
            stored: Stored {
                format: FORMAT,
                cwd,
                autonomy,
                turns: Vec::new(),
            },
        }
    }

    /// Reads a session; nothing when there is none that this version understands.
    pub(super) fn load(store: &Path, id: &str) -> Option<Self> {
        // An id of ours has letters and digits only: nothing else becomes a path.
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let path = path_of(store, id);
        let stored: Stored = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        (stored.format == FORMAT).then(|| Self {
            id: id.to_owned(),
            path,
            stored,
        })
    }

    /// Replaces the stored document.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn save(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("new");
        let text = serde_json::to_vec(&self.stored).map_err(std::io::Error::other)?;
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, &self.path)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn folder(&self) -> &Path {
        &self.stored.cwd
    }

    pub(super) fn set_folder(&mut self, folder: PathBuf) {
        self.stored.cwd = folder;
    }

    pub(super) fn autonomy(&self) -> Autonomy {
        self.stored.autonomy
    }

    pub(super) fn set_autonomy(&mut self, autonomy: Autonomy) {
        self.stored.autonomy = autonomy;
    }

    pub(super) fn turns(&self) -> &[Turn] {
        &self.stored.turns
    }

    pub(super) fn push(&mut self, prompt: &str, run: RunId) {
        self.stored.turns.push(Turn {
            prompt: prompt.to_owned(),
            run,
        });
    }
}

fn path_of(store: &Path, id: &str) -> PathBuf {
    store.join(FOLDER).join(format!("{id}.json"))
}
