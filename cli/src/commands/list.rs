//! `ls`: the runs, the newest first.

use super::named::unexpected;
use crate::args::ListArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::list::{ListView, paint};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &ListArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Look).await?;
    let request = Request::Runs {
        status: arguments.status.clone(),
        all: arguments.all,
        limit: if is_narrow(arguments) {
            usize::MAX
        } else {
            arguments.limit
        },
    };
    let Answer::Runs(mut list) = store.ask(request).await? else {
        return Err(unexpected());
    };
    narrow(&mut list, arguments);
    if screen.json {
        screen.document(&list);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&list, screen.out));
    if list.runs.iter().any(|run| run.status == "waiting") {
        screen.next(&["layercake inbox".to_owned()]);
    }
    Ok(Exit::Success)
}

fn is_narrow(arguments: &ListArguments) -> bool {
    arguments.name.is_some() || arguments.kind.is_some() || arguments.since.is_some()
}

/// Keeps the runs that are wanted; moments of the same zone compare like their texts.
fn narrow(list: &mut ListView, arguments: &ListArguments) {
    if !is_narrow(arguments) {
        return;
    }
    let wanted =
        |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(holds);
    list.runs.retain(|run| {
        wanted(&arguments.name, &|name| run.name.starts_with(name))
            && wanted(&arguments.kind, &|kind| run.kind == kind)
            && wanted(&arguments.since, &|since| run.started_at.as_str() >= since)
    });
    list.left_out += list.runs.len().saturating_sub(arguments.limit);
    list.runs.truncate(arguments.limit);
}
