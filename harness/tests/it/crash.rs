//! A process can die at any append. Afterwards nothing is lost, nothing unsafe is repeated,
//! and nobody is told something untrue.

use std::sync::Arc;

use layercake_harness::session::{MemorySessions, SessionEvent, SessionStore};
use layercake_harness::{AgentOutcome, Report};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Death, MortalStore, Say, World, calls, session, text};

/// Names of the tools of [`World`], one of each class.
const TOOLS: [&str; 6] = ["think", "look", "put", "file", "job", "pay"];

/// Runs a script, dying at append number `dies_at`, then again until it ends.
async fn run_through_death(script: Vec<Say>, dies_at: usize, death: Death) -> (World, Report) {
    let durable: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    let world = World::new(script).with_store(Arc::clone(&durable));
    let mortal = Arc::new(MortalStore::new(durable, dies_at, death));
    let agent = world.agent_on(mortal);
    let id = session();
    let mut doomed = Box::pin(agent.run(&id, &world.spec));
    // Everything else in this world is ready at once: a run that is not is dead.
    let is_done = futures_util::FutureExt::now_or_never(doomed.as_mut()).is_some();
    drop(doomed);
    let report = world.run().await.unwrap();
    assert!(!is_done || matches!(report.outcome, AgentOutcome::Finished { .. }));
    (world, report)
}

/// Checks what holds after any death.
async fn check(world: &World, report: &Report, asked: usize) {
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    let effects = world.outside.effects.lock().unwrap().clone();
    let mut intents = 0;
    let mut ends = 0;
    for record in world.store.load(&session()).await.unwrap() {
        match record.event().unwrap() {
            SessionEvent::ToolIntended(_) => intents += 1,
            SessionEvent::ToolSettled(settled) => {
                ends += 1;
                // What a result says was done, was done.
                let what = settled.content.strip_prefix("did ").unwrap();
                let done = effects
                    .iter()
                    .any(|(key, count)| key.starts_with(what) && *count > 0);
                assert!(done, "{what} was settled and never happened: {effects:?}");
            }
            SessionEvent::ToolUnknown(_) => ends += 1,
            _ => {}
        }
    }
    assert_eq!(
        (intents, ends),
        (asked, asked),
        "each call has one intent and one end"
    );
    for (what, count) in effects {
        let looks = what.starts_with("think") || what.starts_with("look");
        assert!(count == 1 || looks, "{what} happened {count} times");
    }
}

/// Turns a list of turns into a script; each call does something of its own.
fn script(turns: &[Vec<usize>]) -> Vec<Say> {
    let mut lines: Vec<Say> = turns
        .iter()
        .enumerate()
        .map(|(turn, tools)| {
            let asked: Vec<_> = tools
                .iter()
                .enumerate()
                .map(|(index, tool)| {
                    let name = TOOLS[*tool];
                    (name, json!({"what": format!("{name} {turn}.{index}")}))
                })
                .collect();
            calls(&asked)
        })
        .collect();
    lines.push(text("done"));
    lines
}

#[tokio::test]
async fn dying_at_every_append_of_a_mixed_session() {
    let turns = vec![vec![0, 1, 5], vec![2, 3], vec![4, 1, 1], vec![5, 5]];
    let asked = turns.iter().map(Vec::len).sum();
    for death in [Death::BeforeAppend, Death::AfterAppend] {
        for dies_at in 0..40 {
            let (world, report) = run_through_death(script(&turns), dies_at, death).await;
            check(&world, &report, asked).await;
        }
    }
}

#[tokio::test]
async fn an_unsafe_call_with_a_lost_outcome_is_unknown_and_the_model_is_told() {
    // Append 0 starts and asks, append 1 intends, append 2 would settle.
    let lines = script(&[vec![5]]);
    let (world, _) = run_through_death(lines, 2, Death::BeforeAppend).await;
    assert!(world.kinds().await.contains(&"tool-unknown".to_owned()));
    let request = world.last_request();
    assert!(request.contains("The outcome is unknown: this call was about to be made at 2026-"));
    assert_eq!(world.outside.effects.lock().unwrap()["pay 0.0"], 1);
}

#[tokio::test]
async fn a_lost_reply_is_charged_and_asked_for_again() {
    let (world, report) = run_through_death(vec![text("done")], 1, Death::BeforeAppend).await;
    assert_eq!(world.model.requests.lock().unwrap().len(), 2);
    assert_eq!(report.charges.len(), 2);
    assert_eq!(report.charges[0].usd, None);
    assert!(report.charges[0].usage.input_tokens > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn dying_anywhere_in_any_session(
        turns in prop::collection::vec(prop::collection::vec(0_usize..6, 1..5), 1..5),
        dies_at in 0_usize..25,
        after in any::<bool>(),
    ) {
        let death = if after { Death::AfterAppend } else { Death::BeforeAppend };
        let asked = turns.iter().map(Vec::len).sum();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (world, report) = run_through_death(script(&turns), dies_at, death).await;
            check(&world, &report, asked).await;
        });
    }
}
