//! Definitions as files: found, read, and refused with everything that is wrong with them.

use std::path::{Path, PathBuf};

use layercake_engine::{Catalog, Checked, Definition, Diagnostic};

use crate::error::{CommandError, codes};
use crate::report::check;
use crate::report::paint::Paint;

/// The endings of files that can hold a definition.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];

/// Reads a definition's text.
///
/// # Errors
///
/// No such file, not readable, or plainly something else than a definition.
pub(crate) fn source(path: &Path, name: &str) -> Result<String, CommandError> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            CommandError::new(codes::FILE_MISSING, format!("there is no file `{name}`"))
                .because(format!("{} does not exist", path.display()))
                .next(near(path).unwrap_or_else(|| "layercake routine ls".to_owned()))
        }
        _ => CommandError::new(codes::FILE_UNREADABLE, format!("cannot read `{name}`"))
            .because(error),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| unknown_format(name, "it is not text"))?;
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or("");
    if !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
        let why = format!("its name does not end in .{}", ENDINGS.join(", ."));
        return Err(unknown_format(name, &why));
    }
    if !text.contains("document") {
        return Err(unknown_format(
            name,
            "it has no `document`, which every definition begins with",
        ));
    }
    Ok(text)
}

/// Checks a definition's text.
///
/// # Errors
///
/// All mistakes, drawn with their place and the likely right word.
pub(crate) fn read(source: &str, name: &str, paint: Paint) -> Result<Checked, CommandError> {
    Definition::read(source, &Catalog::standard())
        .map_err(|remarks| refused(name, source, &remarks, paint))
}

/// Returns the folders in which the skills of a routine's file are looked for first.
pub(crate) fn skill_folders(path: &Path) -> Vec<PathBuf> {
    let beside = path.parent().map(|folder| folder.join("skills"));
    beside
        .into_iter()
        .filter(|folder| folder.is_dir())
        .collect()
}

fn refused(name: &str, source: &str, remarks: &[Diagnostic], paint: Paint) -> CommandError {
    let errors = remarks
        .iter()
        .filter(|remark| remark.severity.name() == "error")
        .count();
    let noun = if errors == 1 { "mistake" } else { "mistakes" };
    let code = remarks.first().map_or("LC0100", |remark| remark.code);
    CommandError::new(
        codes::DEFINITION,
        format!("`{name}` cannot be run: {errors} {noun}"),
    )
    .showing(check::exhibit(name, source, remarks, paint))
    .because("nothing was started, because a definition is never half-run")
    .next(format!("layercake explain {code}"))
    .next(format!("layercake check {name}"))
}

fn unknown_format(name: &str, why: &str) -> CommandError {
    CommandError::new(
        codes::FORMAT_UNKNOWN,
        format!("`{name}` is not a definition of a routine"),
    )
    .because(why)
    .next("layercake init DIR   # writes one to start from")
}

/// Returns what to type instead when a file with a similar name is there.
fn near(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?.to_lowercase();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut near: Vec<(usize, String)> = names
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= 3)
        .collect();
    near.sort();
    let (_, name) = near.into_iter().next()?;
    let found = folder.map_or(name.clone().into(), |folder| folder.join(&name));
    Some(format!("did you mean {}?", found.display()))
}

/// Counts the letters to insert, remove or replace to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, read, source};
    use crate::bundle;
    use crate::report::paint::Paint;

    #[test]
    fn the_bundled_routine_can_be_run() {
        let text = bundle::text(bundle::ROUTINE);
        let checked = read(text, bundle::ROUTINE, Paint::PLAIN);
        let checked = checked.unwrap_or_else(|error| panic!("{}", error.exhibit.unwrap()));
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
        assert_eq!(checked.definition.name(), "office/inbox-replies@1.0.0");
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!(distance("inbx.yaml", "inbox.yaml"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn what_is_no_definition_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str, text: &str, code: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            assert_eq!(source(&path, name).unwrap_err().code.id, code);
        };
        check("a.bpmn", "<document/>", "LC0204");
        check("a.yaml", "nodes: []", "LC0204");
        let error = source(&folder.path().join("b.bpmn"), "b.bpmn").unwrap_err();
        assert_eq!(
            (error.code.id, error.next[0].contains("a.bpmn")),
            ("LC0201", true)
        );
    }
}
