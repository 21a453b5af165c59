//! `files-list`: reads a folder. With `parse: message/rfc822` each file becomes structured mail.
//!
//! What cannot be read is reported in `skipped`, with the reason; nothing is left out silently.

mod mail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use layercake_engine::{Digest, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problems;

/// The most files of one call; a folder with more needs a narrower pattern.
const FILES_MAX: usize = 10_000;
/// The largest file that is read, in bytes: more than any mail server lets through.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How much of a text stands in the result, in characters: what a model can read at once.
const TEXT_CHARS_MAX: usize = 20_000;
/// The most bytes of all texts of one result, so that it fits into one record.
const RESULT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of a hash names a file: 64 bits, far beyond chance within a folder.
const ID_CHARS: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    folder: PathBuf,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    parse: Option<Parse>,
    #[serde(default)]
    limit: Option<usize>,
}

/// A file that is not in the result, and why.
#[derive(Debug, Serialize)]
struct Skipped {
    name: String,
    reason: String,
}

/// Reads the folder. Relative paths mean the project's folder. Blocking.
pub(crate) fn files_list(arguments: &Value, project: &Path) -> Result<Value, Problem> {
    let arguments: Arguments = super::arguments("files-list", arguments)?;
    let folder = project.join(&arguments.folder);
    let names = names(&folder, arguments.pattern.as_deref())?;
    let parse = arguments.parse.unwrap_or(Parse::Text);
    let wanted = arguments.limit.unwrap_or(names.len()).min(names.len());
    Ok(read_all(&folder, &names, wanted, parse))
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Parse {
    #[serde(rename = "text")]
    Text,
    #[serde(rename = "json")]
    Json,
    #[serde(rename = "message/rfc822")]
    Mail,
    #[serde(rename = "none")]
    Nothing,
}

fn names(folder: &Path, pattern: Option<&str>) -> Result<Vec<String>, Problem> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        let title = format!("the folder {} cannot be read", folder.display());
        problems::problem(problems::FOLDER_MISSING, title).with_detail(error.to_string())
    })?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| pattern.is_none_or(|pattern| matches(pattern, name)))
        .collect();
    names.sort();
    if names.len() > FILES_MAX {
        let title = format!(
            "the folder {} holds more than {FILES_MAX} files",
            folder.display()
        );
        return Err(Problem::standard(ProblemKind::Validation, title));
    }
    Ok(names)
}

/// Compares a name with a pattern in which `*` stands for anything, without regard to case.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let Some((head, mut rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(head) else {
        return false;
    };
    while let Some((part, more)) = rest.split_once('*') {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
        rest = more;
    }
    left.ends_with(rest)
}

fn read_all(folder: &Path, names: &[String], wanted: usize, parse: Parse) -> Value {
    let mut files = Vec::new();
    let mut skipped = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut bytes = 0;
    for (position, name) in names.iter().enumerate() {
        if position >= wanted {
            let reason = format!("it is beyond the limit of {wanted} files");
            skipped.push(Skipped {
                name: name.clone(),
                reason,
            });
            continue;
        }
        let mut outcome = read_one(folder, name, parse);
        if let Ok(file) = &outcome {
            let id = file["id"].as_str().unwrap_or_default().to_owned();
            bytes += file["text"].as_str().map_or(0, str::len);
            if bytes > RESULT_BYTES_MAX {
                outcome = Err("the folder holds more text than one call can return".to_owned());
            } else if let Some(first) = seen.get(&id) {
                outcome = Err(format!("it is the same as {first}"));
            } else {
                seen.insert(id, name.clone());
            }
        }
        match outcome {
            Ok(file) => files.push(file),
            Err(reason) => skipped.push(Skipped {
                name: name.clone(),
                reason,
            }),
        }
    }
    json!({ "files": files, "skipped": skipped })
}

fn read_one(folder: &Path, name: &str, parse: Parse) -> Result<Value, String> {
    let path = folder.join(name);
    let size = path
        .metadata()
        .map_err(|error| format!("it cannot be read: {error}"))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(format!("it has {size} bytes; {FILE_BYTES_MAX} is the most"));
    }
    let bytes = std::fs::read(&path).map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    let mut file = match parse {
        Parse::Text => json!({ "text": bounded(&String::from_utf8_lossy(&bytes)) }),
        Parse::Json => {
            let value: Value = serde_json::from_slice(&bytes)
                .map_err(|error| format!("it is not JSON: {error}"))?;
            json!({ "json": value })
        }
        Parse::Nothing => json!({}),
        Parse::Mail => mail::parse(&bytes)?,
    };
    // A message that was delivered twice differs in its transport headers only: it is one.
    let identity = match parse {
        Parse::Mail => Digest::of_value(&file),
        Parse::Text | Parse::Json | Parse::Nothing => Digest::of_bytes(&bytes),
    };
    file["id"] = identity.to_hex()[..ID_CHARS].into();
    file["name"] = name.into();
    file["sizeBytes"] = bytes.len().into();
    Ok(file)
}

/// Cuts a text at the limit.
fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
