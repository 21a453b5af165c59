//! `run`: starts a routine and follows it.

use std::path::{Path, PathBuf};

use layercake_engine::RunId;

use super::named::unexpected;
use super::{follow, input};
use crate::args::RunArguments;
use crate::definitions;
use crate::error::{CommandError, CommandResult, codes};
use crate::host::protocol::{Answer, Request, Starting};
use crate::host::{Purpose, Store};
use crate::models::DEFAULT_ALIAS;
use crate::report::paint::Paint;
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &RunArguments,
    mut settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    for (alias, spec) in &arguments.model {
        settings.set_model(alias.clone(), spec.clone(), cwd, "--model");
    }
    let value = input::read(arguments.input.as_deref(), cwd)?;
    let mut early = None;
    if !is_name(&arguments.routine, cwd) {
        // A mistake in the file shows before the store is made or taken.
        early = Some(from_file(&arguments.routine, cwd, screen.err)?);
    }
    let mut store = Store::open(&settings, Purpose::Work).await?;
    if store.is_guest() && !arguments.model.is_empty() {
        return Err(
            CommandError::new(codes::STORE_TAKEN, "--model cannot be used now")
                .because("another process works on this store, with its own models")
                .next("wait until it has ended, or use another store: --store DIR"),
        );
    }
    let (source, skills) = match early {
        Some(found) => found,
        None => (published(&mut store, &arguments.routine).await?, Vec::new()),
    };
    let definition = definitions::read(&source, &arguments.routine, screen.err)?.definition;
    let mut value = value;
    input::resolve_paths(&definition, &mut value, cwd);
    let starting = Starting {
        id: fresh_id()?,
        source,
        input: value,
        skills,
        key: arguments.start.key.clone(),
        budget: arguments.start.budget,
        by: settings.person.clone(),
    };
    let Answer::Started(run) = store.ask(Request::Start(Box::new(starting))).await? else {
        return Err(unexpected());
    };
    if arguments.start.key.is_some() {
        store.ask(Request::Resume { run }).await?;
    }
    announce(run, &settings, &store, screen);
    follow::follow(store, run, arguments.start.stay, &settings, screen).await
}

/// Says what was started, and who answers when no model is configured.
pub(super) fn announce(run: RunId, settings: &Settings, store: &Store, screen: &Screen) {
    if !settings.models.contains_key(DEFAULT_ALIAS) && !store.is_guest() {
        screen.note(
            "no model is configured: the scripted model answers, from fixed rules; it understands \
             nothing",
        );
    }
    if !screen.can_draw() {
        screen.note(&format!("run {run}"));
    }
}

/// Draws a fresh id for a run, so that asking twice for it is asking once.
pub(crate) fn fresh_id() -> Result<RunId, CommandError> {
    let mut identity = [0; 16];
    getrandom::fill(&mut identity).map_err(|error| {
        CommandError::new(codes::INTERNAL, "the system gives no random bytes").because(error)
    })?;
    Ok(RunId::from_parts(
        crate::agents::now(),
        u128::from_be_bytes(identity),
    ))
}

/// Tells a published name from a file: `namespace/name` without such a file.
fn is_name(routine: &str, cwd: &Path) -> bool {
    let (name, _) = routine.split_once('@').unwrap_or((routine, ""));
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let named = name
        .split_once('/')
        .is_some_and(|(space, name)| plain(space) && plain(name));
    named && !cwd.join(routine).exists()
}

fn from_file(
    routine: &str,
    cwd: &Path,
    paint: Paint,
) -> Result<(String, Vec<PathBuf>), CommandError> {
    let path = cwd.join(routine);
    let source = definitions::source(&path, routine)?;
    definitions::read(&source, routine, paint)?;
    Ok((source, definitions::skill_folders(&path)))
}

async fn published(store: &mut Store, name: &str) -> Result<String, CommandError> {
    let name = name.to_owned();
    match store.ask(Request::Routine { name }).await? {
        Answer::Routine(source) => Ok(source),
        _ => Err(unexpected()),
    }
}
