//! `export` and `open`: one run as one file.

use std::path::Path;

use layercake_engine::bundle::{BundleError, Manifest, pack, unpack};
use layercake_engine::{Redaction, RunTree};
use serde_json::json;

use super::named::{self, unexpected};
use crate::args::{BundleArguments, ExportArguments};
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::run::{paint, view};
use crate::report::screen::Screen;
use crate::session::rechain::rechain;
use crate::settings::Settings;

/// How the names of bundles end.
pub(super) const EXTENSION: &str = "lcrun";

/// Runs `export`.
pub(crate) async fn export(
    arguments: &ExportArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let tree = named::tree_of(&settings, &arguments.run, cwd).await?;
    let run = tree.root().ok_or_else(unexpected)?;
    let (bytes, report) = if arguments.unredacted {
        (pack(&tree, None).map_err(unusable)?, None)
    } else {
        // The run's own id keeps its tokens apart from those of other bundles.
        let redaction = known(Redaction::new(run.to_string()));
        let (tree, report) = tree.redacted(&redaction, &rechain).map_err(unusable)?;
        (pack(&tree, Some(&report)).map_err(unusable)?, Some(report))
    };
    let path = cwd.join(&arguments.output);
    std::fs::write(&path, &bytes).map_err(|error| {
        let happened = format!("{} cannot be written", arguments.output.display());
        CommandError::new(codes::FILE_UNREADABLE, happened).because(error)
    })?;
    let replaced = report.as_ref().map_or(0, |report| report.count());
    if screen.json {
        screen.document(&json!({
            "schema": "layercake.export/1",
            "run": run.to_string(),
            "file": arguments.output,
            "bytes": bytes.len(),
            "redacted": report.is_some(),
            "replaced": report.map(|report| report.replaced),
        }));
    } else {
        let words = if arguments.unredacted {
            "nothing was redacted: it may hold secrets".to_owned()
        } else {
            format!("{replaced} secrets were replaced")
        };
        screen.data(&format!(
            "{} ({} bytes); {words}",
            arguments.output.display(),
            bytes.len()
        ));
    }
    let file = arguments.output.display();
    screen.next(&[
        format!("layercake open {file}"),
        format!("layercake replay {file}"),
    ]);
    Ok(Exit::Success)
}

/// Adds what this process knows to be secret: values of variables whose names say so.
fn known(redaction: Redaction) -> Redaction {
    const ENDS: [&str; 6] = [
        "_KEY",
        "_TOKEN",
        "_SECRET",
        "_PASSWORD",
        "_PASSWD",
        "_CREDENTIALS",
    ];
    let secret = |name: &str| ENDS.iter().any(|end| name.ends_with(end));
    std::env::vars()
        .filter(|(name, _)| secret(&name.to_ascii_uppercase()))
        .fold(redaction, |redaction, (name, value)| {
            redaction.with_known(name, value)
        })
}

/// Runs `open`.
pub(crate) fn open(arguments: &BundleArguments, cwd: &Path, screen: &Screen) -> CommandResult {
    let (manifest, tree) = read(&cwd.join(&arguments.bundle))?;
    let view = view(&tree.logs).ok_or_else(unexpected)?;
    if screen.json {
        screen.document(&view);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&view, screen.out));
    let redacted = if manifest.redacted {
        "redacted"
    } else {
        "not redacted"
    };
    screen.note(&format!(
        "bundle of {} records in {} runs, written by engine {}, {redacted}; every entry is as \
         the manifest says",
        manifest.records, manifest.runs, manifest.engine
    ));
    screen.next(&[format!("layercake replay {}", arguments.bundle.display())]);
    Ok(Exit::Success)
}

/// Reads a bundle.
///
/// # Errors
///
/// The file cannot be read, or is not what it says.
pub(super) fn read(path: &Path) -> Result<(Manifest, RunTree), CommandError> {
    let bytes = std::fs::read(path).map_err(|error| {
        let happened = format!("{} cannot be read", path.display());
        CommandError::new(codes::FILE_MISSING, happened).because(error)
    })?;
    unpack(&bytes).map_err(unusable)
}

fn unusable(error: BundleError) -> CommandError {
    let code = match &error {
        BundleError::NotRedactable { .. } => codes::NOT_REPLAYABLE,
        _ => codes::BUNDLE_BROKEN,
    };
    let mut failed = CommandError::new(code, error.to_string());
    if let Some(source) = std::error::Error::source(&error) {
        failed = failed.caused_by(source);
    }
    match error {
        BundleError::NotRedactable { .. } => failed
            .next("layercake export RUN --unredacted -o X.lcrun, and keep the file to yourself"),
        BundleError::Newer(_) => failed.next("a newer layercake reads it"),
        _ => failed.next("export the run again: layercake export RUN -o X.lcrun"),
    }
}
