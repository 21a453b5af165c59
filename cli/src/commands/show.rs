//! `show`: what happened in a run, or in one task of it, and why.

use super::named::{find, unexpected};
use crate::args::ShowArguments;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::inbox::short;
use crate::report::run::{RunView, paint, task_words};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &ShowArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let (reference, task) = match arguments.run.split_once(':') {
        Some((run, task)) => (run, Some(task)),
        None => (arguments.run.as_str(), None),
    };
    let mut store = Store::open(&settings, Purpose::Look).await?;
    let run = find(&mut store, reference).await?;
    let Answer::View(view) = store.ask(Request::View { run }).await? else {
        return Err(unexpected());
    };
    if let Some(task) = task {
        return show_task(&view, task, screen);
    }
    if screen.json {
        screen.document(&*view);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&view, screen.out));
    screen.next(&next(&view));
    Ok(Exit::Success)
}

fn show_task(view: &RunView, key: &str, screen: &Screen) -> CommandResult {
    let found = view.tasks.iter().find(|task| task.task == key);
    let task = found.ok_or_else(|| {
        CommandError::new(
            codes::TASK_UNKNOWN,
            format!("run {} has no task `{key}`", view.run),
        )
        .because("it was not reached, or has another key")
        .next(format!("layercake show {} --json", view.run))
    })?;
    if screen.json {
        screen.document(task);
    } else {
        screen.data(&task_words(task, screen.out));
    }
    Ok(Exit::Success)
}

fn next(view: &RunView) -> Vec<String> {
    let run = &view.run;
    let failed = view.tasks.iter().find(|task| task.status == "faulted");
    let question = view.waiting_for.iter().find(|wait| wait.kind == "approval");
    match (question, failed) {
        (Some(wait), _) => vec![format!("layercake inbox approve {}", short(&wait.id))],
        (None, Some(task)) => vec![
            format!("layercake show {run}:{}", task.task),
            format!("layercake log {run}"),
        ],
        (None, None) if view.ended_at.is_none() => vec![format!("layercake resume {run}")],
        (None, None) => vec![format!("layercake log {run}")],
    }
}
