//! The example that the program carries: the inbox routine with its skill, rules and messages.

use std::path::Path;

use crate::error::{CommandError, codes};

/// Every file of the example: its path with `/`, and its bytes.
pub(crate) const INBOX: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/example_inbox.rs"));

/// The routine's file in the example.
pub(crate) const ROUTINE: &str = "inbox.yaml";
/// The scripted model's rules in the example.
pub(crate) const RULES: &str = "rules.yaml";
/// The folder of messages in the example.
pub(crate) const MESSAGES: &str = "messages";

/// Returns the text of a file of the example.
pub(crate) fn text(name: &str) -> &'static str {
    let found = INBOX.iter().find(|(path, _)| *path == name);
    let (_, bytes) = found.expect("the build lists every file of the example");
    std::str::from_utf8(bytes).expect("the example's own files are UTF-8")
}

/// Returns how many messages the example has.
pub(crate) fn messages() -> usize {
    let is_message = |path: &str| path.starts_with(MESSAGES) && path.ends_with(".eml");
    INBOX.iter().filter(|(path, _)| is_message(path)).count()
}

/// Writes the example into a folder, which must be new or empty.
///
/// # Errors
///
/// The folder has something in it, or cannot be written.
pub(crate) fn unpack(folder: &Path) -> Result<(), CommandError> {
    let occupied = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let happened = format!("{} is not empty", folder.display());
        return Err(CommandError::new(codes::TARGET_EXISTS, happened)
            .because("new files are never written over old ones")
            .next("name a new or empty folder"));
    }
    for (name, bytes) in INBOX {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    let happened = format!("cannot write {}", path.display());
    CommandError::new(codes::FILE_UNREADABLE, happened).because(error)
}
