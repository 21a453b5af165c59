//! `cost`: what runs cost, and for what.

use layercake_engine::ledger::{Axis, Ledger};

use super::named::{self, find, unexpected};
use crate::args::CostArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::cost::{CostDocument, csv, paint};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// The most runs that are added up without one being named.
const RUNS_MAX: usize = 10_000;

/// Runs the command.
pub(crate) async fn run(
    arguments: &CostArguments,
    settings: Settings,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    let mut store = Store::open(&settings, Purpose::Look).await?;
    let mut ledger = Ledger::default();
    let mut named = None;
    match &arguments.run {
        Some(reference) => {
            let run = find(&mut store, reference).await?;
            named = Some(run.to_string());
            ledger = Ledger::of(&named::tree(&mut store, run).await?);
        }
        None => {
            let all = Request::Runs {
                status: None,
                all: true,
                limit: RUNS_MAX,
            };
            let Answer::Runs(list) = store.ask(all).await? else {
                return Err(unexpected());
            };
            for run in list.runs.iter().filter_map(|run| run.run.parse().ok()) {
                let Answer::Records(log) = store.ask(Request::Records { run, from: 1 }).await?
                else {
                    return Err(unexpected());
                };
                ledger.add(&log);
            }
        }
    }
    if arguments.csv {
        screen.data(&csv(&ledger.entries));
        return Ok(Exit::Success);
    }
    let axis = match arguments.by.as_str() {
        "model" => Axis::Model,
        "task" => Axis::Task,
        "agent" => Axis::Name,
        "day" => Axis::Day,
        _ => Axis::Cause,
    };
    let document = CostDocument::new(named, &arguments.by, &ledger, ledger.by(axis));
    if screen.json {
        screen.document(&document);
    } else {
        screen.data(&paint(&document, &ledger, screen.out));
    }
    Ok(Exit::Success)
}
