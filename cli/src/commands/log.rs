//! `log`: the records of a run.

use layercake_engine::{Record, RunId};

use super::named::{find, unexpected};
use crate::args::LogArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request, Until};
use crate::host::{Purpose, Store};
use crate::report::log::{RecordView, paint};
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
        return follow(store, run, screen).await;
    }
    let request = Request::Records { run, from: 1 };
    let Answer::Records(records) = store.ask(request).await? else {
        return Err(unexpected());
    };
    records.iter().for_each(|record| print(record, screen));
    Ok(Exit::Success)
}

async fn follow(mut store: Store, run: RunId, screen: &Screen) -> CommandResult {
    let mut each = |record: &Record| {
        if record.run == run {
            print(record, screen);
        }
    };
    store.follow(run, Until::End, &mut each).await?;
    store.close().await;
    Ok(Exit::Success)
}

fn print(record: &Record, screen: &Screen) {
    if screen.json {
        screen.json_line(&RecordView::new(record));
    } else {
        screen.data(&paint(record, screen.out));
    }
}
