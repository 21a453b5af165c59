//! `list`: what is in a folder of the workspace.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use async_trait::async_trait;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::workspace::{Missing, Workspace};
use crate::{EffectClass, Reach};

/// More entries than this help nobody; the model is told to look deeper instead.
const ENTRIES_MAX: usize = 1_000;

/// Folders are read this deep at most.
const DEPTH_MAX: u32 = 8;

/// Folders whose content is never what an agent looks for.
const CLOSED: [&str; 3] = [".git", "node_modules", "target"];

/// Lists a folder of the workspace.
#[derive(Debug, Clone)]
pub struct List {
    workspace: Workspace,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    #[serde(default = "here")]
    path: String,
    #[serde(default = "shallow")]
    depth: u32,
}

fn here() -> String {
    ".".to_owned()
}

fn shallow() -> u32 {
    1
}

impl List {
    /// Makes the tool for a workspace.
    pub fn new(workspace: Workspace) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Folder in the workspace; the workspace itself if absent"},
                "depth": {"type": "integer", "minimum": 1, "maximum": DEPTH_MAX, "description": "Levels of folders; 1 if absent"}
            },
            "additionalProperties": false
        });
        let about = "Lists a folder: folders end with `/`, files show their size in bytes.";
        Self {
            workspace,
            spec: ToolSpec::new("list", about, schema)
                .class(EffectClass::Read)
                .reach(Reach::Workspace),
        }
    }
}

#[async_trait]
impl Tool for List {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let workspace = self.workspace.clone();
        super::blocking(move || list(&workspace, &asked)).await
    }
}

fn list(workspace: &Workspace, asked: &Arguments) -> Result<ToolOutput, ToolError> {
    let place = workspace
        .place(&asked.path, Missing::Refused)
        .map_err(|error| ToolError::Failed(error.for_model()))?;
    let fail = |error: std::io::Error| {
        ToolError::Failed(format!("`{}` was not listed: {error}", asked.path))
    };
    let directory = place.open_directory().map_err(fail)?;
    let mut lines = Vec::new();
    walk(&directory, "", asked.depth.min(DEPTH_MAX), &mut lines).map_err(fail)?;
    if lines.is_empty() {
        lines.push("[the folder is empty]".to_owned());
    }
    if lines.len() > ENTRIES_MAX {
        lines.truncate(ENTRIES_MAX);
        lines.push(format!(
            "[more follows; only {ENTRIES_MAX} entries are shown]"
        ));
    }
    Ok(ToolOutput::text(lines.join("\n")))
}

/// Adds a line for each entry, in order of names, and stops soon after enough.
fn walk(
    directory: &OwnedFd,
    prefix: &str,
    depth: u32,
    lines: &mut Vec<String>,
) -> std::io::Result<()> {
    let mut entries = BTreeMap::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            entries.insert(name, ());
        }
        if entries.len() > ENTRIES_MAX {
            break;
        }
    }
    for name in entries.into_keys() {
        if lines.len() > ENTRIES_MAX {
            return Ok(());
        }
        let shown = format!("{prefix}{}", name.to_string_lossy());
        // An entry may vanish between the two looks.
        let Ok(stat) = rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let is_closed = CLOSED
                    .iter()
                    .any(|closed| name.to_bytes() == closed.as_bytes());
                lines.push(format!("{shown}/"));
                if depth > 1 && !is_closed {
                    let flags =
                        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    if let Ok(inner) = rustix::fs::openat(directory, &name, flags, Mode::empty()) {
                        walk(&inner, &format!("{shown}/"), depth - 1, lines)?;
                    }
                }
            }
            FileType::Symlink => lines.push(format!("{shown} -> a link")),
            FileType::RegularFile => lines.push(format!("{shown} ({})", stat.st_size)),
            _ => lines.push(format!("{shown} (neither file nor folder)")),
        }
    }
    Ok(())
}
