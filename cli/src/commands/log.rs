//! `log`: the records of a run.

use layercake_engine::{Record, RunId};

use super::named::{self, find};
use crate::args::LogArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::Until;
use crate::host::{Purpose, Store};
use crate::report::log::{RecordView, kind_and_body, paint, whole};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &LogArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    // Following works on the store: without anybody at work on it, no record would come.
    let purpose = if arguments.follow {
        Purpose::Work
    } else {
        Purpose::Look
    };
    let mut store = Store::open(&settings, purpose).await?;
    let run = find(&mut store, &arguments.run).await?;
    if arguments.follow {
        return follow(store, run, arguments, screen).await;
    }
    let runs = named::tree(&mut store, run).await?;
    let mut records: Vec<&Record> = runs.logs.iter().flatten().collect();
    records.retain(|record| is_wanted(record, run, arguments));
    if arguments.all {
        records.sort_by_key(|record| record.at);
    }
    for record in records {
        if arguments.at.is_some() && !screen.json {
            screen.data(&whole(record, screen.out));
        } else {
            print(record, screen);
        }
    }
    Ok(Exit::Success)
}

async fn follow(
    mut store: Store,
    run: RunId,
    arguments: &LogArguments,
    screen: &Screen,
) -> CommandResult {
    let mut each = |record: &Record| {
        if is_wanted(record, run, arguments) {
            print(record, screen);
        }
    };
    store.follow(run, Until::End, &mut each).await?;
    store.close().await;
    Ok(Exit::Success)
}

fn is_wanted(record: &Record, run: RunId, arguments: &LogArguments) -> bool {
    let from = arguments.at.unwrap_or(arguments.from);
    let to = arguments.at.or(arguments.to).unwrap_or(u64::MAX);
    let is_own = record.run == run;
    let is_in_range = !is_own || (from..=to).contains(&record.seq);
    (is_own || (arguments.all && arguments.at.is_none()))
        && is_in_range
        && arguments.task.as_ref().is_none_or(|task| {
            let inside = record.task.as_str().strip_prefix(task.as_str());
            inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[', '#']))
        })
        && (arguments.kind.is_empty() || arguments.kind.contains(&kind_of(record)))
        && arguments.grep.as_ref().is_none_or(|text| {
            let document = serde_json::to_string(&RecordView::new(record)).unwrap_or_default();
            document.contains(text.as_str())
        })
}

/// Returns the kind of a record; of a session the name of the event.
fn kind_of(record: &Record) -> String {
    match &record.kind {
        layercake_engine::RecordKind::Session { event, .. } => event.clone(),
        _ => kind_and_body(record).0,
    }
}

fn print(record: &Record, screen: &Screen) {
    if screen.json {
        screen.json_line(&RecordView::new(record));
    } else {
        screen.data(&paint(record, screen.out));
    }
}
