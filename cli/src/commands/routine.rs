//! `routine`: publishes routines, lists and prints the published ones.

use std::path::{Path, PathBuf};

use layercake_engine::Definition;
use serde_json::json;

use super::named::unexpected;
use crate::args::{RoutineAction, RoutineArguments};
use crate::definitions;
use crate::error::{CommandError, CommandResult};
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &RoutineArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    match &arguments.action {
        RoutineAction::Publish { files } => publish(files, &settings, cwd, screen).await,
        RoutineAction::Ls => list(&settings, screen).await,
        RoutineAction::Show { name } => show(name, &settings, screen).await,
        RoutineAction::Graph { name } => {
            let definition = definition(name, &settings, cwd, screen).await?;
            let mermaid = definition.to_mermaid();
            if screen.json {
                screen.document(&json!({
                    "schema": "layercake.graph/1",
                    "name": definition.name(),
                    "mermaid": mermaid,
                    "dot": definition.to_dot(),
                }));
            } else {
                screen.data(mermaid.trim_end());
            }
            Ok(Exit::Success)
        }
        RoutineAction::Schema { name } => {
            let definition = definition(name, &settings, cwd, screen).await?;
            let anything = json!(true);
            screen.document(definition.input_schema().unwrap_or(&anything));
            Ok(Exit::Success)
        }
    }
}

/// Reads a definition from a file, or a published one by its name.
async fn definition(
    name: &str,
    settings: &Settings,
    cwd: &Path,
    screen: &Screen,
) -> Result<Definition, CommandError> {
    let path = cwd.join(name);
    let source = if path.exists() {
        definitions::source(&path, name)?
    } else {
        settings.require_store()?;
        let mut store = Store::open(settings, Purpose::Look).await?;
        match store
            .ask(Request::Routine {
                name: name.to_owned(),
            })
            .await?
        {
            Answer::Routine(source) => source,
            _ => return Err(unexpected()),
        }
    };
    Ok(definitions::read(&source, name, screen.err)?.definition)
}

async fn publish(
    files: &[PathBuf],
    settings: &Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let mut sources = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let path = cwd.join(file);
        let source = definitions::source(&path, &name)?;
        definitions::read(&source, &name, screen.err)?;
        sources.push((source, definitions::skill_folders(&path)));
    }
    let mut store = Store::open(settings, Purpose::Work).await?;
    let mut names = Vec::new();
    for (source, skills) in sources {
        match store.ask(Request::Publish { source, skills }).await? {
            Answer::Published(name) => names.push(name),
            _ => return Err(unexpected()),
        }
    }
    store.close().await;
    if screen.json {
        screen.document(&json!({"schema": "layercake.published/1", "routines": names}));
        return Ok(Exit::Success);
    }
    for name in &names {
        screen.data(&format!("published {name}"));
    }
    if let Some(name) = names.first() {
        let short = name.split('@').next().unwrap_or(name);
        screen.next(&[
            format!("layercake run {short} -i '{{…}}'"),
            "layercake agent \"…\"   # agents see it as a tool now".to_owned(),
        ]);
    }
    Ok(Exit::Success)
}

async fn list(settings: &Settings, screen: &Screen) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(settings, Purpose::Look).await?;
    let Answer::Routines(routines) = store.ask(Request::Routines).await? else {
        return Err(unexpected());
    };
    if screen.json {
        screen.document(&json!({"schema": "layercake.routines/1", "routines": routines}));
        return Ok(Exit::Success);
    }
    if routines.is_empty() {
        screen.data("no routine is published");
        screen.next(&["layercake routine publish FILE".to_owned()]);
    }
    for routine in routines {
        let about = screen
            .out
            .dim(&format!("{}  (tool {})", routine.title, routine.tool));
        screen.data(&format!("{}  {about}", routine.name));
    }
    Ok(Exit::Success)
}

async fn show(name: &str, settings: &Settings, screen: &Screen) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(settings, Purpose::Look).await?;
    let request = Request::Routine {
        name: name.to_owned(),
    };
    let Answer::Routine(source) = store.ask(request).await? else {
        return Err(unexpected());
    };
    if screen.json {
        screen.document(&json!({
            "schema": "layercake.routine/1",
            "name": name,
            "source": source,
        }));
    } else {
        screen.data(source.trim_end());
    }
    Ok(Exit::Success)
}
