//! What goes, what stays, and what stands for it.

use std::sync::Arc;

use layercake_model::{ModelDescriptor, Part, Reply, StopReason, ToolCall};
use serde_json::{Value, json};

use super::{Squeeze, finish, plan};
use crate::session::{
    CallPurpose, ModelOutcome, ModelRequested, ModelSettled, RefusalCause, SessionEvent, Started,
    ToolRefused,
};
use crate::state::{Entry, SessionState};
use crate::{Autonomy, Budget, CallId, Digest, Timestamp};

/// Makes a session of turns that each ask for one call and get a result.
fn state(turns: &[(&str, Value, &str)]) -> SessionState {
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
        autonomy: Autonomy::Full,
        budget: Budget::standard(),
        rules: Vec::new(),
    };
    let start = SessionEvent::Started(Box::new(started));
    let mut state = SessionState::begin(start, Timestamp::default()).unwrap();
    let mut apply = |event| state.apply(event, Timestamp::default()).unwrap();
    for ((name, arguments, content), turn) in turns.iter().zip(1..) {
        let call = ToolCall {
            id: "c".to_owned(),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        };
        let parts = vec![Part::ToolCall(call)];
        apply(SessionEvent::ModelRequested(ModelRequested {
            purpose: CallPurpose::Turn,
            turn,
            attempt: 1,
            request: Digest::ZERO,
            reserved_tokens: 0,
            input_tokens: 0,
            reserved_usd: None,
        }));
        apply(SessionEvent::ModelSettled(Box::new(ModelSettled {
            purpose: CallPurpose::Turn,
            turn,
            attempt: 1,
            outcome: ModelOutcome::Replied(Reply::of("m", parts, StopReason::ToolCalls)),
        })));
        apply(SessionEvent::ToolRefused(ToolRefused {
            id: CallId { turn, index: 0 },
            cause: RefusalCause::NotAllowed,
            message: (*content).to_owned(),
        }));
    }
    state
}

fn descriptor(tokens: u64) -> ModelDescriptor {
    let mut descriptor = ModelDescriptor::new("p", "m", "d");
    descriptor.context_tokens_max = Some(tokens);
    descriptor
}

fn long(turns: usize) -> SessionState {
    let text: Arc<str> = "x".repeat(1_000).into();
    let turns: Vec<_> = (0..turns).map(|_| ("look", json!({}), &*text)).collect();
    state(&turns)
}

#[test]
fn the_newest_turns_stay_whole() {
    let state = long(20);
    let gentle = plan(&state, &descriptor(4_000), Squeeze::Gentle).unwrap();
    assert!(matches!(
        state.entries[gentle.entries_before],
        Entry::Reply(_)
    ));
    assert_eq!(gentle.entries_before, 36);
    let hard = plan(&state, &descriptor(4_000), Squeeze::Hard).unwrap();
    assert_eq!(hard.entries_before, 38);
}

#[test]
fn a_window_with_room_or_one_turn_is_left_alone() {
    assert_eq!(
        plan(&long(20), &descriptor(1_000_000), Squeeze::Gentle),
        None
    );
    assert_eq!(plan(&long(1), &descriptor(10), Squeeze::Hard), None);
    assert_eq!(plan(&long(0), &descriptor(10), Squeeze::Hard), None);
}

#[test]
fn a_compaction_must_shrink() {
    let state = long(20);
    let plan = plan(&state, &descriptor(4_000), Squeeze::Gentle).unwrap();
    assert!(finish(&state, &plan, Some("short")).is_some());
    assert!(finish(&state, &plan, Some(&"long".repeat(20_000))).is_none());
    let compaction = finish(&state, &plan, None).unwrap();
    assert!(compaction.tokens_after < compaction.tokens_before);
}

#[test]
fn plans_and_notes_survive_word_for_word() {
    let filler = "x".repeat(3_000);
    let turns = [
        ("plan", json!({"plan": "1. first"}), "kept"),
        ("note", json!({"note": "the key is 42"}), "kept"),
        ("plan", json!({"plan": "1. done\n2. second"}), "kept"),
        ("look", json!({}), filler.as_str()),
        ("look", json!({}), filler.as_str()),
        ("look", json!({}), filler.as_str()),
    ];
    let state = state(&turns);
    let plan = plan(&state, &descriptor(2_000), Squeeze::Gentle).unwrap();
    let compaction = finish(&state, &plan, Some("It went well.")).unwrap();
    let expected = "It went well.\n\nThe plan, as it stood:\n1. done\n2. second\n\n\
                    Notes, word for word:\n- the key is 42";
    assert!(
        compaction.summary.ends_with(expected),
        "{}",
        compaction.summary
    );
}

#[test]
fn the_text_to_summarise_fits_the_window() {
    let state = long(200);
    let plan = plan(&state, &descriptor(4_000), Squeeze::Gentle).unwrap();
    let text = serde_json::to_string(&plan.request).unwrap();
    assert!(text.len() < 4_000 * 3 * 70 / 100, "{}", text.len());
}

#[test]
fn an_undone_compaction_leaves_no_trace() {
    let mut state = long(20);
    let before = state.messages();
    let plan = plan(&state, &descriptor(4_000), Squeeze::Gentle).unwrap();
    let compaction = finish(&state, &plan, None).unwrap();
    state
        .apply(SessionEvent::Compacted(compaction), Timestamp::default())
        .unwrap();
    assert!(state.messages().len() < before.len());
    state
        .apply(SessionEvent::CompactionUndone, Timestamp::default())
        .unwrap();
    assert_eq!(state.messages(), before);
    assert!(
        state
            .apply(SessionEvent::CompactionUndone, Timestamp::default())
            .is_err()
    );
}
