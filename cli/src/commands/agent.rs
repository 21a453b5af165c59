//! `agent`: starts an agent with a goal and follows it.

use std::path::Path;

use super::named::unexpected;
use super::{follow, run};
use crate::acp;
use crate::args::AgentArguments;
use crate::error::CommandResult;
use crate::exit::Exit;
use crate::host::protocol::{AgentStarting, Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &AgentArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let mut store = Store::open(&settings, Purpose::Work).await?;
    if arguments.acp {
        return serve(arguments, store, &settings, cwd).await;
    }
    let starting = AgentStarting {
        id: run::fresh_id()?,
        goal: arguments.goal.clone(),
        material: serde_json::Value::Null,
        model: arguments.model.clone(),
        autonomy: arguments.autonomy,
        skills: arguments
            .skills
            .iter()
            .map(|folder| cwd.join(folder))
            .collect(),
        tools: arguments.tools.clone(),
        cwd: arguments.cwd.as_ref().map(|folder| cwd.join(folder)),
        key: arguments.start.key.clone(),
        budget: arguments.start.budget,
        by: settings.person.clone(),
    };
    let Answer::Started(run) = store.ask(Request::StartAgent(Box::new(starting))).await? else {
        return Err(unexpected());
    };
    run::announce(run, &settings, &store, screen);
    follow::follow(store, run, arguments.start.stay, &settings, screen).await
}

/// Serves an editor until it closes the connection.
async fn serve(
    arguments: &AgentArguments,
    store: Store,
    settings: &Settings,
    cwd: &Path,
) -> CommandResult {
    let skills = arguments.skills.iter().map(|folder| cwd.join(folder));
    let autonomy = arguments.autonomy.or(settings.agent.autonomy);
    let choice = acp::Choice {
        model: arguments.model.clone(),
        autonomy: autonomy.unwrap_or_default(),
        tools: arguments.tools.clone(),
        skills: skills.collect(),
    };
    acp::serve(store, settings, choice).await?;
    Ok(Exit::Success)
}
