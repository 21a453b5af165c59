//! `show`: what happened in a run, or in one task of it, and why.

use serde::Serialize;

use super::named::{self, find, unexpected};
use crate::args::ShowArguments;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::calls::{self, CallView};
use crate::report::inbox::short;
use crate::report::run::{RunView, TaskView, paint, task_words};
use crate::report::screen::Screen;
use crate::report::state;
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
    if let Some(seq) = arguments.at {
        let runs = named::tree(&mut store, run).await?;
        return show_state(&runs, seq, screen);
    }
    let Answer::View(view) = store.ask(Request::View { run }).await? else {
        return Err(unexpected());
    };
    if task.is_some() || arguments.calls {
        let runs = named::tree(&mut store, run).await?;
        let calls = calls::calls(runs.log(run), &runs, task);
        return match task {
            Some(task) => show_task(&view, task, &calls, screen),
            None => show_calls(&view, &calls, screen),
        };
    }
    if screen.json {
        screen.document(&*view);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&view, screen.out));
    screen.next(&next(&view));
    Ok(Exit::Success)
}

fn show_state(runs: &layercake_engine::RunTree, seq: u64, screen: &Screen) -> CommandResult {
    let state = state::state(runs, seq).ok_or_else(|| {
        let happened = format!("there is no record {seq}");
        CommandError::new(codes::INPUT_INVALID, happened).next("layercake log")
    })?;
    if screen.json {
        screen.document(&state);
    } else {
        screen.data(&state::paint(&state, screen.out));
    }
    Ok(Exit::Success)
}

/// A task with its calls.
#[derive(Debug, Serialize)]
struct TaskDocument<'a> {
    #[serde(flatten)]
    task: &'a TaskView,
    calls: &'a [CallView],
}

/// `layercake.calls/1`.
#[derive(Debug, Serialize)]
struct CallsDocument<'a> {
    schema: &'static str,
    run: &'a str,
    calls: &'a [CallView],
}

fn show_calls(view: &RunView, calls: &[CallView], screen: &Screen) -> CommandResult {
    if screen.json {
        screen.document(&CallsDocument {
            schema: "layercake.calls/1",
            run: &view.run,
            calls,
        });
    } else {
        screen.data(&calls::paint(calls, screen.out));
    }
    Ok(Exit::Success)
}

fn show_task(view: &RunView, key: &str, calls: &[CallView], screen: &Screen) -> CommandResult {
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
        screen.document(&TaskDocument { task, calls });
        return Ok(Exit::Success);
    }
    screen.data(&task_words(task, screen.out));
    if !calls.is_empty() {
        screen.data(&calls::paint(calls, screen.out));
    }
    Ok(Exit::Success)
}

fn next(view: &RunView) -> Vec<String> {
    let run = &view.run;
    let question = view.waiting_for.iter().find(|wait| wait.kind == "approval");
    match (question, &view.failure) {
        (Some(wait), _) => vec![format!("layercake inbox approve {}", short(&wait.id))],
        (None, Some(failure)) if !failure.task.is_empty() => vec![
            format!("layercake show {}:{}", failure.run, failure.task),
            format!("layercake log {} --at {}", failure.run, failure.record),
        ],
        (None, Some(failure)) => {
            vec![format!(
                "layercake log {} --at {}",
                failure.run, failure.record
            )]
        }
        (None, None) if view.trouble.is_some() => vec![format!("layercake retry {run}")],
        (None, None) if view.ended_at.is_none() => vec![format!("layercake resume {run}")],
        (None, None) => vec![format!("layercake log {run}")],
    }
}
