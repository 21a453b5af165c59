//! `agent`: starts an agent with a goal and follows it.

use std::path::Path;

use super::named::unexpected;
use super::{follow, run};
use crate::args::AgentArguments;
use crate::error::CommandResult;
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
    let starting = AgentStarting {
        id: run::fresh_id()?,
        goal: arguments.goal.clone(),
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
