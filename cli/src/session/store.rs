//! The harness's [`SessionStore`] over the journal: each session is the log of one agent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use layercake_engine::journal::Scan;
use layercake_engine::runtime::Engine;
use layercake_engine::{
    Actor, Digest, Payload, Phase, Problem, ProblemKind, RecordKind, RunId, RunKind, RunStart,
    TaskKey, Timestamp,
};
use layercake_harness::session::{
    SessionEvent, SessionRecord, SessionStore, Settlement, StoreError, SuspensionCause,
};
use layercake_harness::{Fence, SessionId};

use super::{AgentLog, RECORDS_MAX, record};
use crate::executor::problems;

/// The sessions of all agents, in the engine's journal.
#[derive(Debug)]
pub(crate) struct JournalSessions {
    engine: Engine,
    /// One writer for each run; made by whoever first opens it, kept while the process lives.
    logs: Mutex<BTreeMap<RunId, Arc<AgentLog>>>,
}

impl JournalSessions {
    /// Makes the sessions of an engine's journal.
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            logs: Mutex::default(),
        }
    }

    /// Returns the log of an agent; `start` begins it when there is none.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub(crate) fn log(
        &self,
        run: RunId,
        start: Option<RunStart>,
    ) -> Result<Arc<AgentLog>, layercake_engine::runtime::EngineError> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(&run) {
            return Ok(Arc::clone(log));
        }
        let log = AgentLog::open(&self.engine, run, start)?;
        logs.insert(run, Arc::clone(&log));
        Ok(log)
    }

    fn of_session(&self, session: &SessionId) -> Result<Arc<AgentLog>, StoreError> {
        let start = RunStart {
            run_kind: RunKind::Agent,
            name: session.to_string(),
            input: Payload::Inline(session.as_str().into()),
            parent: above(session),
            key: None,
            by: Actor::Engine,
        };
        self.log(run_of(session), Some(start))
            .map_err(|error| StoreError::unavailable("open the session", error))
    }
}

/// Returns the run that a session is: the one of the same name, or one derived from the name.
fn run_of(session: &SessionId) -> RunId {
    session.as_str().parse().unwrap_or_else(|_| {
        let digest = Digest::of_bytes(session.as_str().as_bytes());
        let mut identity = [0; 16];
        identity.copy_from_slice(&digest.as_bytes()[..16]);
        RunId::from_parts(Timestamp::default(), u128::from_be_bytes(identity))
    })
}

/// Returns the run and the call that a sub-agent works for: its session's name says so.
fn above(session: &SessionId) -> Option<(RunId, TaskKey)> {
    let (parent, call) = session.as_str().rsplit_once('/')?;
    let parent = SessionId::new(parent).ok()?;
    Some((run_of(&parent), record::call_task(call)))
}

#[async_trait]
impl SessionStore for JournalSessions {
    async fn claim(&self, session: &SessionId) -> Result<Fence, StoreError> {
        let log = self.of_session(session)?;
        let mut tip = log.tip.lock().await;
        tip.fence += 1;
        Ok(Fence::new(tip.fence))
    }

    async fn append(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        self.of_session(session)?
            .append_session(session, fence, records)
            .await
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError> {
        self.of_session(session)?.load_session(session)
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        let scan = Scan {
            kind: Some(RunKind::Agent),
            ..Scan::newest(RECORDS_MAX)
        };
        let rows = self.engine.journal().scan(&scan);
        let rows = rows.map_err(|error| StoreError::unavailable("list the sessions", error))?;
        let id = |name: String| SessionId::new(name).ok();
        let ids = rows.into_iter().filter_map(|row| {
            // Sessions with a name of their own are runs of that name.
            if run_of(&id(row.name.clone())?) == row.run {
                id(row.name)
            } else {
                id(row.run.to_string())
            }
        });
        let mut ids: Vec<SessionId> = ids.collect();
        ids.sort();
        Ok(ids)
    }
}

impl AgentLog {
    async fn append_session(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        let mut tip = self.tip.lock().await;
        let has_ended = tip.row.as_ref().is_some_and(|row| row.phase.is_final());
        if fence.number() != tip.fence || has_ended {
            return Err(StoreError::Fenced {
                session: session.clone(),
            });
        }
        for (position, expected) in records.iter().zip(tip.session_seq + 1..) {
            if position.seq != expected {
                return Err(StoreError::OutOfOrder {
                    session: session.clone(),
                    expected,
                    found: position.seq,
                });
            }
        }
        let Some(first) = records.first() else {
            return Ok(());
        };
        let mut batch = tip.begin_batch(self.run, moment(first));
        let agent = tip
            .row
            .as_ref()
            .map(|row| row.name.clone())
            .unwrap_or_default();
        let mut phase = Phase::Running;
        for session_record in records {
            tip.session_seq += 1;
            let draft = record::to_draft(session_record, &agent, &tip.tools, &tip.turn);
            if let Some(turn) = record::turn_of(&draft) {
                tip.turn = turn.clone();
            }
            record::note_tool(
                &mut tip.tools,
                &session_record.kind,
                Some(&session_record.body),
            );
            tip.push(&mut batch, draft);
            match session_record.event() {
                Ok(SessionEvent::Suspended(suspended)) => phase = phase_of(&suspended.cause),
                Ok(SessionEvent::Settled(settlement)) => {
                    let (end, kind) = end_of(settlement);
                    phase = end;
                    tip.push(
                        &mut batch,
                        record::Draft::of_run(moment(session_record), kind),
                    );
                }
                _ => {}
            }
        }
        tip.finish_batch(&mut batch, phase);
        let appended = self.append(batch).await;
        appended.map_err(|error| StoreError::unavailable("append", error))
    }

    fn load_session(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError> {
        let records = self
            .engine
            .journal()
            .records(self.run, 1, RECORDS_MAX)
            .map_err(|error| StoreError::unavailable("load", error))?;
        let events = records
            .iter()
            .filter(|record| matches!(record.kind, RecordKind::Session { .. }));
        let read = events.zip(1..).map(|(stored, seq)| {
            record::to_session(stored, seq).ok_or_else(|| StoreError::Corrupt {
                session: session.clone(),
                message: format!("record {} is no session event of this version", stored.seq),
            })
        });
        read.collect()
    }
}

fn moment(record: &SessionRecord) -> Timestamp {
    Timestamp::from_millis(record.at.as_millis())
}

fn phase_of(cause: &SuspensionCause) -> Phase {
    match cause {
        SuspensionCause::Waiting(_) | SuspensionCause::ToolWaiting(_) => Phase::Waiting,
        SuspensionCause::Budget(_)
        | SuspensionCause::ModelFailed(_)
        | SuspensionCause::Interrupted => Phase::Suspended,
    }
}

fn end_of(settlement: Settlement) -> (Phase, RecordKind) {
    let (phase, output, problem) = match settlement {
        Settlement::Finished { text, answer } => {
            let output = answer.unwrap_or_else(|| serde_json::json!({ "text": text }));
            (Phase::Completed, Some(Payload::Inline(output)), None)
        }
        Settlement::Stopped(cause) => {
            let title = format!("the agent was stopped: {cause:?}").to_lowercase();
            let problem = problems::problem(problems::MODEL_ANSWER, title);
            (Phase::Faulted, None, Some(problem))
        }
        Settlement::Failed { problem } => {
            let failed = Problem::standard(ProblemKind::Runtime, "the agent could not answer");
            (Phase::Faulted, None, Some(failed.with_detail(problem)))
        }
    };
    let kind = RecordKind::RunFinished {
        phase,
        output,
        problem,
    };
    (phase, kind)
}
