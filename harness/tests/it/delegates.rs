//! Sub-agents: sessions below sessions, with budgets out of budgets.

use std::sync::Arc;

use layercake_harness::approval::{Decision, MemoryInbox};
use layercake_harness::budget::BudgetKind;
use layercake_harness::session::{MemorySessions, SessionStore};
use layercake_harness::tool::Delegate;
use layercake_harness::{AgentOutcome, AgentSpec, Autonomy, SessionId, Stop};
use layercake_model::Usage;
use serde_json::json;

use crate::support::{Death, MortalStore, Say, Script, World, calls, session, text};

/// A world whose agent can delegate to agents of another world, on one store and clock.
fn family(parent: Vec<Say>, child: Script, template: AgentSpec) -> (World, World) {
    let mut upper = World::new(parent);
    let mut lower = World::beside(child, upper.outside.clone()).with_store(upper.store.clone());
    lower.clock = upper.clock.clone();
    lower.spec = template;
    let delegate = Delegate::new(lower.agent(), lower.spec.clone());
    upper.toolbox = upper.toolbox.with(delegate).unwrap();
    (upper, lower)
}

fn template() -> AgentSpec {
    let mut template = AgentSpec::new("helper", "");
    template.autonomy = Autonomy::Full;
    template
}

fn task(name: &str) -> Say {
    calls(&[("delegate", json!({"task": name}))])
}

#[tokio::test]
async fn an_answer_comes_up_and_so_do_the_costs() {
    let usage = Usage {
        input_tokens: 10,
        output_tokens: 1,
        ..Usage::default()
    };
    let lines = vec![calls(&[("look", json!({"what": "x"}))]), text("blue")];
    let child = Script::new(lines).with_usage(usage);
    let (upper, lower) = family(vec![task("which colour?"), text("done")], child, template());
    let report = upper.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert!(upper.last_request().contains("blue"));
    assert!(
        lower.model.requests.lock().unwrap()[0].messages[0]
            .parts
            .len()
            == 1
    );
    assert_eq!(report.usage.total_tokens(), 22);
    assert_eq!(report.tool_calls, 2, "one own call and one below");
    let child = SessionId::new("s/1.0").unwrap();
    let records = upper.store.load(&child).await.unwrap();
    assert_eq!(
        records[0].body["parent"],
        json!({"session": "s", "call": {"turn": 1, "index": 0}})
    );
}

#[tokio::test]
async fn nobody_below_may_do_more_than_the_one_above() {
    let child = Script::new(vec![
        calls(&[("pay", json!({"what": "rent"}))]),
        text("done"),
    ]);
    let (mut upper, _) = family(vec![task("pay"), text("done")], child, template());
    upper.spec.autonomy = Autonomy::Observe;
    // A delegate changes nothing itself; what its agents may do is their own question.
    let report = upper.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert!(upper.outside.effects.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_question_below_is_asked_above_and_its_answer_goes_down() {
    let inbox = Arc::new(MemoryInbox::new());
    let mut upper = World::new(vec![task("pay"), text("done")]);
    let child = Script::new(vec![
        calls(&[("pay", json!({"what": "rent"}))]),
        text("paid"),
    ]);
    let mut lower = World::beside(child, upper.outside.clone()).with_store(upper.store.clone());
    lower.approver = inbox.clone();
    let mut spec = template();
    spec.autonomy = Autonomy::Approve;
    let delegate = Delegate::new(lower.agent(), spec);
    upper.toolbox = upper.toolbox.with(delegate).unwrap();
    for _ in 0..2 {
        let report = upper.run().await.unwrap();
        let AgentOutcome::Waiting { questions, .. } = report.outcome else {
            panic!("{:?}", report.outcome);
        };
        assert_eq!(questions[0].session.as_str(), "s/1.0");
    }
    let yes = Decision::Approved {
        by: "olga".to_owned(),
        why: String::new(),
    };
    inbox.settle(inbox.open()[0].id, yes);
    let report = upper.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert_eq!(upper.outside.effects.lock().unwrap()["rent"], 1);
}

/// A child that never stops, below a parent that always spawns: the parent's budget holds.
#[tokio::test]
async fn budgets_hold_for_the_whole_tree() {
    let usage = Usage {
        input_tokens: 90,
        output_tokens: 10,
        ..Usage::default()
    };
    let spawn = |turn: usize| {
        let names = (0..3).map(|n| ("delegate", json!({"task": format!("{turn}.{n}")})));
        calls(&names.collect::<Vec<_>>())
    };
    let runaway = Script::by(|request| {
        calls(&[(
            "look",
            json!({"what": format!("{}", request.messages.len())}),
        )])
    });
    let (mut upper, _) = family(
        (0..100).map(spawn).collect(),
        runaway.with_usage(usage),
        template(),
    );
    upper.spec.budget.tokens_max = Some(20_000);
    upper.spec.budget.turns_max = 1_000;
    upper.spec.budget.tool_calls_max = 1_000;
    let report = upper.run().await.unwrap();
    assert_eq!(
        report.outcome,
        AgentOutcome::Stopped(Stop::Budget(BudgetKind::Tokens))
    );
    let spent = report.usage.total_tokens();
    assert!((10_000..=20_000).contains(&spent), "{spent}");
    upper.spec.budget.tokens_max = None;
    upper.spec.budget.turns_max = 60;
    let again = World {
        store: Arc::new(MemorySessions::new()),
        ..upper
    };
    let report = again.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Stopped(Stop::Budget(_))),
        "{report:?}"
    );
}

#[tokio::test]
async fn the_number_of_children_is_limited() {
    let names = (0..5).map(|n| ("delegate", json!({"task": format!("{n}")})));
    let parent = vec![calls(&names.collect::<Vec<_>>()), text("done")];
    let mut upper = World::new(parent);
    let lower = World::new(vec![text("ok")]).with_store(upper.store.clone());
    let delegate = Delegate::new(lower.agent(), template()).with_children_max(2);
    upper.toolbox = upper.toolbox.with(delegate).unwrap();
    let report = upper.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert_eq!(upper.store.sessions().await.unwrap().len(), 3);
    assert!(upper.last_request().contains("only 2 times"));
}

/// The process dies anywhere in a tree of agents: nothing below is lost or done twice.
#[tokio::test]
async fn a_tree_survives_a_death() {
    for death in [Death::BeforeAppend, Death::AfterAppend] {
        for dies_at in 0..20 {
            let durable: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
            let mortal: Arc<dyn SessionStore> =
                Arc::new(MortalStore::new(durable.clone(), dies_at, death));
            let lines = || {
                vec![
                    calls(&[("put", json!({"what": "x"})), ("pay", json!({"what": "y"}))]),
                    text("ok"),
                ]
            };
            let parent = || vec![task("one"), text("done")];
            let (mut upper, mut lower) = family(parent(), Script::new(lines()), template());
            lower.store = mortal.clone();
            let first = Delegate::new(lower.agent(), template());
            lower.store = durable.clone();
            let second = Delegate::new(lower.agent(), template());
            let plain = World::new(parent()).toolbox;
            upper.toolbox = plain.clone().with(first).unwrap();
            let doomed = upper.agent_on(mortal);
            let id = session();
            let mut run = Box::pin(doomed.run(&id, &upper.spec));
            drop(futures_util::FutureExt::now_or_never(run.as_mut()));
            drop(run);
            upper.store = durable;
            upper.toolbox = plain.with(second).unwrap();
            let report = upper.run().await.unwrap();
            assert!(
                matches!(report.outcome, AgentOutcome::Finished { .. }),
                "{report:?}"
            );
            let effects = upper.outside.effects.lock().unwrap().clone();
            // An unsafe call that was cut off may not have happened; the other one must have.
            let put = effects.keys().any(|what| what.starts_with("x by"));
            assert!(put, "{effects:?} at {dies_at} {death:?}");
            assert!(
                effects.values().all(|count| *count == 1),
                "{effects:?} at {dies_at} {death:?}"
            );
        }
    }
}
