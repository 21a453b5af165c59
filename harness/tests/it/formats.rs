//! Stored formats: every released one opens for ever, and today's is written as released.

use std::fmt::Write;

use layercake_harness::approval::{Question, QuestionKind};
use layercake_harness::budget::BudgetKind;
use layercake_harness::contract::{Check, Contract, Criterion, Finding};
use layercake_harness::id::ApprovalId;
use layercake_harness::rule::{Rule, RuleVerdict};
use layercake_harness::session::SessionState;
use layercake_harness::session::{
    ApprovalAsked, ApprovalDecided, BelowSettled, CallPurpose, Charge, Compaction, CostCause, Fork,
    Grant, ModelOutcome, ModelRequested, ModelSettled, Notice, NoticeCause, RefusalCause,
    Resumption, SessionEvent, SessionRecord, Settlement, Started, Steering, StopCause, Suspension,
    SuspensionCause, ToolIntended, ToolRefused, ToolSettled, ToolStarted, ToolUnknown, Verdict,
};
use layercake_harness::spec::ParentCall;
use layercake_harness::tool::Below;
use layercake_harness::{Autonomy, Budget, CallId, Digest, EffectClass, Timestamp};
use layercake_model::{
    ModelError, ModelErrorKind, Part, Reply, StopReason, ToolCall, ToolSpec, Usage,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::session;

/// One record a line, as version 1 wrote them. Never change this file; add another one.
const VERSION_1: &str = include_str!("../data/session-1.jsonl");

/// The same for version 2, which knows who allowed a call, and rules.
const VERSION_2: &str = include_str!("../data/session-2.jsonl");

/// A session in which everything happens that can happen.
fn everything() -> Vec<SessionEvent> {
    let calls: Vec<ToolCall> = ["a", "b", "c", "d"]
        .map(|id| ToolCall {
            id: id.to_owned(),
            name: "pay".to_owned(),
            arguments: json!({"usd": 1.5, "to": "ü"}),
        })
        .to_vec();
    let mut events = beginning(&calls);
    events.extend(fates(&calls));
    events.extend(endings());
    events
}

fn id(index: u32) -> CallId {
    CallId { turn: 1, index }
}

fn requested(turn: u32, attempt: u32) -> SessionEvent {
    SessionEvent::ModelRequested(ModelRequested {
        purpose: CallPurpose::Turn,
        turn,
        attempt,
        request: Digest::of_bytes(b"request"),
        reserved_tokens: 1_000,
        input_tokens: 200,
        reserved_usd: Some(Decimal::new(125, 4)),
    })
}

fn settled(turn: u32, attempt: u32, outcome: ModelOutcome) -> SessionEvent {
    SessionEvent::ModelSettled(Box::new(ModelSettled {
        purpose: CallPurpose::Turn,
        turn,
        attempt,
        outcome,
    }))
}

fn narrow() -> Budget {
    Budget {
        turns_max: 9,
        tool_calls_max: 9,
        tokens_max: Some(10_000),
        usd_max: Some(Decimal::new(5, 1)),
        work_ms_max: Some(60_000),
        agents_max: 9,
        depth_max: 2,
    }
}

fn beginning(calls: &[ToolCall]) -> Vec<SessionEvent> {
    let error = ModelError::new(ModelErrorKind::Overloaded, "busy");
    let mut parts = vec![Part::text("I pay.")];
    parts.extend(calls.iter().cloned().map(Part::ToolCall));
    vec![
        SessionEvent::Started(Box::new(Started {
            spec: Digest::of_bytes(b"spec"),
            agent: "payer".to_owned(),
            parent: Some(ParentCall {
                session: session(),
                call: id(0),
            }),
            model: "fast".to_owned(),
            goal: "pay".to_owned(),
            system: "You pay.".to_owned(),
            opening: "pay".to_owned(),
            tools: vec![ToolSpec {
                name: "pay".to_owned(),
                description: "pays".to_owned(),
                input_schema: json!({"type": "object"}),
            }],
            turn_bytes_shown: 20_000,
            answer_schema: Some(json!({"type": "object"})),
            autonomy: Autonomy::Approve,
            budget: narrow(),
            rules: vec![Rule {
                tool: Some("pay".to_owned()),
                path: Some("a/**".to_owned()),
                host: Some("*.example.org".to_owned()),
                command: Some("pay *".to_owned()),
                why: "little money".to_owned(),
                ..Rule::new("small", RuleVerdict::Allow, "olga")
            }],
        })),
        requested(1, 1),
        settled(1, 1, ModelOutcome::Lost),
        requested(1, 2),
        settled(1, 2, ModelOutcome::Failed(error.clone())),
        SessionEvent::Suspended(Suspension {
            cause: SuspensionCause::ModelFailed(error),
        }),
        SessionEvent::Resumed(Resumption {
            autonomy: Autonomy::Suggest,
            budget: Budget::standard(),
            rules: vec![Rule::new("all", RuleVerdict::Ask, "olga")],
        }),
        requested(1, 3),
        settled(
            1,
            3,
            ModelOutcome::Replied(Reply::of("fast-1", parts, StopReason::ToolCalls)),
        ),
        SessionEvent::BudgetCharged(Charge {
            cause: CostCause::Productive,
            model: "fast-1".to_owned(),
            usage: Usage {
                input_tokens: 200,
                output_tokens: 30,
                ..Usage::default()
            },
            usd: Some(Decimal::new(3, 3)),
        }),
    ]
}

/// Each call ends in another way.
/// What a rule says.
fn small_money() -> Grant {
    Grant::Rule {
        name: "small".to_owned(),
        by: "olga".to_owned(),
        why: "little money".to_owned(),
    }
}

fn fates(calls: &[ToolCall]) -> Vec<SessionEvent> {
    let digest = Digest::of_value(&calls[0].arguments);
    let approval = ApprovalId::derive(&session(), id(0), digest);
    let intended = |index: u32, grant| {
        SessionEvent::ToolIntended(ToolIntended {
            id: id(index),
            call: calls[index as usize].clone(),
            class: EffectClass::Unsafe,
            arguments: digest,
            grant,
            mark: Some(json!({"before": null})),
        })
    };
    vec![
        SessionEvent::ApprovalAsked(ApprovalAsked {
            question: Question {
                id: approval,
                kind: QuestionKind::Approval,
                session: session(),
                agent: "payer".to_owned(),
                call: id(0),
                tool: "pay".to_owned(),
                class: EffectClass::Unsafe,
                title: "payer wants to run `pay`".to_owned(),
                arguments: calls[0].arguments.clone(),
                arguments_digest: digest,
                ticket: None,
            },
        }),
        SessionEvent::ApprovalDecided(ApprovalDecided {
            id: approval,
            verdict: Verdict::Approve,
            by: "olga".to_owned(),
            why: "fine".to_owned(),
            answer: None,
        }),
        intended(0, Grant::Approval(approval)),
        SessionEvent::ToolStarted(ToolStarted {
            id: id(0),
            lease: json!({"pid": 7}),
        }),
        SessionEvent::ToolSettled(ToolSettled {
            id: id(0),
            content: "paid".to_owned(),
            is_error: false,
            recovery: Some("looked up".to_owned()),
            below: Below {
                turns: 1,
                tool_calls: 2,
                agents: 1,
            },
            evidence: Some(json!({"receipt": 1})),
        }),
        intended(1, small_money()),
        SessionEvent::ToolUnknown(ToolUnknown {
            id: id(1),
            explanation: "nobody knows".to_owned(),
        }),
        SessionEvent::ToolRefused(ToolRefused {
            id: id(2),
            cause: RefusalCause::Rejected,
            message: "no".to_owned(),
        }),
        SessionEvent::ToolRefused(ToolRefused {
            id: id(3),
            cause: RefusalCause::InvalidArguments,
            message: "no".to_owned(),
        }),
    ]
}

fn endings() -> Vec<SessionEvent> {
    vec![
        SessionEvent::Noticed(Notice {
            cause: NoticeCause::Looping,
            text: "again?".to_owned(),
        }),
        SessionEvent::Steered(Steering {
            by: "olga".to_owned(),
            text: "hurry".to_owned(),
        }),
        SessionEvent::Compacted(Compaction {
            entries_before: 2,
            summary: "paid once".to_owned(),
            tokens_before: 500,
            tokens_after: 50,
        }),
        SessionEvent::CompactionUndone,
        SessionEvent::Contracted(Contract {
            plan: "pay".to_owned(),
            criteria: vec![
                Criterion::Command {
                    line: "true".to_owned(),
                },
                Criterion::Answer { schema: json!({}) },
                Criterion::Verdict {
                    statement: "it is paid".to_owned(),
                },
            ],
        }),
        SessionEvent::BelowSettled(BelowSettled {
            session: session(),
            below: Below::default(),
        }),
        SessionEvent::Checked(Check {
            attempt: 1,
            answer: "paid".to_owned(),
            findings: vec![Finding {
                holds: false,
                seen: "nothing".to_owned(),
            }],
            advice: Some("pay again".to_owned()),
        }),
        SessionEvent::Suspended(Suspension {
            cause: SuspensionCause::Budget(BudgetKind::ToolCalls),
        }),
        SessionEvent::Resumed(Resumption {
            autonomy: Autonomy::Full,
            budget: Budget::standard(),
            rules: Vec::new(),
        }),
        SessionEvent::Settled(Settlement::Stopped(StopCause::Looping)),
    ]
}

/// Writes events the way a store gets them.
fn written(events: &[SessionEvent]) -> String {
    let mut text = String::new();
    let mut tip = Digest::ZERO;
    for (event, seq) in events.iter().zip(1..) {
        let at = Timestamp::from_millis(1_790_000_000_000 + seq);
        let record = SessionRecord::wrap(event, seq, tip, at);
        tip = record.hash();
        writeln!(text, "{}", serde_json::to_string(&record).unwrap()).unwrap();
    }
    text
}

/// Checks that a stored log opens and folds to what was written.
fn check_opens(stored: &str) -> SessionState {
    let records: Vec<SessionRecord> = stored
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut tip = Digest::ZERO;
    for record in &records {
        assert_eq!(record.prev_hash, tip, "record {}", record.seq);
        tip = record.hash();
    }
    let mut events = records
        .iter()
        .map(|record| (record.event().unwrap(), record.at));
    let (start, at) = events.next().unwrap();
    let mut state = SessionState::begin(start, at).unwrap();
    for (event, at) in events {
        state.apply(event, at).unwrap();
    }
    assert_eq!(
        state.settlement(),
        Some(&Settlement::Stopped(StopCause::Looping))
    );
    assert_eq!(state.spent().usd, Decimal::new(3, 3));
    state
}

/// Returns who allowed the two calls of a stored log.
fn grants(stored: &str) -> Vec<Grant> {
    let records = stored
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let events = records.map(|record: SessionRecord| record.event().unwrap());
    events
        .filter_map(|event| match event {
            SessionEvent::ToolIntended(intended) => Some(intended.grant),
            _ => None,
        })
        .collect()
}

#[test]
fn version_1_opens() {
    check_opens(VERSION_1);
    let grants = grants(VERSION_1);
    assert!(matches!(grants[0], Grant::Approval(_)), "{grants:?}");
    assert_eq!(grants[1], Grant::Unrecorded);
}

#[test]
fn version_2_opens() {
    check_opens(VERSION_2);
    let grants = grants(VERSION_2);
    assert!(matches!(grants[0], Grant::Approval(_)), "{grants:?}");
    assert!(matches!(&grants[1], Grant::Rule { name, .. } if name == "small"));
}

#[test]
fn version_2_is_written_as_it_was() {
    let text = written(&everything());
    assert_eq!(lines(&text), lines(VERSION_2), "{text}");
}

/// A fork's first record, which no other log holds.
#[test]
fn a_fork_is_written_as_it_was() {
    let fork = SessionEvent::Forked(Fork {
        parent: session(),
        seq: 7,
        tip: Digest::ZERO,
    });
    let record = SessionRecord::wrap(&fork, 1, Digest::ZERO, Timestamp::default());
    let tip = format!("sha256:{}", "0".repeat(64));
    assert_eq!(record.kind, "forked");
    assert_eq!(record.body, json!({"parent": "s", "seq": 7, "tip": tip}));
    assert_eq!(record.event().unwrap(), fork);
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_later_version_is_named_as_the_reason() {
    let mut record: SessionRecord =
        serde_json::from_str(VERSION_1.lines().next().unwrap()).unwrap();
    record.format = 99;
    let error = record.event().unwrap_err();
    assert_eq!(
        error.to_string(),
        "record 1 has format 99, which this version does not know"
    );
}
