//! The driver: does what the loop says, and writes down what happened.

mod ask;
mod call;
mod compact;
mod decide;
mod fork;
mod hand_over;
pub(crate) mod log;
mod recover;
mod steer;

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use layercake_model::Model;
use tokio_util::sync::CancellationToken;

use crate::approval::Approver;
use crate::clock::Clock;
use crate::error::HarnessError;
use crate::prompt;
use crate::report::Report;
use crate::rule::RuleBook;
use crate::session::{
    Resumption, SessionEvent, SessionStore, Started, Suspension, SuspensionCause,
};
use crate::sink::{EventSink, Progress, ToolEnd};
use crate::spec::{AgentSpec, ToolSelection};
use crate::step::{Command, Learned, Rules, next_command};
use crate::{SessionId, Toolbox};
use log::SessionLog;
use steer::Mailbox;

/// The most calls that run beside each other, unless the caller says otherwise.
const BESIDE_MAX: usize = 8;

/// A model with tools, a store for its sessions, and people to ask. Drives any number of
/// sessions, at the same time if need be.
#[derive(Clone)]
pub struct Agent {
    model: Arc<dyn Model>,
    toolbox: Toolbox,
    store: Arc<dyn SessionStore>,
    approver: Arc<dyn Approver>,
    sink: Arc<dyn EventSink>,
    clock: Arc<dyn Clock>,
    cancellation: CancellationToken,
    mailbox: Arc<Mailbox>,
    beside_max: usize,
}

/// One session while it is driven.
struct Drive<'a> {
    agent: &'a Agent,
    spec: &'a AgentSpec,
    toolbox: Toolbox,
    answer: Option<Validator>,
    book: RuleBook,
    learned: Learned,
    log: SessionLog<'a>,
}

impl Agent {
    /// Makes an agent.
    pub fn new(
        model: Arc<dyn Model>,
        toolbox: Toolbox,
        store: Arc<dyn SessionStore>,
        approver: Arc<dyn Approver>,
        sink: Arc<dyn EventSink>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            model,
            toolbox,
            store,
            approver,
            sink,
            clock,
            cancellation: CancellationToken::new(),
            mailbox: Arc::default(),
            beside_max: BESIDE_MAX,
        }
    }

    /// Sets the token that stops all runs of this agent: they pause at the next safe point, and
    /// running the session again goes on.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }

    /// Sets the most calls that run beside each other; at least 1.
    #[must_use]
    pub fn with_beside_max(mut self, calls: usize) -> Self {
        self.beside_max = calls.max(1);
        self
    }

    /// Starts a session, or goes on with one of the same id, until it ends or pauses.
    ///
    /// A session that has ended is not run again; its report is returned once more.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when the session cannot be driven: the store fails, another
    /// process drives it, it was started with another specification, or the specification
    /// cannot be used. What the agent itself fails at is in the report.
    ///
    /// # Cancel safety
    ///
    /// A dropped run is like a killed process: nothing that was recorded is lost, and running
    /// the session again goes on.
    #[tracing::instrument(skip_all, fields(session = %session, agent = %spec.name))]
    pub async fn run(&self, session: &SessionId, spec: &AgentSpec) -> Result<Report, HarnessError> {
        let toolbox = match &spec.tools {
            ToolSelection::All => self.toolbox.clone(),
            ToolSelection::Only(names) => self.toolbox.only(names)?,
        };
        let answer = match &spec.answer {
            None => None,
            Some(answer) => Some(compile(&answer.schema)?),
        };
        if spec.budget.usd_max.is_some() && self.model.descriptor().price.is_none() {
            return Err(HarnessError::Unpriced {
                model: self.model.descriptor().model.clone(),
            });
        }
        let book = RuleBook::new(&spec.rules, self.toolbox.folder().map(str::to_owned))?;
        let _mailbox = self.mailbox.open(session);
        let log = SessionLog::open(&*self.store, session, &*self.clock).await?;
        let mut drive = Drive {
            agent: self,
            spec,
            toolbox,
            answer,
            book,
            learned: Learned::default(),
            log,
        };
        drive.begin()?;
        drive.go().await
    }
}

impl Agent {
    /// Shows what the newest summary stands for again, and returns whether there was one. The
    /// session must not be running; its next run goes on with the larger window.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when the session's log cannot be read or written.
    pub async fn undo_compaction(&self, session: &SessionId) -> Result<bool, HarnessError> {
        let mut log = SessionLog::open(&*self.store, session, &*self.clock).await?;
        let Some(state) = log.state() else {
            return Ok(false);
        };
        if state.settlement().is_some() || state.summary().is_none() {
            return Ok(false);
        }
        let resumption = Resumption {
            autonomy: state.autonomy,
            budget: state.budget.clone(),
            rules: state.rules.clone(),
        };
        log.push(SessionEvent::Resumed(resumption))?;
        log.push(SessionEvent::CompactionUndone)?;
        let cause = SuspensionCause::Interrupted;
        log.push(SessionEvent::Suspended(Suspension { cause }))?;
        log.save().await?;
        Ok(true)
    }
}

fn compile(schema: &serde_json::Value) -> Result<Validator, HarnessError> {
    jsonschema::validator_for(schema).map_err(|error| HarnessError::AnswerSchema {
        message: error.to_string(),
    })
}

impl Drive<'_> {
    /// Writes the start of a new session, or that an old one goes on.
    fn begin(&mut self) -> Result<(), HarnessError> {
        let given = self.spec.digest();
        let Some(state) = self.log.state() else {
            let started = Started {
                spec: given,
                agent: self.spec.name.clone(),
                parent: self.spec.parent.clone(),
                model: self.spec.model.clone(),
                goal: self.spec.goal.clone(),
                system: prompt::system_text(self.spec),
                opening: prompt::opening_text(self.spec),
                tools: self.toolbox.for_model(),
                turn_bytes_shown: crate::window::turn_bytes_shown(self.agent.model.descriptor()),
                answer_schema: self
                    .spec
                    .answer
                    .as_ref()
                    .map(|answer| answer.schema.clone()),
                autonomy: self.spec.autonomy,
                budget: self.spec.budget.clone(),
                rules: self.spec.rules.clone(),
            };
            return self.log.push(SessionEvent::Started(Box::new(started)));
        };
        if state.spec() != given {
            return Err(HarnessError::OtherSpec {
                session: self.log.session().clone(),
                started: state.spec(),
                given,
            });
        }
        if state.settlement().is_some() {
            return Ok(());
        }
        self.log.push(SessionEvent::Resumed(Resumption {
            autonomy: self.spec.autonomy,
            budget: self.spec.budget.clone(),
            rules: self.spec.rules.clone(),
        }))
    }

    async fn go(&mut self) -> Result<Report, HarnessError> {
        loop {
            self.hear()?;
            let command = self.next();
            tracing::debug!(?command, "next");
            match command {
                Command::Append(events) => self.append(events)?,
                Command::Reconcile(calls) => self.reconcile(calls).await?,
                Command::Decide(questions) => self.decide(questions).await?,
                Command::Call(calls) => self.call(calls).await?,
                Command::Compact => self.compact().await?,
                Command::AskModel(call) => self.ask(call).await?,
                Command::Rest(cause) => return self.rest(cause).await,
                Command::Done => {
                    self.log.save().await?;
                    return Ok(self.report());
                }
            }
        }
    }

    fn next(&self) -> Command {
        let state = self.log.begun();
        if self.agent.cancellation.is_cancelled() && state.settlement().is_none() {
            return Command::Rest(SuspensionCause::Interrupted);
        }
        let rules = Rules {
            session: self.log.session(),
            toolbox: &self.toolbox,
            descriptor: self.agent.model.descriptor(),
            sampling: &self.spec.sampling,
            book: &self.book,
            answer: self.answer.as_ref(),
            beside_max: self.agent.beside_max,
        };
        next_command(state, &self.learned, &rules)
    }

    fn append(&mut self, events: Vec<SessionEvent>) -> Result<(), HarnessError> {
        for event in events {
            if let SessionEvent::ToolRefused(refused) = &event {
                self.finished(refused.id, ToolEnd::Refused, &refused.message);
            }
            self.push(event)?;
        }
        Ok(())
    }

    /// Writes an event and shows it when it is about money.
    fn push(&mut self, event: SessionEvent) -> Result<(), HarnessError> {
        let charge = match &event {
            SessionEvent::BudgetCharged(charge) => Some(charge.usd),
            _ => None,
        };
        self.log.push(event)?;
        if let Some(usd) = charge {
            let spent = self.log.begun().spent();
            self.emit(Progress::Spent {
                usd,
                total_usd: spent.usd,
                total_tokens: spent.usage.total_tokens(),
            });
        }
        Ok(())
    }

    async fn rest(&mut self, cause: SuspensionCause) -> Result<Report, HarnessError> {
        if let SuspensionCause::Waiting(questions) = &cause {
            self.emit(Progress::Waiting { questions });
        }
        self.push(SessionEvent::Suspended(Suspension { cause }))?;
        self.log.save().await?;
        Ok(self.report())
    }

    fn report(&self) -> Report {
        Report::of(self.log.session(), self.log.begun())
    }

    fn emit(&self, progress: Progress<'_>) {
        self.agent.sink.emit(self.log.session(), progress);
    }

    fn finished(&self, id: crate::CallId, end: ToolEnd, content: &str) {
        if let Some(call) = self.log.begun().call(id) {
            self.emit(Progress::ToolFinished {
                call: id,
                tool: &call.call.name,
                end,
                content,
            });
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("model", self.model.descriptor())
            .field("toolbox", &self.toolbox)
            .field("beside_max", &self.beside_max)
            .finish_non_exhaustive()
    }
}
