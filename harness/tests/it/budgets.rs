//! Budgets stop whatever does not stop by itself, within one step of the limit.

use layercake_harness::budget::BudgetKind;
use layercake_harness::{AgentOutcome, HarnessError, Stop};
use layercake_model::{Price, Usage};
use rust_decimal::Decimal;
use serde_json::json;

use crate::support::{Say, Script, World, calls, text};

/// A model that asks for another thing each turn, for ever.
fn runaway() -> Vec<Say> {
    (0..200)
        .map(|turn| calls(&[("look", json!({"what": format!("{turn}")}))]))
        .collect()
}

fn stopped(kind: BudgetKind) -> AgentOutcome {
    AgentOutcome::Stopped(Stop::Budget(kind))
}

#[tokio::test]
async fn turns_end() {
    let mut world = World::new(runaway());
    world.spec.budget.turns_max = 7;
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, stopped(BudgetKind::Turns));
    assert_eq!((report.turns, report.tool_calls), (7, 6));
    assert!(world.last_request().contains("nearly used up"));
}

#[tokio::test]
async fn a_larger_budget_goes_on() {
    let mut world = World::new(runaway());
    world.spec.budget.turns_max = 3;
    world.run().await.unwrap();
    assert_eq!(world.run().await.unwrap().turns, 3);
    world.spec.budget.turns_max = 5;
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, stopped(BudgetKind::Turns));
    assert_eq!(report.turns, 5);
}

#[tokio::test]
async fn tool_calls_end() {
    let mut world = World::new(runaway());
    world.spec.budget.tool_calls_max = 5;
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, stopped(BudgetKind::ToolCalls));
    assert_eq!((report.turns, report.tool_calls), (6, 5));
}

#[tokio::test]
async fn no_tool_calls_at_all_still_leaves_an_answer() {
    let mut world = World::new(vec![
        calls(&[("look", json!({"what": "a"}))]),
        text("as you like"),
    ]);
    world.spec.budget.tool_calls_max = 0;
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert_eq!(report.tool_calls, 0);
}

/// One reply asks for more calls than are left: the first ones are made.
#[tokio::test]
async fn one_reply_cannot_overrun_the_limit_of_calls() {
    let many: Vec<_> = (0..10)
        .map(|n| ("look", json!({"what": format!("{n}")})))
        .collect();
    let mut world = World::new(vec![calls(&many), text("done")]);
    world.spec.budget.tool_calls_max = 4;
    let report = world.run().await.unwrap();
    assert_eq!(report.tool_calls, 4);
    assert!(
        world
            .last_request()
            .contains("the budget of tool calls is used up")
    );
}

#[tokio::test]
async fn tokens_end() {
    let usage = Usage {
        input_tokens: 700,
        output_tokens: 300,
        ..Usage::default()
    };
    let mut world = World::of(Script::new(runaway()).with_usage(usage));
    world.spec.budget.tokens_max = Some(10_000);
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, stopped(BudgetKind::Tokens));
    assert!(
        (7_000..=10_000).contains(&report.usage.total_tokens()),
        "{report:?}"
    );
    let requests = world.model.requests.lock().unwrap();
    let caps: Vec<u32> = requests
        .iter()
        .map(|request| request.sampling.output_tokens_max.unwrap())
        .collect();
    assert!(caps.windows(2).all(|pair| pair[1] < pair[0]), "{caps:?}");
}

#[tokio::test]
async fn money_ends() {
    let usage = Usage {
        input_tokens: 1_000,
        output_tokens: 1_000,
        ..Usage::default()
    };
    let dollars_per_million = Decimal::from(10);
    let price = Price {
        input: dollars_per_million,
        cache_read: dollars_per_million,
        cache_write: dollars_per_million,
        output: dollars_per_million,
        long_input: None,
    };
    let model = Script::new(runaway())
        .with_usage(usage)
        .with_descriptor(|descriptor| descriptor.price = Some(price));
    let mut world = World::of(model);
    world.spec.budget.usd_max = Some(Decimal::new(30, 2));
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, stopped(BudgetKind::Money));
    let spent: Decimal = report.charges.iter().filter_map(|charge| charge.usd).sum();
    assert!(
        spent <= Decimal::new(30, 2) && spent >= Decimal::new(24, 2),
        "{spent}"
    );
}

#[tokio::test]
async fn money_cannot_be_limited_when_the_price_is_unknown() {
    let mut world = World::new(runaway());
    world.spec.budget.usd_max = Some(Decimal::ONE);
    assert!(matches!(
        world.run().await,
        Err(HarnessError::Unpriced { .. })
    ));
}
