//! `file-write`: puts a text into a folder, whole or not at all. Writing it again changes nothing.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use layercake_engine::{Digest, Problem, ProblemKind};
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

/// Writes the file. Relative folders mean the project's; a path stays inside its folder.
/// Blocking.
pub(super) fn file_write(arguments: &Value, project: &Path) -> Result<Value, Problem> {
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
    replace(&path, content.as_bytes()).map_err(|error| {
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
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let scratch = folder.join(format!(".{name}.{}.part", std::process::id()));
    let mut file = std::fs::File::create(&scratch)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&scratch, path)?;
    // The name is durable only when the folder is.
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::file_write;

    #[test]
    fn a_file_is_written_once_and_nothing_else_stays_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let with = json!({"folder": "out", "path": "a.txt", "content": "text"});
        let first = file_write(&with, folder.path()).unwrap();
        let second = file_write(&with, folder.path()).unwrap();
        assert_eq!(first, second);
        let names = std::fs::read_dir(folder.path().join("out"))
            .unwrap()
            .count();
        assert_eq!(names, 1);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a", "/a", "a/../../b", "..", ""] {
            let with = json!({"folder": "out", "path": name, "content": "text"});
            assert!(file_write(&with, folder.path()).is_err(), "{name}");
        }
    }
}
