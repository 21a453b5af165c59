//! Long work in a small window: it goes on, it stays stable, and nothing that matters is lost.

use layercake_harness::AgentOutcome;
use layercake_harness::session::{CallPurpose, SessionEvent};
use layercake_harness::tool::{KeepPlan, ReadResult, TakeNote};
use layercake_model::{ModelError, ModelErrorKind, Request, ToolChoice};
use serde_json::json;

use crate::support::{Say, Script, World, calls, session, text};

const WINDOW_TOKENS: u64 = 3_000;

fn size(request: &Request) -> usize {
    serde_json::to_string(request).unwrap().len()
}

fn is_summary(request: &Request) -> bool {
    request.tool_choice == ToolChoice::None
}

/// A model that works for a number of turns, whatever it still remembers, and takes a plan and
/// a note first.
fn worker(turns: usize, summarise: impl Fn() -> Say + Send + Sync + 'static) -> Script {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let model = Script::by(move |request| {
        if is_summary(request) {
            return summarise();
        }
        if size(request) as u64 > WINDOW_TOKENS * 4 {
            let kind = ModelErrorKind::ContextOverflow;
            return Say::Error(ModelError::new(kind, "too long"));
        }
        match done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => calls(&[("plan", json!({"plan": "1. look at everything"}))]),
            1 => calls(&[("note", json!({"note": "the answer is 42"}))]),
            turn if turn < turns => {
                let what = format!("{turn} {}", "x".repeat(500));
                calls(&[("look", json!({"what": what}))])
            }
            _ => text("done"),
        }
    });
    model.with_descriptor(|descriptor| descriptor.context_tokens_max = Some(WINDOW_TOKENS))
}

fn world(model: Script) -> World {
    let mut world = World::of(model);
    world.toolbox = world.toolbox.with(KeepPlan::new()).unwrap();
    world.toolbox = world.toolbox.with(TakeNote::new()).unwrap();
    world.spec.budget.turns_max = 500;
    world.spec.budget.tool_calls_max = 500;
    world
}

async fn events(world: &World) -> Vec<SessionEvent> {
    let records = world.store.load(&session()).await.unwrap();
    records
        .iter()
        .map(|record| record.event().unwrap())
        .collect()
}

#[tokio::test]
async fn two_hundred_turns_fit_into_a_window_of_ten() {
    let world = world(worker(200, || text("I looked at some things.")));
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    let mut compactions = 0;
    for event in events(&world).await {
        if let SessionEvent::Compacted(compaction) = event {
            assert!(compaction.tokens_after < compaction.tokens_before);
            assert!(compaction.summary.contains("1. look at everything"));
            assert!(compaction.summary.contains("the answer is 42"));
            compactions += 1;
        }
    }
    assert!((5..100).contains(&compactions), "{compactions}");
    let requests = world.model.requests.lock().unwrap();
    let last = serde_json::to_string(requests.last().unwrap()).unwrap();
    assert!(last.contains("the answer is 42") && last.contains("I looked at some things."));
    let largest = requests
        .iter()
        .filter(|request| !is_summary(request))
        .map(size)
        .max();
    assert!(largest.unwrap() as u64 <= WINDOW_TOKENS * 3, "{largest:?}");
}

/// Checks that each request begins with the bytes of the one before, but right after a
/// compaction, and that the beginning never changes at all. Returns the compactions.
fn check_prefix(requests: &[Request]) -> usize {
    let mut compactions = 0;
    let mut before: Option<(String, String)> = None;
    let mut was_compacted = false;
    for request in requests {
        if is_summary(request) {
            was_compacted = true;
            continue;
        }
        let mut request = request.clone();
        for message in &mut request.messages {
            message.cache_mark = false;
        }
        let bytes = |value: &dyn Fn() -> serde_json::Value| value().to_string();
        let fixed = bytes(&|| json!([request.system, request.tools, request.messages[0].parts[0]]));
        let whole = bytes(&|| json!(request.messages));
        // Without the end of the last list, more may follow in the same message.
        let whole = whole.trim_end_matches([']', '}']).to_owned();
        if let Some((fixed_before, whole_before)) = &before {
            assert_eq!(&fixed, fixed_before);
            if was_compacted && !whole.starts_with(whole_before) {
                compactions += 1;
            } else {
                assert!(whole.starts_with(whole_before), "{whole_before}\n\n{whole}");
            }
        }
        was_compacted = false;
        before = Some((fixed, whole));
    }
    compactions
}

#[tokio::test]
async fn the_prefix_changes_at_compactions_only() {
    let world = world(worker(60, || text("I looked at some things.")));
    world.run().await.unwrap();
    check_prefix(&world.model.requests.lock().unwrap());
}

/// Two hundred turns by ten processes: a resume changes no byte of what was said before.
#[tokio::test]
async fn over_two_hundred_turns_and_ten_resumes_the_prefix_changes_at_compactions_only() {
    let mut world = world(worker(200, || text("I looked at some things.")));
    for process in 1..=10 {
        world.spec.budget.turns_max = process * 20;
        world.run().await.unwrap();
    }
    world.spec.budget.turns_max = 500;
    let report = world.run().await.unwrap();
    let is_finished = matches!(report.outcome, AgentOutcome::Finished { .. });
    assert!(is_finished && report.turns >= 200, "{report:?}");
    let compactions = check_prefix(&world.model.requests.lock().unwrap());
    assert!((5..100).contains(&compactions), "{compactions}");
}

#[tokio::test]
async fn a_model_that_cannot_summarise_is_no_end() {
    let kind = ModelErrorKind::Overloaded;
    let world = world(worker(60, move || {
        Say::Error(ModelError::new(kind, "busy"))
    }));
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    let request = world.last_request();
    assert!(request.contains("Call look"), "{request}");
}

#[tokio::test]
async fn a_window_that_overflows_by_surprise_is_shrunk() {
    let mut model = worker(60, || text("I looked at some things."));
    // Nobody knows the window; the provider refuses when it is full.
    model = model.with_descriptor(|descriptor| descriptor.context_tokens_max = None);
    let world = world(model);
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    let overflows = events(&world).await.into_iter().filter(|event| {
        matches!(event, SessionEvent::ModelSettled(settled)
            if format!("{:?}", settled.outcome).contains("ContextOverflow"))
    });
    assert!(overflows.count() > 0);
}

#[tokio::test]
async fn summaries_are_charged_as_what_they_are() {
    let world = world(worker(60, || text("I looked at some things.")));
    let report = world.run().await.unwrap();
    let summaries = events(&world).await.into_iter().filter(|event| {
        matches!(event, SessionEvent::ModelRequested(requested)
            if requested.purpose == CallPurpose::Compaction)
    });
    let charged = report
        .charges
        .iter()
        .filter(|charge| charge.cause == layercake_harness::session::CostCause::Compaction);
    assert_eq!(summaries.count(), charged.count());
}

/// The window that comes back is full again at once, so it is summarised anew.
#[tokio::test]
async fn a_compaction_can_be_undone() {
    let mut world = world(worker(60, || text("I looked at some things.")));
    world.spec.budget.turns_max = 12;
    world.run().await.unwrap();
    assert!(world.agent().undo_compaction(&session()).await.unwrap());
    world.spec.budget.turns_max = 13;
    world.run().await.unwrap();
    let kinds = world.kinds().await;
    let undone = kinds
        .iter()
        .position(|kind| kind == "compaction-undone")
        .unwrap();
    assert!(kinds[..undone].contains(&"compacted".to_owned()));
    assert!(kinds[undone..].contains(&"compacted".to_owned()));
    let nobody = layercake_harness::SessionId::new("x").unwrap();
    assert!(!world.agent().undo_compaction(&nobody).await.unwrap());
}

#[tokio::test]
async fn large_results_are_shown_in_part_and_read_by_their_handles() {
    let big = (0..4_000)
        .map(|line| format!("line {line}\n"))
        .collect::<String>();
    let script = vec![
        calls(&[("look", json!({"what": big}))]),
        calls(&[
            ("result", json!({"handle": "1.0", "from_byte": 10_000})),
            (
                "result",
                json!({"handle": "1.0", "containing": "line 2345"}),
            ),
            ("result", json!({"handle": "9.9"})),
        ]),
        text("done"),
    ];
    let mut world = World::new(script);
    world.toolbox = world.toolbox.with(ReadResult::new()).unwrap();
    world.run().await.unwrap();
    let requests = world.model.requests.lock().unwrap();
    let results = |request: &Request, message: usize| -> Vec<String> {
        let parts = &request.messages[message].parts;
        parts
            .iter()
            .map(|part| serde_json::to_string(part).unwrap())
            .collect()
    };
    let first = &results(&requests[1], 2)[0];
    assert!(first.len() < 28_000 && first.contains("reads it by the handle 1.0"));
    assert!(!first.contains("line 2345\\n"));
    let second = results(&requests[2], 4);
    assert!(second[0].contains("go on with from_byte"));
    assert!(second[1].contains("2346: line 2345"), "{}", second[1]);
    assert!(second[2].contains("there is no result `9.9`"));
}
