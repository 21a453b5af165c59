//! What the process with the open store does for whoever asks, itself included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layercake_engine::journal::{Journal, JournalReads, RunRow};
use layercake_engine::runtime::{Engine, EngineError, Routine, StartRequest};
use layercake_engine::{
    Actor, Catalog, Decision, Definition, Phase, RunId, RunKind, RunStart, Schema,
};
use tokio::task::{AbortHandle, JoinSet};

use super::protocol::{AgentStarting, Answer, Deciding, Remembering, Request, Starting};
use super::reading;
use crate::agents::{self, AgentInput, Agents};
use crate::assemble::Assembly;
use crate::budgets::{self, BUDGET_ATTRIBUTE};
use crate::error::{CommandError, codes};
use crate::executor::{Facts, problems};
use crate::settings::Settings;
use crate::settled;
use crate::skills::Shelf;

/// How many turns an agent of the command line has when nobody says otherwise.
const TURNS: u32 = 50;

/// The process that has the store open.
#[derive(Debug)]
pub(crate) struct Service {
    pub(super) engine: Engine,
    pub(super) agents: Arc<Agents>,
    shelf: Shelf,
    facts: Facts,
    settings: Settings,
    /// Agents that this process drives; each task ends with its agent, or with the service.
    driven: Mutex<Driven>,
}

#[derive(Debug, Default)]
pub(super) struct Driven {
    tasks: JoinSet<()>,
    pub(super) handles: BTreeMap<RunId, AbortHandle>,
}

impl Driven {
    fn drives(&self, run: RunId) -> bool {
        let handle = self.handles.get(&run);
        handle.is_some_and(|handle| !handle.is_finished())
    }
}

impl Service {
    /// Serves an assembly.
    pub(crate) fn new(assembly: Assembly, settings: Settings) -> Self {
        Self {
            engine: assembly.engine,
            agents: assembly.agents,
            shelf: assembly.shelf,
            facts: assembly.facts,
            settings,
            driven: Mutex::default(),
        }
    }

    /// Answers a request that has one answer.
    ///
    /// # Errors
    ///
    /// What was asked for cannot be done.
    pub(crate) async fn answer(self: &Arc<Self>, request: Request) -> Result<Answer, CommandError> {
        let hands = |row: &RunRow| self.moves(row);
        if let Some(answer) = look(&**self.engine.journal(), &request, &hands) {
            return answer;
        }
        match request {
            Request::Decide(deciding) => self.decide(deciding).await,
            Request::Start(starting) => self.start(*starting).await,
            Request::StartAgent(starting) => self.start_agent(*starting).await,
            Request::Resume { run } => self.resume(run).await,
            Request::Cancel { run, by } => self.cancel(run, by).await,
            Request::Suspend { run, by } => self.suspend(run, by).await,
            Request::Fork(forking) => self.fork(*forking).await,
            Request::Signal(signalling) => self.signal(signalling).await,
            Request::Retry { run, fresh, by } => self.retry(run, fresh, by).await,
            Request::Recall(wanted) => self.recall(wanted).await,
            Request::Remember(remembering) => self.remember(*remembering).await,
            Request::Publish { source, skills } => {
                let definition = self.engine.publish(&source).await?;
                self.shelf.with_first(&skills).publish(&definition)?;
                Ok(Answer::Published(definition.name().to_owned()))
            }
            other => {
                let happened = format!("{other:?} has no single answer");
                Err(CommandError::new(codes::INTERNAL, happened))
            }
        }
    }

    async fn decide(&self, deciding: Deciding) -> Result<Answer, CommandError> {
        let decision = Decision {
            verdict: deciding.verdict,
            by: deciding.by,
            at: agents::now(),
            comment: deciding.comment,
            edited: deciding.edited,
            shown_hash: deciding.shown_hash,
            roles: Vec::new(),
        };
        let item = self.engine.journal().inbox_item(deciding.id);
        let item = item.map_err(crate::store_error::store_error)?;
        let item = item.ok_or(EngineError::NotOpen(deciding.id))?;
        if self.engine.row(item.run)?.kind == RunKind::Agent {
            self.agents
                .log(item.run)?
                .decide(deciding.id, decision)
                .await?;
        } else {
            self.engine.decide(deciding.id, decision).await?;
        }
        Ok(Answer::Done)
    }

    async fn start(&self, starting: Starting) -> Result<Answer, CommandError> {
        let checked = Definition::read(&starting.source, &Catalog::standard());
        let definition = checked.map_err(EngineError::Definition)?.definition;
        check_input(&definition, &starting.input)?;
        let mut attributes = self
            .shelf
            .with_first(&starting.skills)
            .pin_for(&definition)?;
        if let Some(budget) = starting.budget {
            attributes.insert(BUDGET_ATTRIBUTE.to_owned(), budget.to_string());
        }
        let request = StartRequest {
            key: starting.key,
            by: Actor::Person(starting.by),
            id: Some(starting.id),
            attributes,
            ..StartRequest::new(Routine::Definition(definition), starting.input)
        };
        match self.engine.start(request).await {
            // The same id is the same request, sent again after a broken conversation.
            Err(EngineError::RunExists(run)) => Ok(Answer::Started(run)),
            started => Ok(Answer::Started(started?)),
        }
    }

    async fn start_agent(
        self: &Arc<Self>,
        starting: AgentStarting,
    ) -> Result<Answer, CommandError> {
        let known = match &starting.key {
            Some(key) => self.engine.journal().run_of_key(key),
            None => Ok(None),
        };
        if let Some(run) = known.map_err(crate::store_error::store_error)? {
            self.resume(run).await?;
            return Ok(Answer::Started(run));
        }
        let defaults = &self.settings.agent;
        let named = starting.tools.or(defaults.tools.clone());
        let (offers, theirs) = self.agents.offers(named.as_deref()).await?;
        let tools = match named {
            Some(tools) => tools,
            None => {
                let mut tools = agents::default_tools(&self.engine)?;
                tools.extend(theirs);
                tools
            }
        };
        let turns = defaults.turns.or(Some(TURNS));
        let input = AgentInput {
            goal: starting.goal,
            material: starting.material,
            instructions: agents::INSTRUCTIONS.to_owned(),
            model: agents::alias(starting.model.as_deref().or(defaults.model.as_deref())),
            autonomy: starting.autonomy.or(defaults.autonomy).unwrap_or_default(),
            tools,
            skills: self.shelf.with_first(&starting.skills).pin_all()?,
            cwd: starting
                .cwd
                .unwrap_or_else(|| self.settings.project.clone()),
            budget: agents::budget(turns, None, starting.budget.or(defaults.budget), None),
            answer: serde_json::Value::Null,
            offers,
        };
        let by = Actor::Person(starting.by);
        let start = agents::start_of(agents::NAME, &input, None, starting.key, by);
        self.agents.begin(starting.id, &start).await?;
        self.drive(starting.id, start);
        Ok(Answer::Started(starting.id))
    }

    async fn recall(&self, wanted: serde_json::Value) -> Result<Answer, CommandError> {
        let facts = self.facts.clone();
        blocking(move || facts.look_up(&wanted)).await
    }

    async fn remember(&self, remembering: Remembering) -> Result<Answer, CommandError> {
        let facts = self.facts.clone();
        blocking(move || facts.note(&remembering)).await
    }

    /// Goes on with a run, as far as this process does not do so already.
    pub(super) async fn resume(self: &Arc<Self>, run: RunId) -> Result<Answer, CommandError> {
        let row = self.engine.row(run)?;
        if row.phase.is_final() {
            return Ok(Answer::Done);
        }
        match row.kind {
            RunKind::Agent if row.parent.is_none() => {
                let start = self.agents.start_of_run(run)?;
                self.drive(run, start);
            }
            RunKind::Agent => {}
            RunKind::Routine if row.phase == Phase::Suspended => {
                self.engine.resume(run, Actor::Engine).await?;
            }
            // Opening the store has taken up every routine already.
            RunKind::Routine => {}
        }
        Ok(Answer::Done)
    }

    async fn cancel(&self, run: RunId, by: String) -> Result<Answer, CommandError> {
        let row = self.engine.row(run)?;
        if row.phase.is_final() {
            let happened = format!("run {run} has already ended");
            return Err(
                CommandError::new(codes::RUN_ENDED, happened).next(format!("layercake show {run}"))
            );
        }
        let by = Actor::Person(by);
        if row.kind == RunKind::Routine {
            self.engine.cancel(run, by.clone()).await?;
        } else {
            if let Some(handle) = self.driven().handles.remove(&run) {
                handle.abort();
            }
            self.agents.cancel(run).await?;
        }
        let below = settled::open_children(&**self.engine.journal(), run);
        for child in below.map_err(crate::store_error::store_error)? {
            // What ends by itself in the meantime needs no cancelling.
            match child.kind {
                RunKind::Routine => drop(self.engine.cancel(child.run, by.clone()).await),
                RunKind::Agent => self.agents.cancel(child.run).await?,
            }
        }
        Ok(Answer::Done)
    }

    /// Says whether this process moves a run that is at work.
    pub(super) fn moves(&self, row: &RunRow) -> bool {
        match row.kind {
            // Opening the store has taken up every routine.
            RunKind::Routine => true,
            RunKind::Agent if row.parent.is_some() => self.is_parent_at_work(row),
            RunKind::Agent => self.driven().drives(row.run),
        }
    }

    /// An agent below a run is driven by whoever moves that one.
    fn is_parent_at_work(&self, row: &RunRow) -> bool {
        let parent = row
            .parent
            .as_ref()
            .map(|(parent, _)| self.engine.row(*parent));
        matches!(parent, Some(Ok(parent)) if !parent.phase.is_final() && self.moves(&parent))
    }

    /// Drives an agent in the background, unless this process does so already.
    pub(super) fn drive(self: &Arc<Self>, run: RunId, start: RunStart) {
        let mut driven = self.driven();
        if driven.drives(run) {
            return;
        }
        while driven.tasks.try_join_next().is_some() {}
        let service = Arc::clone(self);
        let handle = driven.tasks.spawn(async move {
            if let Err(error) = service.drive_to_end(run, start).await {
                tracing::error!(run_id = %run, error = %error.told(), "the agent cannot go on");
                let problem = problems::of_error(&error);
                drop(service.agents.fail(run, problem).await);
            }
        });
        driven.handles.insert(run, handle);
    }

    async fn drive_to_end(&self, run: RunId, start: RunStart) -> Result<(), CommandError> {
        let money = budgets::of_run(&self.engine, run)
            .map_err(|error| CommandError::new(codes::STORE_UNREADABLE, error.message))?;
        self.agents.drive(run, start, money).await?;
        Ok(())
    }

    pub(super) fn driven(&self) -> MutexGuard<'_, Driven> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work of this process in good order; what waits stays on disk.
    pub(crate) async fn shutdown(&self, patience: Duration) {
        let mut driven = std::mem::take(&mut *self.driven());
        driven.tasks.shutdown().await;
        self.agents.close().await;
        self.engine.shutdown(patience).await;
    }
}

/// Says of a run that ought to be at work whether a process moves it.
pub(crate) type Hands<'a> = &'a dyn Fn(&RunRow) -> bool;

/// Answers what the journal alone can answer; nothing for everything else.
pub(super) fn look(
    journal: &dyn Journal,
    request: &Request,
    hands: Hands<'_>,
) -> Option<Result<Answer, CommandError>> {
    Some(match request {
        Request::Runs { status, all, limit } => {
            reading::runs(journal, status.as_deref(), *all, *limit, hands).map(Answer::Runs)
        }
        Request::View { run } => {
            reading::run(journal, *run, hands).map(|view| Answer::View(Box::new(view)))
        }
        Request::Tree { run } => {
            reading::tree(journal, *run).map(|tree| Answer::Tree(Box::new(tree)))
        }
        Request::Records { run, from } => {
            reading::records(journal, *run, *from).map(Answer::Records)
        }
        Request::Inbox => reading::inbox(journal).map(Answer::Inbox),
        Request::Routines => reading::routines(journal).map(Answer::Routines),
        Request::Routine { name } => reading::routine(journal, name).map(Answer::Routine),
        _ => return None,
    })
}

/// Reads or writes the context away from the async threads.
async fn blocking(
    work: impl FnOnce() -> Result<serde_json::Value, layercake_engine::Problem> + Send + 'static,
) -> Result<Answer, CommandError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| CommandError::new(codes::INTERNAL, error.to_string()))?;
    done.map(Answer::Facts).map_err(|problem| {
        let error = CommandError::new(codes::INPUT_INVALID, problem.title);
        match problem.detail {
            Some(detail) => error.because(detail),
            None => error,
        }
    })
}

/// Checks the input before anything is started.
fn check_input(definition: &Definition, input: &serde_json::Value) -> Result<(), CommandError> {
    let Some(schema) = definition.input_schema() else {
        return Ok(());
    };
    let Ok(schema) = Schema::compile(schema) else {
        return Ok(());
    };
    schema.check(input).map_err(|complaints| {
        let happened = format!("the input does not fit {}", definition.name());
        CommandError::new(codes::INPUT_INVALID, happened)
            .because(complaints.join("; "))
            .next("layercake run FILE -i '{…}'")
    })
}
