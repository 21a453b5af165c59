//! Files of a workspace back to what they were at a record of a session.
//!
//! Covered is what the built-in `write` and `edit` changed, in the session and in those of its
//! sub-agents, as long as they were given [`FileImages`]. Whatever else may have changed files,
//! commands above all, is named in the result and not undone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::HarnessError;
use crate::image::FileImages;
use crate::session::{SessionEvent, SessionRecord, SessionStore};
use crate::workspace::{Missing, Workspace};
use crate::{CallId, Digest, EffectClass, SessionId};

/// The largest file that is looked at, as for the tools that change files.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Levels of sub-agents that are followed.
const DEPTH_MAX: u32 = 16;

/// What became of the files that a session changed after a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewound {
    /// Files that are as they were.
    pub restored: Vec<String>,
    /// Files that somebody else has changed since; they were left alone.
    pub conflicts: Vec<String>,
    /// Files whose earlier content was never kept; they were left alone.
    pub missing: Vec<String>,
    /// Calls that may have changed files in ways that nobody kept, in words.
    pub uncovered: Vec<String>,
}

/// How one file was changed: from what, to what.
#[derive(Debug, Clone, Copy)]
struct Change {
    before: Option<Digest>,
    after: Digest,
}

/// Puts the files of a workspace back to what they were when record `seq` of a session was
/// written. A file is only touched when it is exactly what the session left behind.
///
/// # Errors
///
/// Returns [`HarnessError`] when a log cannot be read. Files that cannot be put back are named
/// in the result.
pub async fn rewind_files(
    store: &dyn SessionStore,
    session: &SessionId,
    seq: u64,
    workspace: &Workspace,
    images: &FileImages,
) -> Result<Rewound, HarnessError> {
    let mut rewound = Rewound::default();
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    let mut sessions = vec![(session.clone(), seq, 0)];
    while let Some((session, seq, depth)) = sessions.pop() {
        let records = store.load(&session).await?;
        let found = collect(&records, seq, &mut changes, &mut rewound)?;
        if depth < DEPTH_MAX {
            sessions.extend(found.into_iter().map(|below| (below, 0, depth + 1)));
        }
    }
    for (path, change) in changes {
        let list = match restore(workspace, images, &path, change) {
            Restored::Done => &mut rewound.restored,
            Restored::Conflict => &mut rewound.conflicts,
            Restored::Missing => &mut rewound.missing,
        };
        list.push(path);
    }
    rewound.uncovered.sort();
    Ok(rewound)
}

/// Collects the changes after a record, and returns the sessions below that took part.
fn collect(
    records: &[SessionRecord],
    seq: u64,
    changes: &mut BTreeMap<String, Change>,
    rewound: &mut Rewound,
) -> Result<Vec<SessionId>, HarnessError> {
    let mut below = Vec::new();
    let mut open: BTreeMap<CallId, String> = BTreeMap::new();
    for record in records.iter().filter(|record| record.seq > seq) {
        match record.event()? {
            SessionEvent::ToolIntended(intended) if !intended.class.only_looks() => {
                open.insert(intended.id, in_words(&intended.call, intended.class));
            }
            SessionEvent::ToolSettled(settled) => {
                let evidence = settled.evidence.unwrap_or_default();
                if let Some((path, change)) = change_in(&evidence) {
                    open.remove(&settled.id);
                    let first = changes.entry(path).or_insert(change);
                    first.after = change.after;
                } else if let Some(session) = session_in(&evidence) {
                    open.remove(&settled.id);
                    below.push(session);
                }
            }
            _ => {}
        }
    }
    rewound.uncovered.extend(open.into_values());
    Ok(below)
}

fn in_words(call: &layercake_model::ToolCall, class: EffectClass) -> String {
    let line = call.arguments.get("command").and_then(Value::as_str);
    match line {
        Some(line) => format!("{} ({}): {line}", call.name, class.word()),
        None => format!("{} ({})", call.name, class.word()),
    }
}

fn change_in(evidence: &Value) -> Option<(String, Change)> {
    let digest = |name: &str| evidence.get(name)?.as_str()?.parse().ok();
    let path = evidence.get("path")?.as_str()?.to_owned();
    let change = Change {
        before: digest("before"),
        after: digest("after")?,
    };
    Some((path, change))
}

fn session_in(evidence: &Value) -> Option<SessionId> {
    SessionId::new(evidence.get("session")?.as_str()?).ok()
}

enum Restored {
    Done,
    Conflict,
    Missing,
}

fn restore(workspace: &Workspace, images: &FileImages, path: &str, change: Change) -> Restored {
    let Ok(place) = workspace.place(path, Missing::Refused) else {
        return Restored::Conflict;
    };
    let now = place.read(FILE_BYTES_MAX).ok();
    let now = now.map(|content| Digest::of_bytes(&content));
    if now == change.before {
        return Restored::Done;
    }
    if now != Some(change.after) {
        return Restored::Conflict;
    }
    let put_back = match change.before {
        None => place.remove(),
        Some(before) => match images.read(before) {
            Ok(Some(content)) => place.write(&content),
            Ok(None) | Err(_) => return Restored::Missing,
        },
    };
    match put_back {
        Ok(()) => Restored::Done,
        Err(_) => Restored::Conflict,
    }
}
