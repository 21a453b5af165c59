//! `fork`: a second run that shares the beginning of a first one and goes its own way.

use std::collections::BTreeMap;
use std::path::Path;

use layercake_engine::fork::Forked;
use layercake_engine::{EffectRequest, RecordKind, RunTree};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::named::{self, find, unexpected};
use super::{follow, run};
use crate::args::ForkArguments;
use crate::definitions;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::host::forking::forked;
use crate::host::protocol::{Answer, Forking, Request};
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &ForkArguments,
    mut settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    for (alias, spec) in &arguments.model {
        settings.set_model(alias.clone(), spec.clone(), cwd, "--model");
    }
    let purpose = if arguments.dry_run {
        Purpose::Look
    } else {
        Purpose::Work
    };
    let mut store = Store::open(&settings, purpose).await?;
    let original = find(&mut store, &arguments.run).await?;
    let runs = named::tree(&mut store, original).await?;
    let forking = Forking {
        run: original,
        fresh: run::fresh_id()?,
        at: arguments.at.clone(),
        input: changed_input(&runs, &arguments.set)?,
        source: patched(arguments, cwd, screen)?,
        is_counterfactual: !arguments.set.is_empty() || arguments.patch.is_some(),
        budget: arguments.budget,
        by: settings.person.clone(),
    };
    let plan = forked(&runs, &forking)?;
    tell(&runs, &plan, arguments.dry_run, screen);
    if arguments.dry_run {
        return Ok(Exit::Success);
    }
    let Answer::Started(fork) = store.ask(Request::Fork(Box::new(forking))).await? else {
        return Err(unexpected());
    };
    run::announce(fork, &settings, &store, screen);
    follow::follow(store, fork, arguments.stay, &settings, screen).await
}

/// Returns the input of a run with some members changed; nothing when none is.
fn changed_input(
    runs: &RunTree,
    changes: &[(String, Value)],
) -> Result<Option<Value>, CommandError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let first = runs.logs.first().and_then(|log| log.first());
    let input = match first.map(|first| &first.kind) {
        Some(RecordKind::RunStarted(start)) => runs.value(&start.input).cloned(),
        _ => None,
    };
    let mut input = input.unwrap_or_default();
    let Some(members) = input.as_object_mut() else {
        let happened = "the run's input has no members to set";
        return Err(CommandError::new(codes::INPUT_INVALID, happened)
            .next("layercake run FILE -i '…' starts a new run with another input"));
    };
    members.extend(changes.iter().cloned());
    Ok(Some(input))
}

fn patched(
    arguments: &ForkArguments,
    cwd: &Path,
    screen: &Screen,
) -> Result<Option<String>, CommandError> {
    let Some(file) = &arguments.patch else {
        return Ok(None);
    };
    let name = file.display().to_string();
    let source = definitions::source(&cwd.join(file), &name)?;
    definitions::read(&source, &name, screen.err)?;
    Ok(Some(source))
}

/// Says what is shared, what was served, and what will be live.
fn tell(runs: &RunTree, plan: &Forked, is_dry: bool, screen: &Screen) {
    let live: Vec<Value> = plan
        .live()
        .map(|effect| {
            let what = match &effect.request {
                EffectRequest::Call(call) => call.function.clone(),
                EffectRequest::Approval(approval) => approval.title.clone(),
                EffectRequest::Timer { due } => format!("until {due}"),
                EffectRequest::Run { routine, .. } => routine.clone(),
            };
            json!({ "task": effect.task, "what": what })
        })
        .collect();
    let (usd, exact) = price_after(runs, plan.shared);
    if is_dry && screen.json {
        screen.document(&json!({
            "schema": "layercake.fork-plan/1",
            "shared": plan.shared,
            "served": plan.served,
            "live": live,
            "cost_last_time": { "usd": usd, "exact": exact },
        }));
        return;
    }
    let mut words = format!("shares records 1 to {}", plan.shared);
    if plan.served > 0 {
        words.push_str(&format!(
            ", {} later calls are served from the record",
            plan.served
        ));
    }
    let bound = if exact { "" } else { "≥ " };
    words.push_str(&format!(
        "; the rest cost {bound}${} the last time",
        usd.normalize()
    ));
    if is_dry {
        screen.data(&words);
        for effect in &live {
            let text = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
            screen.data(&format!("  live first: {}  {}", text("task"), text("what")));
        }
    } else {
        screen.note(&words);
    }
}

/// Returns what everything after a record cost the first time, runs below included.
fn price_after(runs: &RunTree, shared: u64) -> (Decimal, bool) {
    let root = runs.root();
    let at: BTreeMap<bool, _> = runs
        .logs
        .first()
        .into_iter()
        .flatten()
        .map(|record| (record.seq <= shared, record.at))
        .collect();
    let boundary = at.get(&true).copied().unwrap_or_default();
    let records = runs.logs.iter().flatten();
    let later = records.filter(|record| match Some(record.run) == root {
        true => record.seq > shared,
        false => record.at > boundary,
    });
    let costs = later.flat_map(|record| &record.costs);
    costs.fold((Decimal::ZERO, true), |(sum, exact), cost| {
        (
            sum + cost.usd.unwrap_or_default(),
            exact && cost.usd.is_some(),
        )
    })
}
