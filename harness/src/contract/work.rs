//! The driver of work under a contract. Its own session holds the contract and every check;
//! planner, maker and checker have sessions below it. Running it again goes on.

use std::fmt;
use std::sync::Arc;

use layercake_model::AnswerSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::below::{Halt, run_below, spec_for};
use super::people::{allow_commands, escalate};
use super::{Check, Contract, Finding, check, plan_schema, text};
use crate::agent::Agent;
use crate::agent::log::SessionLog;
use crate::approval::Approver;
use crate::clock::Clock;
use crate::digest::Digest;
use crate::error::HarnessError;
use crate::report::Report;
use crate::session::{
    Resumption, SessionEvent, SessionStore, Settlement, Started, Suspension, SuspensionCause,
};
use crate::spec::{AgentSpec, Material};
use crate::tool::SharedTool;
use crate::{Autonomy, Budget, CallId, SessionId};

/// Attempts before a person is asked, unless the caller says otherwise.
const ATTEMPTS_MAX: u32 = 3;

/// Attempts in all, those that people asked for included.
const ATTEMPTS_EVER_MAX: u32 = 20;

/// One agent's part in the work.
#[derive(Debug, Clone)]
pub struct Role {
    /// The agent.
    pub agent: Agent,
    /// What it always is: instructions, autonomy, tools, budget. Goal and material are the
    /// work's.
    pub spec: AgentSpec,
}

/// Work under a contract.
#[derive(Clone)]
pub struct Work {
    store: Arc<dyn SessionStore>,
    approver: Arc<dyn Approver>,
    clock: Arc<dyn Clock>,
    maker: Role,
    planner: Option<Role>,
    checker: Option<Role>,
    shell: Option<SharedTool>,
    autonomy: Autonomy,
    budget: Budget,
    attempts_max: u32,
}

#[derive(Debug, Deserialize)]
struct Verdicts {
    verdicts: Vec<Verdict>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    holds: bool,
    seen: String,
}

impl Work {
    /// Makes work for one maker. The budget is for all agents of the work together.
    pub fn new(
        store: Arc<dyn SessionStore>,
        approver: Arc<dyn Approver>,
        clock: Arc<dyn Clock>,
        maker: Role,
        budget: Budget,
    ) -> Self {
        Self {
            store,
            approver,
            clock,
            autonomy: maker.spec.autonomy,
            maker,
            planner: None,
            checker: None,
            shell: None,
            budget,
            attempts_max: ATTEMPTS_MAX,
        }
    }

    /// Lets an agent plan the work and propose the contract.
    #[must_use]
    pub fn with_planner(mut self, planner: Role) -> Self {
        self.planner = Some(planner);
        self
    }

    /// Lets an agent decide the statements of the contract. It sees the world and the maker's
    /// answer, and nothing of how that came about.
    #[must_use]
    pub fn with_checker(mut self, checker: Role) -> Self {
        self.checker = Some(checker);
        self
    }

    /// Runs the commands of the contract with a tool like [`crate::tool::Shell`].
    #[must_use]
    pub fn with_shell(mut self, shell: SharedTool) -> Self {
        self.shell = Some(shell);
        self
    }

    /// Sets the attempts before a person is asked; at least 1.
    #[must_use]
    pub fn with_attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts.clamp(1, ATTEMPTS_EVER_MAX);
        self
    }

    /// Works towards a goal under the contract, or under the one that the planner proposes,
    /// until it holds, pauses or fails. Running the same session again goes on. A check that a
    /// crash cut off is made again.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when a session cannot be driven.
    ///
    /// # Cancel safety
    ///
    /// As [`Agent::run`].
    pub async fn run(
        &self,
        session: &SessionId,
        goal: &str,
        contract: Option<Contract>,
    ) -> Result<Report, HarnessError> {
        let mut log = SessionLog::open(&*self.store, session, &*self.clock).await?;
        self.begin(&mut log, goal)?;
        if log.begun().settlement().is_none() {
            let end = match self.go(&mut log, goal, contract).await {
                Ok(settlement) => SessionEvent::Settled(settlement),
                Err(Halt::Pause(cause)) => SessionEvent::Suspended(Suspension { cause }),
                Err(Halt::Fail(problem)) => SessionEvent::Settled(Settlement::Failed { problem }),
                Err(Halt::Broken(error)) => return Err(error),
            };
            log.push(end)?;
        }
        log.save().await?;
        Ok(Report::of(session, log.begun()))
    }

    fn begin(&self, log: &mut SessionLog<'_>, goal: &str) -> Result<(), HarnessError> {
        let spec = Digest::of_value(&json!(["contract", goal]));
        let Some(state) = log.state() else {
            return log.push(SessionEvent::Started(Box::new(Started {
                spec,
                agent: self.maker.spec.name.clone(),
                parent: None,
                model: String::new(),
                goal: goal.to_owned(),
                system: String::new(),
                opening: goal.to_owned(),
                tools: Vec::new(),
                turn_bytes_shown: 0,
                answer_schema: None,
                autonomy: self.autonomy,
                budget: self.budget.clone(),
                rules: Vec::new(),
            })));
        };
        if state.spec() != spec {
            return Err(HarnessError::OtherSpec {
                session: log.session().clone(),
                started: state.spec(),
                given: spec,
            });
        }
        if state.settlement().is_some() {
            return Ok(());
        }
        log.push(SessionEvent::Resumed(Resumption {
            autonomy: self.autonomy,
            budget: self.budget.clone(),
            rules: Vec::new(),
        }))
    }

    /// Goes on from what the log says until an attempt passes.
    async fn go(
        &self,
        log: &mut SessionLog<'_>,
        goal: &str,
        given: Option<Contract>,
    ) -> Result<Settlement, Halt> {
        if log.begun().contract.is_none() {
            let contract = self.agree(log, goal, given).await?;
            log.push(SessionEvent::Contracted(contract))?;
            log.save().await?;
        }
        let contract = log.begun().contract.clone().unwrap_or_default();
        loop {
            let last = log.begun().checks.last().cloned();
            if let Some(check) = last.as_ref().filter(|check| check.passed()) {
                return Ok(Settlement::Finished {
                    text: check.answer.clone(),
                    answer: serde_json::from_str(&check.answer).ok(),
                });
            }
            let check = self.attempt(log, goal, &contract, last.as_ref()).await?;
            log.push(SessionEvent::Checked(check))?;
            log.save().await?;
        }
    }

    /// Finds the contract: the given one, or the planner's, whose commands may need a yes.
    async fn agree(
        &self,
        log: &mut SessionLog<'_>,
        goal: &str,
        given: Option<Contract>,
    ) -> Result<Contract, Halt> {
        let planner = match (given, &self.planner) {
            (Some(contract), _) => return Ok(contract),
            (None, None) => return Ok(Contract::default()),
            (None, Some(planner)) => planner,
        };
        let schema = schema("contract", plan_schema());
        let goal = text::for_planner(goal);
        let spec = spec_for(planner, log, self.autonomy, goal, Some(schema));
        let answer = run_below(log, planner, "plan", spec).await?;
        let contract = serde_json::from_str(&answer)
            .map_err(|error| Halt::Fail(format!("the plan is unusable: {error}")))?;
        allow_commands(&*self.approver, log, &contract, self.autonomy).await?;
        Ok(contract)
    }

    /// Makes the next attempt and checks it.
    async fn attempt(
        &self,
        log: &mut SessionLog<'_>,
        goal: &str,
        contract: &Contract,
        last: Option<&Check>,
    ) -> Result<Check, Halt> {
        let attempt = last.map_or(1, |check| check.attempt + 1);
        if attempt > ATTEMPTS_EVER_MAX {
            return Err(Halt::Fail("there were too many attempts".to_owned()));
        }
        if let Some(kind) = log.begun().budget.exhausted(log.begun().spent()) {
            return Err(Halt::Pause(SuspensionCause::Budget(kind)));
        }
        let goal = text::for_maker(goal, contract, last);
        let spec = spec_for(&self.maker, log, self.autonomy, goal, None);
        let answer = run_below(log, &self.maker, &format!("make.{attempt}"), spec).await?;
        let findings = self.check(log, contract, &answer, attempt).await?;
        let mut check = Check {
            attempt,
            answer,
            findings,
            advice: None,
        };
        if !check.passed() && attempt >= self.attempts_max {
            check.advice = Some(escalate(&*self.approver, log, contract, &check).await?);
        }
        Ok(check)
    }

    async fn check(
        &self,
        log: &mut SessionLog<'_>,
        contract: &Contract,
        answer: &str,
        attempt: u32,
    ) -> Result<Vec<Finding>, Halt> {
        let mut findings = Vec::with_capacity(contract.criteria.len());
        for (criterion, index) in contract.criteria.iter().zip(0..) {
            let turn = attempt;
            let id = CallId { turn, index };
            let shell = self.shell.as_ref();
            findings.push(check::mechanical(criterion, answer, shell, log.session(), id).await);
        }
        let mut verdicts = Vec::new().into_iter();
        if findings.contains(&None) {
            verdicts = self
                .verdicts(log, contract, answer, attempt)
                .await?
                .into_iter();
        }
        let complete = findings.into_iter().map(|finding| {
            finding
                .or_else(|| verdicts.next())
                .unwrap_or_else(|| Finding {
                    holds: false,
                    seen: "nobody decided it".to_owned(),
                })
        });
        Ok(complete.collect())
    }

    /// Asks the checker, in a session that has seen nothing of the making.
    async fn verdicts(
        &self,
        log: &mut SessionLog<'_>,
        contract: &Contract,
        answer: &str,
        attempt: u32,
    ) -> Result<Vec<Finding>, Halt> {
        let Some(checker) = &self.checker else {
            return Err(Halt::Fail(
                "the contract has statements and nobody checks".to_owned(),
            ));
        };
        let count = text::statements(contract).count();
        let schema = schema("verdicts", verdict_schema(count));
        let goal = text::for_checker(contract);
        let mut spec = spec_for(checker, log, self.autonomy, goal, Some(schema));
        spec.material.push(Material {
            title: "what the other agent says".to_owned(),
            text: answer.to_owned(),
        });
        let text = run_below(log, checker, &format!("check.{attempt}"), spec).await?;
        let decided: Verdicts = serde_json::from_str(&text)
            .map_err(|error| Halt::Fail(format!("the verdict is unusable: {error}")))?;
        let findings = decided.verdicts.into_iter().map(|verdict| Finding {
            holds: verdict.holds,
            seen: text::seen(&verdict.seen),
        });
        Ok(findings.collect())
    }
}

fn schema(name: &str, schema: Value) -> AnswerSchema {
    AnswerSchema {
        name: name.to_owned(),
        schema,
    }
}

/// The JSON Schema of what a checker answers.
fn verdict_schema(count: usize) -> Value {
    json!({
        "type": "object",
        "properties": {
            "verdicts": {
                "type": "array",
                "minItems": count,
                "maxItems": count,
                "items": {
                    "type": "object",
                    "properties": {"holds": {"type": "boolean"}, "seen": {"type": "string"}},
                    "required": ["holds", "seen"],
                    "additionalProperties": false
                }
            }
        },
        "required": ["verdicts"],
        "additionalProperties": false
    })
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("maker", &self.maker)
            .field("attempts_max", &self.attempts_max)
            .finish_non_exhaustive()
    }
}
