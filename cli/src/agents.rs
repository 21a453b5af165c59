//! Agents as runs: what an agent is started with, how it is driven, and how it stands.

mod approver;
mod below;
mod material;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use layercake_engine::runtime::{Engine, EngineError};
use layercake_engine::{
    Payload, Phase, Problem, RecordKind, RunId, RunKind, RunStart, TaskKey, Timestamp,
};
use layercake_harness::approval::Approver;
use layercake_harness::mcp::McpOffer;
use layercake_harness::sandbox::{Launcher, Policy, Sandbox};
use layercake_harness::session::SessionStore;
use layercake_harness::skill::SkillSet;
use layercake_harness::tool::{Edit, List, LoadSkill, Read, Shell, Write};
use layercake_harness::{
    Agent, AgentOutcome, AgentSpec, Autonomy, Budget, HarnessError, Report, SessionId, SystemClock,
    ToolSelection, Toolbox, Workspace,
};
use layercake_model::layer::{Budgeted, ModelBudget};
use layercake_model::{AnswerSchema, Model};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{CommandError, codes};
use crate::models::{DEFAULT_ALIAS, Models};
use crate::routines::{self, RoutineTool};
use crate::servers::Servers;
use crate::session::{AgentLog, JournalSessions};
use crate::settled;
use crate::skills::Shelf;
use approver::InboxApprover;

/// The tools that an agent of the command line gets when nobody says otherwise, besides the
/// published routines.
const TOOLS: &[&str] = &["read", "list", "write", "edit"];
/// Who an agent of the command line is.
pub(crate) const INSTRUCTIONS: &str = "\
You work for the person who gave you the goal. Published routines are tools that do whole jobs \
reliably: when one fits, call it instead of doing its work by hand.";

/// What an agent is started with: the input of its run, from which every process that drives it
/// makes the same agent. Stored; fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentInput {
    /// The goal.
    pub(crate) goal: String,
    /// What it works on; null for nothing.
    #[serde(default)]
    pub(crate) material: Value,
    /// Who the agent is and how it works.
    #[serde(default)]
    pub(crate) instructions: String,
    /// The alias of the model.
    pub(crate) model: String,
    /// How far it may act without a person.
    pub(crate) autonomy: Autonomy,
    /// The tools that it gets: built-in ones by name, routines by tool name.
    pub(crate) tools: Vec<String>,
    /// Pinned skills: name to content.
    #[serde(default)]
    pub(crate) skills: BTreeMap<String, String>,
    /// The folder that it works in.
    pub(crate) cwd: PathBuf,
    /// What it may spend.
    pub(crate) budget: Budget,
    /// The JSON Schema of the answer; null for a text.
    #[serde(default)]
    pub(crate) answer: Value,
    /// What the MCP servers offered when it was started: its tools stay the same, whatever the
    /// servers do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) offers: Vec<McpOffer>,
}

/// Everything that agents have in common.
#[derive(Debug)]
pub(crate) struct Agents {
    engine: Engine,
    sessions: Arc<JournalSessions>,
    models: Arc<Models>,
    shelf: Shelf,
    servers: Servers,
}

impl Agents {
    /// Makes the place where agents are driven.
    pub(crate) fn new(engine: Engine, models: Arc<Models>, shelf: Shelf, servers: Servers) -> Self {
        Self {
            sessions: Arc::new(JournalSessions::new(engine.clone())),
            engine,
            models,
            shelf,
            servers,
        }
    }

    /// Asks the MCP servers what they have, for those of these tools that are theirs; all of
    /// theirs when no tools are named. Returns what they offer, and the names of the tools.
    ///
    /// # Errors
    ///
    /// A server cannot be reached.
    pub(crate) async fn offers(
        &self,
        named: Option<&[String]>,
    ) -> Result<(Vec<McpOffer>, Vec<String>), CommandError> {
        let is_theirs = |name: &String| name.contains("__");
        if named.is_some_and(|names| !names.iter().any(is_theirs)) {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut offers = self.servers.offers().await?;
        if let Some(names) = named {
            for offer in &mut offers {
                offer.tools.retain(|tool| names.contains(&tool.name));
            }
        }
        offers.retain(|offer| !offer.tools.is_empty());
        let tools = offers.iter().flat_map(|offer| &offer.tools);
        let names = tools.map(|tool| tool.name.clone()).collect();
        Ok((offers, names))
    }

    /// Ends the MCP servers that were started for agents.
    pub(crate) async fn close(&self) {
        self.servers.close().await;
    }

    /// Returns the log of an agent that exists.
    ///
    /// # Errors
    ///
    /// There is no such agent, or the journal cannot be read.
    pub(crate) fn log(&self, run: RunId) -> Result<Arc<AgentLog>, EngineError> {
        self.sessions.log(run, None)
    }

    /// Makes the start of an agent durable; an agent that exists already is left as it is.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn begin(&self, run: RunId, start: &RunStart) -> Result<(), EngineError> {
        self.sessions
            .log(run, Some(start.clone()))?
            .begin(now())
            .await
    }

    /// Returns what an agent was started with.
    ///
    /// # Errors
    ///
    /// There is no such agent.
    pub(crate) fn start_of_run(&self, run: RunId) -> Result<RunStart, EngineError> {
        let first = self.engine.journal().records(run, 1, 1)?.into_iter().next();
        match first.map(|record| record.kind) {
            Some(RecordKind::RunStarted(start)) => Ok(start),
            _ => Err(EngineError::UnknownRun(run)),
        }
    }

    /// Ends an agent that somebody cancelled.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn cancel(&self, run: RunId) -> Result<(), EngineError> {
        self.log(run)?.end(Phase::Cancelled, None, now()).await
    }

    /// Ends an agent that cannot be driven.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn fail(&self, run: RunId, problem: Problem) -> Result<(), EngineError> {
        self.log(run)?
            .end(Phase::Faulted, Some(problem), now())
            .await
    }

    /// Drives an agent until it has ended; where it waits for a person or for a routine, this
    /// waits, too. The same run goes on where it was.
    ///
    /// # Errors
    ///
    /// The agent cannot be made, or its log not be kept.
    ///
    /// # Cancel safety
    ///
    /// A dropped future is like a killed process: driving the agent again goes on.
    pub(crate) async fn drive(
        &self,
        run: RunId,
        start: RunStart,
        money: Option<Arc<ModelBudget>>,
    ) -> Result<Report, CommandError> {
        let input = input_of(&start)?;
        let name = start.name.clone();
        let log = self
            .sessions
            .log(run, Some(start))
            .map_err(CommandError::from)?;
        let spec = self.spec(&name, &input)?;
        let agent = self.agent(&log, &name, &input, money)?;
        let session = SessionId::new(run.to_string()).expect("an id of a run is short and plain");
        loop {
            let report = agent
                .run(&session, &spec)
                .await
                .map_err(|error| unusable(&error))?;
            let AgentOutcome::Waiting { questions, .. } = &report.outcome else {
                return Ok(report);
            };
            let asked: Vec<_> = questions
                .iter()
                .map(|it| approver::effect_id(run, it))
                .collect();
            if asked.is_empty() {
                // What nobody here works on can only be taken up again by a person.
                if !self.has_open_routine(run)? {
                    return Ok(report);
                }
                settled::wait_for_children(&self.engine, run)
                    .await
                    .map_err(CommandError::from)?;
            } else {
                log.wait_for_decision(&asked).await;
            }
        }
    }

    fn has_open_routine(&self, run: RunId) -> Result<bool, CommandError> {
        let open = settled::open_children(&**self.engine.journal(), run);
        let open = open.map_err(crate::store_error::store_error)?;
        Ok(open.iter().any(|row| row.kind == RunKind::Routine))
    }

    fn spec(&self, name: &str, input: &AgentInput) -> Result<AgentSpec, CommandError> {
        let cards = self.skills(input)?.cards();
        let mut tools = input.tools.clone();
        if !cards.is_empty() {
            tools.push("skill".to_owned());
        }
        Ok(AgentSpec {
            model: input.model.clone(),
            instructions: input.instructions.clone(),
            material: material::of(&input.material),
            skills: cards,
            tools: ToolSelection::Only(tools),
            autonomy: input.autonomy,
            budget: input.budget.clone(),
            answer: (!input.answer.is_null()).then(|| AnswerSchema {
                name: "answer".to_owned(),
                schema: input.answer.clone(),
            }),
            ..AgentSpec::new(name, input.goal.clone())
        })
    }

    fn skills(&self, input: &AgentInput) -> Result<SkillSet, CommandError> {
        let mut set = SkillSet::new();
        for (name, digest) in &input.skills {
            set.add(self.shelf.read_pinned(name, digest)?);
        }
        Ok(set)
    }

    fn agent(
        &self,
        log: &Arc<AgentLog>,
        name: &str,
        input: &AgentInput,
        money: Option<Arc<ModelBudget>>,
    ) -> Result<Agent, CommandError> {
        let mut model: Arc<dyn Model> = self.models.get(&input.model)?;
        if let Some(money) = money {
            model = Arc::new(Budgeted::new(model, money));
        }
        let store: Arc<dyn SessionStore> = Arc::clone(&self.sessions) as _;
        let approver: Arc<dyn Approver> = Arc::new(InboxApprover::new(Arc::clone(log)));
        let agent = |toolbox| {
            Agent::new(
                Arc::clone(&model),
                toolbox,
                Arc::clone(&store),
                Arc::clone(&approver),
                Arc::new(layercake_harness::NoSink),
                Arc::new(SystemClock),
            )
        };
        let mut toolbox = self.toolbox(log.run(), name, input)?;
        for offer in &input.offers {
            for tool in self.servers.tools(offer, name, &approver) {
                toolbox = toolbox.with(tool).map_err(unfit)?;
            }
        }
        let delegate = below::delegate(agent(toolbox.clone()), input);
        let toolbox = toolbox.with(delegate).map_err(unfit)?;
        Ok(agent(toolbox))
    }

    fn toolbox(&self, run: RunId, name: &str, input: &AgentInput) -> Result<Toolbox, CommandError> {
        let space = Workspace::open(&input.cwd).map_err(|error| {
            let happened = format!("the agent cannot work in {}", input.cwd.display());
            CommandError::new(codes::FILE_UNREADABLE, happened).because(error)
        })?;
        let launcher = Launcher::this_program().map_err(|error| {
            CommandError::new(codes::INTERNAL, "the program cannot find itself").because(error)
        })?;
        let mut toolbox = Toolbox::new()
            .with(Read::new(space.clone()))
            .and_then(|it| it.with(List::new(space.clone())))
            .and_then(|it| it.with(Write::new(space.clone())))
            .and_then(|it| it.with(Edit::new(space.clone())))
            .map_err(unfit)?;
        // Without a sandbox there is no shell: nothing is run with less than was asked for.
        match Sandbox::confined(Policy::for_workspace(&space)) {
            Ok(sandbox) => {
                let shell = Shell::new(space, launcher, sandbox);
                toolbox = toolbox.with(shell).map_err(unfit)?;
            }
            Err(error) => tracing::info!(%error, "agents get no shell on this machine"),
        }
        let skills = self.skills(input)?;
        if skills.iter().next().is_some() {
            toolbox = toolbox.with(LoadSkill::new(skills)).map_err(unfit)?;
        }
        for definition in routines::published(&self.engine)? {
            let caller = (run, name.to_owned());
            let tool = RoutineTool::new(&self.engine, &self.shelf, definition, caller);
            toolbox = toolbox.with(tool).map_err(unfit)?;
        }
        Ok(toolbox)
    }
}

fn unfit(error: layercake_harness::ToolboxError) -> CommandError {
    CommandError::new(codes::TOOL_UNKNOWN, "the tools cannot be used").because(error)
}

/// Returns the names of the tools that an agent gets when nobody says otherwise.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn default_tools(engine: &Engine) -> Result<Vec<String>, CommandError> {
    let mut tools: Vec<String> = TOOLS.iter().map(|name| (*name).to_owned()).collect();
    let routines = routines::published(engine)?;
    tools.extend(
        routines
            .iter()
            .map(|definition| routines::tool_name(definition.name())),
    );
    Ok(tools)
}

/// Makes the start of an agent's run.
pub(crate) fn start_of(
    name: &str,
    input: &AgentInput,
    parent: Option<(RunId, TaskKey)>,
    key: Option<String>,
    by: layercake_engine::Actor,
) -> RunStart {
    RunStart {
        run_kind: RunKind::Agent,
        name: name.to_owned(),
        input: Payload::Inline(serde_json::to_value(input).expect("the input is plain data")),
        parent,
        key,
        by,
    }
}

/// Reads what an agent was started with.
fn input_of(start: &RunStart) -> Result<AgentInput, CommandError> {
    let value = start.input.inline().cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| {
        CommandError::new(codes::STORE_UNREADABLE, "the agent's input cannot be read")
            .because(error)
    })
}

/// Makes a budget from the limits that people and definitions give.
pub(crate) fn budget(
    turns: Option<u32>,
    tokens: Option<u64>,
    usd: Option<Decimal>,
    minutes: Option<f64>,
) -> Budget {
    let standard = Budget::standard();
    Budget {
        turns_max: turns.unwrap_or(standard.turns_max),
        tokens_max: tokens,
        usd_max: usd,
        work_ms_max: minutes.map(|minutes| (minutes * 60_000.0) as u64),
        ..standard
    }
}

fn unusable(error: &HarnessError) -> CommandError {
    use layercake_harness::Remedy;
    let code = match error.remedy() {
        Remedy::FixSettings => codes::TOOL_UNKNOWN,
        Remedy::RunAgain => codes::STORE_FULL,
        Remedy::LeaveIt => codes::STORE_TAKEN,
        Remedy::InspectLog => codes::STORE_UNREADABLE,
    };
    let mut translated = CommandError::new(code, error.to_string());
    if let Some(source) = std::error::Error::source(error) {
        translated = translated.caused_by(source);
    }
    translated
}

/// Returns the present moment.
pub(crate) fn now() -> Timestamp {
    layercake_engine::runtime::Clock::system().now()
}

/// Returns the name of a fresh agent: one for every goal would not help anybody.
pub(crate) const NAME: &str = "agent";

/// Returns the alias that is meant.
pub(crate) fn alias(named: Option<&str>) -> String {
    named.unwrap_or(DEFAULT_ALIAS).to_owned()
}
