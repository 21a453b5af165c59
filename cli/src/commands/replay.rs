//! `replay`: runs again with every effect served from the record. No model, no endpoint and no
//! clock is at hand: the settings are not even read for them.

use std::path::Path;

use layercake_engine::{Catalog, Record, RecordKind, ReplayOutcome, RunTree};
use layercake_harness::session::SessionRecord;
use serde_json::json;

use super::named;
use crate::args::ReplayArguments;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::replay::{ReplayView, paint};
use crate::report::screen::Screen;
use crate::session::record::to_session;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &ReplayArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let names = match (&arguments.all, &arguments.run) {
        (Some(folder), _) => bundles(&cwd.join(folder))?,
        (None, Some(run)) => vec![run.clone()],
        (None, None) => Vec::new(),
    };
    let mut views = Vec::new();
    for name in &names {
        let tree = named::tree_of(&settings, name, cwd).await?;
        views.push(ReplayView::new(
            name,
            &tree.replay(&Catalog::standard()),
            &broken(&tree),
        ));
    }
    match (screen.json, arguments.all.is_some()) {
        (true, false) => views.iter().for_each(|view| screen.document(view)),
        (true, true) => {
            screen.document(&json!({"schema": "layercake.replays/1", "replays": views}))
        }
        (false, _) => views
            .iter()
            .for_each(|view| screen.data(&paint(view, screen.out))),
    }
    let any = |verdict: &str| views.iter().any(|view| view.verdict == verdict);
    Ok(match (any("diverged"), any("not-replayable")) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Incomparable,
        (false, false) => Exit::Success,
    })
}

/// Returns the bundles of a folder, by name.
fn bundles(folder: &Path) -> Result<Vec<String>, CommandError> {
    let unreadable = |error: std::io::Error| {
        let happened = format!("{} cannot be read", folder.display());
        CommandError::new(codes::FILE_UNREADABLE, happened).because(error)
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|end| end == "lcrun") {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    if found.is_empty() {
        let happened = format!("{} holds no bundle", folder.display());
        return Err(CommandError::new(codes::FILE_MISSING, happened)
            .because("a gate that checks nothing would always be open")
            .next("layercake export RUN -o X.lcrun"));
    }
    Ok(found)
}

/// Returns the logs of agents that were changed after they were written, with what shows it.
fn broken(tree: &RunTree) -> Vec<(String, String)> {
    let agents = tree.replay(&Catalog::default());
    let agents = agents
        .iter()
        .filter(|it| it.outcome == ReplayOutcome::Agent);
    let checked = agents.filter_map(|agent| {
        let damage = damage_of(tree.log(agent.run))?;
        Some((agent.run.to_string(), damage))
    });
    checked.collect()
}

/// Folds a session again, and checks that every event names the one before it.
fn damage_of(log: &[Record]) -> Option<String> {
    let events = log
        .iter()
        .filter(|record| matches!(record.kind, RecordKind::Session { .. }));
    let mut records: Vec<SessionRecord> = Vec::new();
    for (record, seq) in events.zip(1..) {
        let Some(event) = to_session(record, seq) else {
            return Some(format!(
                "record {} is no session event of this version",
                record.seq
            ));
        };
        if let Some(last) = records.last()
            && event.prev_hash != last.hash()
        {
            return Some(format!(
                "record {} does not follow the one before it",
                record.seq
            ));
        }
        records.push(event);
    }
    let folded = layercake_harness::seen::seen(&records);
    folded.err().map(|error| error.to_string())
}
