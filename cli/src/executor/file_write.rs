//! `file-write`: puts a text into a folder, whole or not at all. Writing it again changes nothing.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use layercake_engine::{Digest, EffectId, Problem, ProblemKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problems;

/// The largest text that is written, in bytes.
const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    path: PathBuf,
    content: Value,
    #[serde(default)]
    folder: Option<PathBuf>,
}

/// Writes the file for an effect. Relative folders mean the project's; a path stays inside its
/// folder. Blocking.
pub(super) fn file_write(
    effect: EffectId,
    arguments: &Value,
    project: &Path,
) -> Result<Value, Problem> {
    let arguments: Arguments = super::arguments("file-write", arguments)?;
    let inside = arguments
        .path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside || arguments.path.file_name().is_none() {
        let title = format!(
            "`{}` does not stay inside its folder",
            arguments.path.display()
        );
        return Err(Problem::standard(ProblemKind::Validation, title));
    }
    let content = match arguments.content {
        Value::String(text) => text,
        other => format!("{other:#}\n"),
    };
    if content.len() > CONTENT_BYTES_MAX {
        let title = format!("the content has more than {CONTENT_BYTES_MAX} bytes");
        return Err(Problem::standard(ProblemKind::Validation, title));
    }
    let path = project
        .join(arguments.folder.unwrap_or_default())
        .join(&arguments.path);
    replace(&path, content.as_bytes(), effect).map_err(|error| {
        let title = format!("cannot write {}", path.display());
        problems::problem(problems::FILE_UNWRITABLE, title).with_detail(error.to_string())
    })?;
    Ok(json!({
        "path": path,
        "sha256": Digest::of_bytes(content.as_bytes()).to_hex(),
        "bytes": content.len(),
    }))
}

/// Writes beside the target and renames, so that a reader sees the old text or the new one.
///
/// The unfinished file bears the name of the effect: a process that is killed in the middle
/// leaves it behind, and the next one, which performs the effect again, finishes it.
fn replace(path: &Path, content: &[u8], effect: EffectId) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{effect}.part"));
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    // The name is durable only when the folder is.
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use layercake_engine::{EffectId, RunId, TaskKey};
    use serde_json::json;

    use super::file_write;

    fn effect(attempt: u32) -> EffectId {
        let run = RunId::from_bytes([7; 16]);
        EffectId::derive(run, &TaskKey::root(), attempt)
    }

    fn names(folder: &std::path::Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_is_written_once_and_nothing_else_stays_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let with = json!({"folder": "out", "path": "a.txt", "content": "text"});
        let first = file_write(effect(1), &with, folder.path()).unwrap();
        let second = file_write(effect(2), &with, folder.path()).unwrap();
        assert_eq!(first, second);
        assert_eq!(names(&folder.path().join("out")), ["a.txt"]);
    }

    #[test]
    fn what_a_killed_process_left_unfinished_is_finished() {
        for already_there in [None, Some("text")] {
            let folder = tempfile::tempdir().unwrap();
            let unfinished = format!(".{}.part", effect(1));
            std::fs::write(folder.path().join(unfinished), "te").unwrap();
            if let Some(text) = already_there {
                std::fs::write(folder.path().join("a.txt"), text).unwrap();
            }
            let with = json!({"path": "a.txt", "content": "text"});
            file_write(effect(1), &with, folder.path()).unwrap();
            assert_eq!(names(folder.path()), ["a.txt"]);
            let text = std::fs::read_to_string(folder.path().join("a.txt")).unwrap();
            assert_eq!(text, "text");
        }
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a", "/a", "a/../../b", "..", ""] {
            let with = json!({"folder": "out", "path": name, "content": "text"});
            assert!(
                file_write(effect(1), &with, folder.path()).is_err(),
                "{name}"
            );
        }
    }
}
