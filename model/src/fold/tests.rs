//! The fold: what it makes of a proper stream, and every order that it refuses.

use serde_json::json;

use crate::event::PartKind;
use crate::fold::Fold;
use crate::reply::FailedAttempt;
use crate::{Event, ModelError, ModelErrorKind, Part, StopReason, Usage};

fn start() -> Event {
    Event::Start {
        model: "m".into(),
        response_id: "r".into(),
    }
}

fn open(index: usize, part: PartKind) -> Event {
    Event::PartStart { index, part }
}

fn delta(index: usize, text: &str) -> Event {
    Event::Delta {
        index,
        text: text.into(),
    }
}

fn close(index: usize) -> Event {
    Event::PartEnd { index }
}

fn finish() -> Event {
    Event::Finish {
        reason: StopReason::End,
        raw_reason: "stop".into(),
    }
}

fn tool(id: &str) -> PartKind {
    PartKind::ToolCall {
        id: id.into(),
        name: "look".into(),
    }
}

fn reasoning() -> PartKind {
    PartKind::Reasoning {
        dialect: "d".into(),
    }
}

fn fold(events: Vec<Event>) -> Result<crate::Reply, ModelError> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event)?;
    }
    fold.finish()
}

fn check_violation(events: Vec<Event>, message: &str) {
    let error = fold(events).expect_err("the order is broken");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ModelErrorKind::Malformed, message)
    );
}

#[test]
fn interleaved_parts_become_parts_in_order_of_opening() {
    let reply = fold(vec![
        Event::Heartbeat,
        start(),
        open(0, reasoning()),
        delta(0, "hm"),
        Event::Signature {
            index: 0,
            signature: "sig".into(),
        },
        close(0),
        open(1, PartKind::Text),
        open(2, tool("a")),
        open(3, tool("b")),
        delta(3, "{\"x\":"),
        delta(1, "Hel"),
        delta(2, "not json"),
        delta(3, "1}"),
        delta(1, "lo"),
        close(3),
        close(2),
        close(1),
        Event::Usage(Usage::default()),
        finish(),
    ])
    .unwrap();
    assert_eq!(reply.text(), "Hello");
    let arguments: Vec<_> = reply
        .tool_calls()
        .map(|call| call.arguments.clone())
        .collect();
    assert_eq!(arguments, [json!("not json"), json!({"x": 1})]);
    let Part::Reasoning(reasoning) = &reply.parts[0] else {
        panic!("the first part is reasoning");
    };
    assert_eq!(reasoning.signature.as_deref(), Some("sig"));
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let reply = fold(vec![start(), open(0, tool("a")), close(0), finish()]).unwrap();
    assert_eq!(reply.tool_calls().next().unwrap().arguments, json!({}));
}

#[test]
fn a_restart_forgets_the_parts_and_keeps_the_failure() {
    let attempt = FailedAttempt {
        provider: "p".into(),
        model: "m".into(),
        error: ModelError::new(ModelErrorKind::Interrupted, "broke"),
    };
    let reply = fold(vec![
        start(),
        open(0, PartKind::Text),
        delta(0, "lost"),
        Event::Restart(Box::new(attempt.clone())),
        start(),
        open(0, PartKind::Text),
        delta(0, "kept"),
        close(0),
        finish(),
    ])
    .unwrap();
    assert_eq!(reply.text(), "kept");
    assert_eq!(reply.failed_attempts, [attempt]);
}

#[test]
fn every_broken_order_is_malformed() {
    let text = || open(0, PartKind::Text);
    check_violation(vec![text()], "a part began before the reply did");
    check_violation(vec![start(), start()], "the reply began twice");
    check_violation(
        vec![start(), open(1, PartKind::Text)],
        "a part began out of order",
    );
    check_violation(
        vec![start(), delta(0, "x")],
        "a piece came for a part that takes none",
    );
    check_violation(
        vec![start(), text(), close(0), delta(0, "x")],
        "a piece came for a part that takes none",
    );
    check_violation(
        vec![start(), text(), close(0), close(0)],
        "a part ended that was not open",
    );
    check_violation(
        vec![start(), text(), finish()],
        "the reply ended inside a part",
    );
    check_violation(vec![finish()], "the reply ended before it began");
    check_violation(
        vec![start(), finish(), Event::Heartbeat],
        "an event came after the end of the reply",
    );
    let signature = Event::Signature {
        index: 0,
        signature: "s".into(),
    };
    check_violation(
        vec![start(), text(), signature],
        "a signature came for a part that takes none",
    );
}

#[test]
fn a_stream_without_end_is_interrupted_and_says_what_it_used() {
    let usage = Usage {
        input_tokens: 3,
        ..Usage::default()
    };
    let error = fold(vec![start(), open(0, PartKind::Text), Event::Usage(usage)]).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Interrupted);
    assert!(error.partial);
    assert_eq!(error.usage, Some(usage));
}
