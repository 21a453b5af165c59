//! Agents that do not stop by themselves are stopped, within a step of the limit, and everything
//! that they did is in the log.

use std::sync::Arc;

use layercake_harness::budget::BudgetKind;
use layercake_harness::session::{SessionEvent, StopCause};
use layercake_harness::tool::{Delegate, FunctionTool};
use layercake_harness::{AgentOutcome, AgentSpec, Autonomy, EffectClass, Stop, Toolbox};
use layercake_model::Usage;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::support::{Say, Script, World, calls, session};

/// Counts records of kinds.
async fn count(world: &World, kind: &str) -> usize {
    let kinds = world.kinds().await;
    kinds.iter().filter(|it| *it == kind).count()
}

/// A model that never runs out of something new to do.
fn busy(say: impl Fn(usize) -> Say + Send + Sync + 'static) -> Script {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Script::by(move |_| say(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
}

#[tokio::test]
async fn one_that_always_calls_tools() {
    let model = busy(|turn| calls(&[("look", json!({"what": format!("{turn}")}))]));
    let mut world = World::of(model);
    world.spec.budget.turns_max = 7;
    let report = world.run().await.unwrap();
    let stopped = AgentOutcome::Stopped(Stop::Budget(BudgetKind::Turns));
    assert_eq!((report.outcome, report.turns), (stopped, 7));
    assert_eq!(count(&world, "model-requested").await, 7);
    let ends = count(&world, "tool-settled").await + count(&world, "tool-refused").await;
    assert_eq!(ends, 7, "every call has an end");
}

#[tokio::test]
async fn one_that_always_spawns() {
    let spawn = |turn: usize| {
        let task = |part: &str| ("delegate", json!({"task": format!("{turn} {part}")}));
        calls(&[task("a"), task("b"), task("c")])
    };
    let below = World::of(busy(move |turn| match turn % 2 {
        0 => calls(&[("look", json!({"what": format!("{turn}")}))]),
        _ => crate::support::text("done"),
    }));
    let mut world = World::of(busy(spawn)).with_store(Arc::clone(&below.store));
    let mut template = AgentSpec::new("child", "");
    template.autonomy = Autonomy::Full;
    let delegate = Delegate::new(below.agent(), template).with_children_max(100);
    world.toolbox = Toolbox::new().with(delegate).unwrap();
    world.spec.budget.turns_max = 40;
    world.spec.budget.agents_max = 5;
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Stopped(_)),
        "{report:?}"
    );
    // Shares are even: three get one each, and two left for three more are none for each.
    let begun = world.store.sessions().await.unwrap().len();
    assert_eq!(begun, 1 + 3, "never more than the five that there may be");
    assert!(world.last_request().contains("no agents are left"));
}

#[tokio::test]
async fn one_that_spawns_ever_deeper() {
    let store = World::new(Vec::new()).store;
    let template = |name: &str| {
        let mut template = AgentSpec::new(name, "");
        template.autonomy = Autonomy::Full;
        template
    };
    // Ten levels are built; three may be used.
    let deeper = || {
        busy(|turn| match turn {
            0 => calls(&[("delegate", json!({"task": "go deeper"}))]),
            _ => crate::support::text("done"),
        })
    };
    let mut toolbox = Toolbox::new();
    for _ in 0..10 {
        let mut world = World::of(deeper()).with_store(Arc::clone(&store));
        world.toolbox = toolbox;
        let delegate = Delegate::new(world.agent(), template("deep"));
        toolbox = Toolbox::new().with(delegate).unwrap();
    }
    let mut world = World::of(deeper()).with_store(store);
    world.toolbox = toolbox;
    world.spec.budget.depth_max = 3;
    world.run().await.unwrap();
    assert_eq!(world.store.sessions().await.unwrap().len(), 1 + 3);
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[tokio::test]
async fn one_that_always_fails() {
    let model = busy(|turn| calls(&[("fail", json!({"try": turn}))]));
    let mut world = World::of(model);
    let fail = FunctionTool::new("fail", "Fails.", |_: Nothing| async {
        Err::<String, _>("it failed again")
    });
    let fail = fail.declared(|spec| spec.class(EffectClass::Pure));
    world.toolbox = Toolbox::new().with(fail).unwrap();
    world.spec.budget.tool_calls_max = 6;
    let report = world.run().await.unwrap();
    let stopped = AgentOutcome::Stopped(Stop::Budget(BudgetKind::ToolCalls));
    assert_eq!((report.outcome, report.tool_calls), (stopped, 6));
    assert_eq!(count(&world, "tool-settled").await, 6);
}

#[tokio::test]
async fn one_that_floods_its_window() {
    let reported = Usage {
        input_tokens: 900,
        output_tokens: 100,
        ..Usage::default()
    };
    let model = busy(|turn| calls(&[("flood", json!({"try": turn}))])).with_usage(reported);
    let mut world = World::of(model);
    let flood = FunctionTool::new("flood", "Floods.", |_: Nothing| async {
        Ok::<_, String>("water ".repeat(1_000_000))
    });
    let flood = flood.declared(|spec| spec.class(EffectClass::Pure));
    world.toolbox = Toolbox::new().with(flood).unwrap();
    world.spec.budget.tokens_max = Some(60_000);
    world.spec.budget.turns_max = 500;
    let report = world.run().await.unwrap();
    let stopped = AgentOutcome::Stopped(Stop::Budget(BudgetKind::Tokens));
    assert_eq!(report.outcome, stopped);
    assert!(report.usage.total_tokens() <= 60_000, "{:?}", report.usage);
    for record in world.store.load(&session()).await.unwrap() {
        if let SessionEvent::ToolSettled(settled) = record.event().unwrap() {
            assert!(settled.content.len() < 300_000, "{}", settled.content.len());
            assert!(settled.content.contains("bytes are left out"));
        }
    }
}

#[tokio::test]
async fn one_that_goes_round_in_circles() {
    let model = busy(|_| calls(&[("look", json!({"what": "the same"}))]));
    let mut world = World::of(model);
    world.spec.budget.turns_max = 100;
    let report = world.run().await.unwrap();
    let stopped = AgentOutcome::Stopped(Stop::Hopeless(StopCause::Looping));
    assert_eq!((report.outcome, report.turns), (stopped, 6));
    assert_eq!(count(&world, "noticed").await, 1, "it was warned");
}
