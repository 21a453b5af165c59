//! The loop as a table: a log goes in, the next command comes out.

use std::sync::Arc;

use async_trait::async_trait;
use layercake_model::{
    ModelDescriptor, ModelError, ModelErrorKind, Part, Reply, Sampling, StopReason, ToolCall,
};
use serde_json::{Value, json};

use super::{Command, Learned, Rules, next_command};
use crate::rule::RuleBook;
use crate::session::{
    ApprovalDecided, CallPurpose, Charge, CostCause, Grant, ModelOutcome, ModelRequested,
    ModelSettled, Resumption, SessionEvent, Settlement, Started, Steering, Suspension,
    SuspensionCause, ToolIntended, ToolSettled, Verdict,
};
use crate::state::{CallStatus, SessionState};
use crate::tool::{Below, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use crate::{
    Autonomy, Budget, BudgetKind, CallId, Digest, EffectClass, SessionId, Timestamp, Toolbox,
};

struct Named(ToolSpec);

#[async_trait]
impl Tool for Named {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        unreachable!("the loop calls nothing")
    }
}

/// A session that is built event by event.
struct Table {
    session: SessionId,
    toolbox: Toolbox,
    descriptor: ModelDescriptor,
    learned: Learned,
    state: SessionState,
}

impl Table {
    fn new(autonomy: Autonomy) -> Self {
        let mut toolbox = Toolbox::new();
        for (name, class) in [("look", EffectClass::Read), ("pay", EffectClass::Unsafe)] {
            let spec = ToolSpec::new(name, "", json!({"type": "object"})).class(class);
            toolbox = toolbox.with_shared(Arc::new(Named(spec))).unwrap();
        }
        let started = Started {
            spec: Digest::ZERO,
            agent: "a".to_owned(),
            parent: None,
            model: "m".to_owned(),
            goal: "g".to_owned(),
            system: "s".to_owned(),
            opening: "o".to_owned(),
            tools: Vec::new(),
            turn_bytes_shown: 10_000,
            answer_schema: None,
            autonomy,
            budget: Budget::standard(),
            rules: Vec::new(),
        };
        let start = SessionEvent::Started(Box::new(started));
        Self {
            session: SessionId::new("s").unwrap(),
            toolbox,
            descriptor: ModelDescriptor::new("p", "m", "d"),
            learned: Learned::default(),
            state: SessionState::begin(start, Timestamp::default()).unwrap(),
        }
    }

    fn then(mut self, event: SessionEvent) -> Self {
        self.state.apply(event, Timestamp::default()).unwrap();
        self
    }

    fn asked(self) -> Self {
        let turn = self.state.turns_replied + 1;
        let attempt = self.state.attempts + 1;
        self.then(SessionEvent::ModelRequested(ModelRequested {
            purpose: CallPurpose::Turn,
            turn,
            attempt,
            request: Digest::ZERO,
            reserved_tokens: 10,
            input_tokens: 5,
            reserved_usd: None,
        }))
    }

    fn settled(self, outcome: ModelOutcome) -> Self {
        let (turn, attempt) = (self.state.turns_replied + 1, self.state.attempts);
        self.then(SessionEvent::ModelSettled(Box::new(ModelSettled {
            purpose: CallPurpose::Turn,
            turn,
            attempt,
            outcome,
        })))
    }

    fn replied(self, parts: Vec<Part>, reason: StopReason) -> Self {
        let reply = Reply::of("m", parts, reason);
        self.asked().settled(ModelOutcome::Replied(reply))
    }

    fn said(self, text: &str) -> Self {
        self.replied(vec![Part::text(text)], StopReason::End)
    }

    fn wants(self, tools: &[&str]) -> Self {
        let parts = tools.iter().enumerate().map(|(index, name)| {
            Part::ToolCall(ToolCall {
                id: index.to_string(),
                name: (*name).to_owned(),
                arguments: json!({}),
            })
        });
        self.replied(parts.collect(), StopReason::ToolCalls)
    }

    fn intended(self, index: u32) -> Self {
        let id = self.id(index);
        let call = self.state.call(id).unwrap();
        let grant = match &call.status {
            CallStatus::Asked(question) => Grant::Approval(question.id),
            _ => Grant::Autonomy(Autonomy::Full),
        };
        let intended = ToolIntended {
            id,
            call: call.call.clone(),
            class: EffectClass::Unsafe,
            arguments: Digest::of_value(&call.call.arguments),
            grant,
            mark: None,
        };
        self.then(SessionEvent::ToolIntended(intended))
    }

    fn returned(self, index: u32) -> Self {
        let id = self.id(index);
        self.then(SessionEvent::ToolSettled(ToolSettled {
            id,
            content: "ok".to_owned(),
            is_error: false,
            recovery: None,
            below: Below::default(),
            evidence: None,
        }))
    }

    fn resumed(self) -> Self {
        let resumption = Resumption {
            autonomy: self.state.autonomy,
            budget: self.state.budget.clone(),
            rules: Vec::new(),
        };
        self.then(SessionEvent::Resumed(resumption))
    }

    /// Applies what the loop says as long as it needs nothing from outside.
    fn follow(mut self) -> Self {
        while let Command::Append(events) = self.next() {
            for event in events {
                self = self.then(event);
            }
        }
        self
    }

    fn id(&self, index: u32) -> CallId {
        CallId {
            turn: self.state.turns_replied,
            index,
        }
    }

    fn next(&self) -> Command {
        let rules = Rules {
            book: &RuleBook::default(),
            session: &self.session,
            toolbox: &self.toolbox,
            descriptor: &self.descriptor,
            sampling: &Sampling::default(),
            answer: None,
            beside_max: 4,
        };
        next_command(&self.state, &self.learned, &rules)
    }

    /// Names the next command in a few words.
    fn check(self, expected: &str) -> Self {
        let words = match self.next() {
            Command::Append(events) => {
                let value = serde_json::to_value(events).unwrap();
                let kinds = value.as_array().unwrap().iter().map(|event| {
                    let detail = event["body"].get("cause").and_then(Value::as_str);
                    format!(
                        "{}{}",
                        event["kind"].as_str().unwrap(),
                        match detail {
                            Some(detail) => format!(" ({detail})"),
                            None => String::new(),
                        }
                    )
                });
                format!("append {}", kinds.collect::<Vec<_>>().join(", "))
            }
            Command::Reconcile(calls) => format!("reconcile {}", list(&calls)),
            Command::Decide(questions) => format!("decide {}", questions.len()),
            Command::Call(calls) => format!("call {}", list(&calls)),
            Command::Compact => "compact".to_owned(),
            Command::AskModel(call) => {
                format!(
                    "ask turn {} attempt {} {:?}",
                    call.turn, call.attempt, call.cause
                )
            }
            Command::Rest(cause) => format!("rest {}", rest(&cause)),
            Command::Done => "done".to_owned(),
        };
        assert_eq!(words, expected);
        self
    }
}

fn list(calls: &[CallId]) -> String {
    calls
        .iter()
        .map(CallId::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn rest(cause: &SuspensionCause) -> String {
    match cause {
        SuspensionCause::Waiting(questions) => format!("waiting {}", questions.len()),
        SuspensionCause::ToolWaiting(reason) => format!("tool {reason}"),
        SuspensionCause::Budget(kind) => format!("budget {}", kind.word()),
        SuspensionCause::ModelFailed(error) => format!("model {error}"),
        SuspensionCause::Interrupted => "interrupted".to_owned(),
    }
}

fn full() -> Table {
    Table::new(Autonomy::Full)
}

#[test]
fn a_turn_after_the_other() {
    full().check("ask turn 1 attempt 1 Productive");
    full().wants(&["look"]).check("call 1.0");
    full()
        .wants(&["look"])
        .intended(0)
        .returned(0)
        .check("ask turn 2 attempt 1 Productive");
    full()
        .said("42")
        .check("append settled")
        .follow()
        .check("done");
    full()
        .said("")
        .check("append noticed (idle)")
        .follow()
        .check("ask turn 2 attempt 1 Productive");
    full()
        .said("")
        .follow()
        .said("")
        .follow()
        .said("")
        .check("append settled");
}

#[test]
fn neighbours_that_look_run_beside_each_other() {
    let table = full()
        .wants(&["look", "look", "pay", "look"])
        .check("call 1.0 1.1");
    let table = table
        .intended(0)
        .intended(1)
        .returned(1)
        .returned(0)
        .check("call 1.2");
    table.intended(2).returned(2).check("call 1.3");
    full().wants(&["look"; 6]).check("call 1.0 1.1 1.2 1.3");
}

#[test]
fn people_are_asked_before_anything_of_the_turn_happens() {
    let mut table = Table::new(Autonomy::Approve)
        .wants(&["look", "pay", "pay"])
        .check("append approval-asked, approval-asked")
        .follow()
        .check("decide 2");
    let Command::Decide(questions) = table.next() else {
        unreachable!("it was checked");
    };
    table
        .learned
        .pending
        .insert(questions[0].id, "t".to_owned());
    let decided = |index: usize, verdict| {
        SessionEvent::ApprovalDecided(ApprovalDecided {
            id: questions[index].id,
            verdict,
            by: "b".to_owned(),
            why: String::new(),
            answer: None,
        })
    };
    let table = table.check("decide 1").then(decided(1, Verdict::Reject));
    let table = table.check("append tool-refused (rejected)").follow();
    let table = table
        .check("rest waiting 1")
        .then(decided(0, Verdict::Approve));
    let table = table.check("call 1.0").intended(0).returned(0);
    table
        .check("call 1.1")
        .intended(1)
        .returned(1)
        .check("ask turn 2 attempt 1 Productive");
}

#[test]
fn what_cannot_be_called_is_refused_at_once() {
    full()
        .wants(&["fly"])
        .check("append tool-refused (unknown-tool)");
    Table::new(Autonomy::Observe)
        .wants(&["pay"])
        .check("append tool-refused (not-allowed)");
    let names = ["look"; 34];
    full()
        .wants(&names)
        .check("append tool-refused (too-many), tool-refused (too-many)");
}

#[test]
fn after_a_crash_the_past_comes_first() {
    let table = full().wants(&["look", "pay"]).intended(0).resumed();
    let table = table.check("reconcile 1.0").returned(0).check("call 1.1");
    table.intended(1).resumed().check("reconcile 1.1");
    full()
        .asked()
        .resumed()
        .check("append model-settled, budget-charged (abandoned)")
        .follow()
        .check("ask turn 1 attempt 2 Retry");
}

#[test]
fn a_tool_that_waits_pauses_the_session() {
    let mut table = full().wants(&["pay"]).intended(0);
    let id = table.id(0);
    table.learned.waiting.insert(id, "the bank".to_owned());
    let suspension = Suspension {
        cause: SuspensionCause::ToolWaiting("the bank".to_owned()),
    };
    let table = table
        .check("rest tool the bank")
        .then(SessionEvent::Suspended(suspension));
    let mut table = table.resumed();
    table.learned = Learned::default();
    table.check("reconcile 1.0");
}

#[test]
fn a_model_that_fails_pauses_the_session_and_a_full_window_is_shrunk() {
    let failed = |kind| ModelOutcome::Failed(ModelError::new(kind, "no"));
    let table = full()
        .asked()
        .settled(failed(ModelErrorKind::Overloaded))
        .check("rest model no");
    table.resumed().check("ask turn 1 attempt 2 Retry");
    let mut table = full()
        .asked()
        .settled(failed(ModelErrorKind::ContextOverflow))
        .check("compact");
    table.learned.squeezes = 2;
    table.check("rest model no");
    let mut table = full();
    table.descriptor.context_tokens_max = Some(10);
    table.state.window.known_tokens = 9;
    table.check("compact");
}

#[test]
fn steering_comes_before_the_answer() {
    let steering = Steering {
        by: "olga".to_owned(),
        text: "also do that".to_owned(),
    };
    full()
        .asked()
        .then(SessionEvent::Steered(steering))
        .settled(ModelOutcome::Replied(Reply::of(
            "m",
            vec![Part::text("42")],
            StopReason::End,
        )))
        .check("ask turn 2 attempt 1 Productive");
}

#[test]
fn budgets_warn_and_then_hold() {
    let mut table = full();
    table.state.budget.turns_max = 2;
    let table = table.wants(&["look"]).intended(0).returned(0);
    let table = table.check("append noticed (budget-warning)").follow();
    let table = table
        .check("ask turn 2 attempt 1 Productive")
        .wants(&["look"]);
    let table = table.check("append tool-refused (budget)").follow();
    table.check("rest budget turns");
    let mut table = full();
    table.state.budget.work_ms_max = Some(100);
    table.state.spent.work_ms = 100;
    table.check("rest budget time");
    let mut table = full();
    table.state.budget.tokens_max = Some(10_000);
    let charge = Charge {
        cause: CostCause::Productive,
        model: String::new(),
        usage: layercake_model::Usage {
            input_tokens: 9_900,
            ..Default::default()
        },
        usd: None,
    };
    let table = table.then(SessionEvent::BudgetCharged(charge));
    table.check(&format!("rest budget {}", BudgetKind::Tokens.word()));
}

#[test]
fn nothing_follows_the_end() {
    let table = full().then(SessionEvent::Settled(Settlement::Failed {
        problem: "p".to_owned(),
    }));
    let mut table = table.check("done");
    let late = SessionEvent::Settled(Settlement::Failed {
        problem: "q".to_owned(),
    });
    assert!(table.state.apply(late, Timestamp::default()).is_err());
}
