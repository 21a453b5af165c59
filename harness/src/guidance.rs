//! `AGENTS.md` files: standing instructions of a folder, from the root of a project down.

use std::path::{Path, PathBuf};

use crate::spec::Guidance;
use crate::workspace::{Missing, Workspace};

/// The name of the file.
const FILE: &str = "AGENTS.md";

/// The most bytes of all files together: they stand in every request of a session.
const BYTES_MAX: usize = 32 * 1024;

/// Folders between the root and the working folder that are looked at.
const DEPTH_MAX: usize = 32;

/// Reads the `AGENTS.md` files from a project's root down to the folder where an agent works,
/// the most general first. Files that cannot be read are left out; what does not fit into
/// 32 KiB in all is cut, and the text says so.
pub fn find_guidance(root: &Path, folder: &Path) -> Vec<Guidance> {
    let mut found = Vec::new();
    let mut room = BYTES_MAX;
    for place in path_down(root, folder) {
        let source = place.join(FILE);
        let Some(text) = read(&place) else { continue };
        if room == 0 {
            break;
        }
        let text = cut(text, room);
        room = room.saturating_sub(text.len());
        found.push(Guidance {
            source: source.display().to_string(),
            text,
        });
    }
    found
}

/// Returns the folders from the root down; only the folder itself when it is not below the root.
fn path_down(root: &Path, folder: &Path) -> Vec<PathBuf> {
    if !folder.starts_with(root) {
        return vec![folder.to_owned()];
    }
    let up = folder.ancestors().take(DEPTH_MAX);
    let mut folders: Vec<PathBuf> = up
        .take_while(|ancestor| ancestor.starts_with(root))
        .map(Path::to_owned)
        .collect();
    folders.reverse();
    folders
}

fn read(folder: &Path) -> Option<String> {
    let space = Workspace::open(folder).ok()?;
    let place = space.place(FILE, Missing::Refused).ok()?;
    // One byte more than fits shows that something is cut.
    let bytes = place.read(16 * BYTES_MAX as u64).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

fn cut(text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!(
        "{}\n[... {} bytes are left out]",
        &text[..end],
        text.len() - end
    )
}
