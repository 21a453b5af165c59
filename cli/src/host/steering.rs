//! Steering runs that exist: pausing them, sending them something, trying them again.

use std::sync::Arc;

use layercake_engine::runtime::{EngineError, Routine, StartRequest};
use layercake_engine::{Actor, Phase, RunId, RunKind};

use super::protocol::{Answer, Signalling};
use super::service::Service;
use crate::error::{CommandError, codes};

/// The attribute that names the run whose second try a run is.
const RETRY_ATTRIBUTE: &str = "retry-of";

impl Service {
    /// Pauses a run; what is under way in a routine may end, an agent stops where it is.
    pub(super) async fn suspend(&self, run: RunId, by: String) -> Result<Answer, CommandError> {
        let row = self.engine.row(run)?;
        if row.phase.is_final() {
            return Err(ended(run));
        }
        if row.phase == Phase::Suspended {
            return Ok(Answer::Done);
        }
        if row.kind == RunKind::Routine {
            self.engine.suspend(run, Actor::Person(by)).await?;
            return Ok(Answer::Done);
        }
        if let Some(handle) = self.driven().handles.remove(&run) {
            handle.abort();
        }
        let log = self.agents.log(run).map_err(CommandError::from)?;
        log.pause(crate::agents::now()).await?;
        Ok(Answer::Done)
    }

    /// Sends something to a routine.
    pub(super) async fn signal(&self, signalling: Signalling) -> Result<Answer, CommandError> {
        let Signalling {
            run,
            signal,
            data,
            id,
            by,
        } = signalling;
        let row = self.engine.row(run)?;
        if row.phase.is_final() {
            return Err(ended(run));
        }
        if row.kind == RunKind::Agent {
            let happened = format!("run {run} is an agent and listens to no events");
            return Err(CommandError::new(codes::INPUT_INVALID, happened)
                .because("only routines `listen`; people answer an agent through the inbox")
                .next("layercake inbox"));
        }
        let by = Actor::Person(by);
        match id {
            Some(id) => self.engine.signal_once(run, &id, signal, data, by).await?,
            None => self.engine.signal(run, signal, data, by).await?,
        }
        Ok(Answer::Done)
    }

    /// Tries again: a run that has ended as a new run with the same definition and input, any
    /// other by looking again at what is in its way.
    pub(super) async fn retry(
        self: &Arc<Self>,
        run: RunId,
        fresh: RunId,
        by: String,
    ) -> Result<Answer, CommandError> {
        let row = self.engine.row(run)?;
        if row.phase.is_final() && row.parent.is_none() {
            return self.again(run, fresh, by).await;
        }
        if row.phase.is_final() {
            let happened = format!("run {run} belongs to another run");
            return Err(CommandError::new(codes::RUN_ENDED, happened)
                .because("what a run asked for is tried again with it")
                .next(format!("layercake show {run}")));
        }
        match row.kind {
            RunKind::Routine => self.engine.reconsider(run)?,
            RunKind::Agent => return self.resume(run).await.map(|_| Answer::Started(run)),
        }
        Ok(Answer::Started(run))
    }

    async fn again(
        self: &Arc<Self>,
        run: RunId,
        fresh: RunId,
        by: String,
    ) -> Result<Answer, CommandError> {
        let row = self.engine.row(run)?;
        let mut start = self.agents.start_of_run(run)?;
        start.by = Actor::Person(by);
        start.key = None;
        if row.kind == RunKind::Agent {
            self.agents.begin(fresh, &start).await?;
            self.drive(fresh, start);
            return Ok(Answer::Started(fresh));
        }
        let mut attributes = row.attributes;
        attributes.insert(RETRY_ATTRIBUTE.to_owned(), run.to_string());
        let input = start.input.inline().cloned().unwrap_or_default();
        let request = StartRequest {
            by: start.by,
            id: Some(fresh),
            attributes,
            ..StartRequest::new(Routine::Definition(self.engine.definition_of(run)?), input)
        };
        match self.engine.start(request).await {
            // The same id is the same request, sent again after a broken conversation.
            Ok(run) | Err(EngineError::RunExists(run)) => Ok(Answer::Started(run)),
            Err(error) => Err(error.into()),
        }
    }
}

fn ended(run: RunId) -> CommandError {
    CommandError::new(codes::RUN_ENDED, format!("run {run} has already ended"))
        .next(format!("layercake show {run}"))
}
