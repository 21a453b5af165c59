//! Layers around scripted models: what each adds, and what it leaves alone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rust_decimal::Decimal;
use tokio::time::Instant;

use crate::cassette::{Cassette, Scrub};
use crate::layer::{
    BrokenStream, BudgetLimits, Budgeted, Cached, CassetteMatch, Chaos, Chaotic, Fallback, Limited,
    ModelBudget, RateLimited, RateLimits, Recorded, Redacted, Replaying, RetryPolicy, Retrying,
    RouteRule, Routed,
};
use crate::{
    CallContext, Event, Message, Model, ModelError, ModelErrorKind, Part, Reply, Request,
    ScriptedModel, Usage, collect,
};

fn scripted(rules: &str) -> Arc<dyn Model> {
    let script = format!("rules:\n{rules}");
    Arc::new(ScriptedModel::from_yaml("test", &script).unwrap())
}

fn user(text: &str) -> Request {
    Request {
        messages: vec![Message::user(text)],
        ..Request::default()
    }
}

async fn ask(model: &dyn Model, request: Request) -> Result<Reply, ModelError> {
    collect(model.respond(request, CallContext::default()).await?).await
}

fn retrying(rules: &str) -> Retrying {
    Retrying::new(scripted(rules), RetryPolicy::default(), 7)
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_retried_after_the_time_that_was_asked() {
    let model = retrying(
        "  - {times: 2, error: {kind: rate-limited, retry_after_ms: 3000}}\n  - text: done\n",
    );
    let began = Instant::now();
    let reply = ask(&model, user("x")).await.unwrap();
    assert_eq!(reply.text(), "done");
    assert_eq!(reply.failed_attempts.len(), 2);
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_secs(6) && waited < Duration::from_secs(7),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_is_not_retried() {
    for kind in [
        "authentication",
        "invalid-request",
        "context-overflow",
        "quota",
    ] {
        let model = retrying(&format!(
            "  - {{times: 1, error: {{kind: {kind}}}}}\n  - text: done\n"
        ));
        assert!(ask(&model, user("x")).await.is_err(), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_waits_and_deadlines_have_limits() {
    let always = "  - error: {kind: overloaded}\n";
    let error = ask(&retrying(always), user("x")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Overloaded);

    let long = retrying(
        "  - {times: 1, error: {kind: rate-limited, retry_after_ms: 900000}}\n  - text: x\n",
    );
    assert_eq!(
        ask(&long, user("x")).await.unwrap_err().kind,
        ModelErrorKind::RateLimited
    );

    let context = CallContext {
        timeout: Some(Duration::from_millis(100)),
        ..CallContext::default()
    };
    let began = Instant::now();
    let model = retrying(always);
    assert!(
        model
            .respond(user("x"), context)
            .await
            .unwrap()
            .next()
            .await
            .unwrap()
            .is_err()
    );
    assert!(began.elapsed() <= Duration::from_millis(100));
}

const BROKEN: &str = "  - {times: 1, text: abcd, chunk_chars: 2, error: {kind: interrupted, after_chunks: 1}}\n  - text: whole\n";

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_after_its_first_token_restarts() {
    let reply = ask(&retrying(BROKEN), user("x")).await.unwrap();
    assert_eq!(
        (reply.text().as_str(), reply.failed_attempts.len()),
        ("whole", 1)
    );
    assert!(reply.failed_attempts[0].error.partial);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_cannot_forget_gets_the_error() {
    let policy = RetryPolicy {
        broken_stream: BrokenStream::Fail,
        ..RetryPolicy::default()
    };
    let model = Retrying::new(scripted(BROKEN), policy.clone(), 7);
    assert_eq!(
        ask(&model, user("x")).await.unwrap_err().kind,
        ModelErrorKind::Interrupted
    );

    let before =
        "  - {times: 1, text: ab, error: {kind: interrupted, after_chunks: 0}}\n  - text: whole\n";
    let model = Retrying::new(scripted(before), policy, 7);
    let error = ask(&model, user("x")).await.unwrap_err();
    assert!(error.partial, "the part had begun");
}

#[tokio::test(start_paused = true)]
async fn cancellation_ends_the_wait() {
    let model = retrying("  - error: {kind: rate-limited, retry_after_ms: 60000}\n");
    let context = CallContext::default();
    let cancellation = context.cancellation.clone();
    let call = tokio::spawn(async move {
        let mut events = model.respond(user("x"), context).await.unwrap();
        events.next().await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    cancellation.cancel();
    let error = call.await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_asks_the_next_and_says_so() {
    let first = scripted("  - error: {kind: quota}\n");
    let model = Fallback::new(first, vec![scripted("  - text: second\n")]);
    let reply = ask(&model, user("x")).await.unwrap();
    assert_eq!(reply.text(), "second");
    assert_eq!(reply.failed_attempts[0].error.kind, ModelErrorKind::Quota);

    let strict = scripted("  - error: {kind: invalid-request}\n");
    let model = Fallback::new(strict, vec![scripted("  - text: second\n")]);
    assert!(ask(&model, user("x")).await.is_err());
}

#[tokio::test]
async fn a_router_chooses_by_rule_and_hides_prices_that_differ() {
    let cheap = scripted("  - text: cheap\n");
    let dear: Arc<dyn Model> = Arc::new(
        ScriptedModel::from_yaml(
            "t",
            "price: {input: '9', output: '9'}\nrules: [{text: dear}]",
        )
        .unwrap(),
    );
    let rule = RouteRule {
        input_tokens_above: Some(10),
        ..RouteRule::default()
    };
    let model = Routed::new(cheap).with_route(rule, dear);
    assert_eq!(ask(&model, user("short")).await.unwrap().text(), "cheap");
    assert_eq!(
        ask(&model, user(&"long ".repeat(50))).await.unwrap().text(),
        "dear"
    );
    assert_eq!(model.descriptor().price, None);
}

#[tokio::test]
async fn a_budget_reserves_before_the_call_and_settles_after() {
    let budget = Arc::new(ModelBudget::new(BudgetLimits {
        usd_max: Some(Decimal::new(3, 2)),
        ..BudgetLimits::default()
    }));
    let inner = scripted("  - {text: x, usage: {input_tokens: 1000, output_tokens: 2000}}\n");
    let model = Budgeted::new(inner, Arc::clone(&budget));
    ask(&model, user("x")).await.unwrap();
    let spent = budget.spent();
    assert_eq!(
        (spent.usd.to_string().as_str(), spent.tokens),
        ("0.011", 3000)
    );
    assert_eq!(
        (spent.reserved_usd, spent.reserved_tokens),
        (Decimal::ZERO, 0)
    );
    // The next call may cost 2 cents, and 1.9 are left.
    let error = ask(&model, user("x")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::BudgetExceeded);
    assert_eq!(budget.spent().calls, 1);
}

#[tokio::test]
async fn a_dropped_call_counts_with_its_reservation() {
    let budget = Arc::new(ModelBudget::new(BudgetLimits::default()));
    let model = Budgeted::new(scripted("  - text: x\n"), Arc::clone(&budget));
    let events = model
        .respond(user("x"), CallContext::default())
        .await
        .unwrap();
    assert!(budget.spent().reserved_tokens > 0);
    drop(events);
    assert_eq!(budget.spent().reserved_tokens, 0);
    assert!(budget.spent().tokens > 0);
}

#[tokio::test]
async fn equal_questions_are_paid_once() {
    let model = Cached::new(scripted("  - {times: 1, text: once}\n"), 10);
    let first = ask(&model, user("x")).await.unwrap();
    let again = ask(&model, user("x")).await.unwrap();
    assert_eq!((first.text(), again.text()), ("once".into(), "once".into()));
    assert!(first.usage.total_tokens() > 0);
    assert_eq!(again.usage, Usage::default());
    assert!(ask(&model, user("y")).await.is_err());
}

#[tokio::test]
async fn a_failed_reply_is_not_remembered() {
    let model = Cached::new(scripted(BROKEN), 10);
    assert!(ask(&model, user("x")).await.is_err());
    assert_eq!(ask(&model, user("x")).await.unwrap().text(), "whole");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_calls_run_at_once() {
    let model = Limited::new(scripted("  - text: x\n"), 1);
    let first = model
        .respond(user("x"), CallContext::default())
        .await
        .unwrap();
    let context = CallContext {
        timeout: Some(Duration::from_millis(10)),
        ..CallContext::default()
    };
    let Err(error) = model.respond(user("x"), context).await else {
        panic!("there is no place");
    };
    assert_eq!(error.kind, ModelErrorKind::Timeout);
    drop(first);
    assert!(ask(&model, user("x")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_by_waiting() {
    let limits = RateLimits {
        requests_per_minute: Some(2),
        tokens_per_minute: None,
    };
    let model = RateLimited::new(scripted("  - text: x\n"), limits);
    let began = Instant::now();
    for _ in 0..4 {
        ask(&model, user("x")).await.unwrap();
    }
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn the_token_rate_is_corrected_by_what_was_used() {
    let limits = RateLimits {
        requests_per_minute: None,
        tokens_per_minute: Some(6_000),
    };
    let small = "  - {text: x, usage: {input_tokens: 10}}\n";
    let model = RateLimited::new(scripted(small), limits);
    let began = Instant::now();
    for _ in 0..3 {
        ask(&model, user("x")).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn nothing_secret_is_sent() {
    let echo = scripted("  - text: '{{user.text}}'\n");
    let model = Redacted::of_keys(echo, Scrub::new());
    let request = user("use sk-proj-abcdefgh12345678 please");
    let losses = model.check(&request);
    assert_eq!(losses.len(), 1);
    assert_eq!(
        ask(&model, request).await.unwrap().text(),
        "use [secret] please"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_trouble_and_retries_survive_it() {
    let chaos = Chaos {
        rate_limited: 0.1,
        overloaded: 0.1,
        interrupted: 0.1,
        malformed: 0.1,
        slow: 0.1,
        slow_by: Duration::from_millis(5),
    };
    let outcomes = |seed| async move {
        let model = Chaotic::new(
            scripted("  - text: abcdefgh\n    chunk_chars: 1\n"),
            chaos,
            seed,
        );
        let mut outcomes = Vec::new();
        for _ in 0..40 {
            outcomes.push(
                ask(&model, user("x"))
                    .await
                    .map_err(|error| error.kind)
                    .map(|_| ()),
            );
        }
        outcomes
    };
    assert_eq!(outcomes(3).await, outcomes(3).await);
    assert!(outcomes(3).await.iter().any(Result::is_err));

    let chaotic = Chaotic::new(scripted("  - text: abcdefgh\n"), chaos, 5);
    let policy = RetryPolicy {
        attempts_max: 10,
        ..RetryPolicy::default()
    };
    let model = Retrying::new(Arc::new(chaotic), policy, 5);
    for _ in 0..200 {
        assert_eq!(ask(&model, user("x")).await.unwrap().text(), "abcdefgh");
    }
}

#[tokio::test]
async fn a_cassette_replays_equal_and_without_secrets() {
    let rules = "  - {match: {user_contains: fail}, text: abc, error: {kind: interrupted, after_chunks: 1}}\n  - {times: 1, text: one}\n  - text: 'two {{user.text}}'\n";
    let recorded = Recorded::new(scripted(rules));
    let key = "sk-abcdefghij1234567890";
    let questions = ["same", "same", "fail", key];
    let mut outcomes = Vec::new();
    for question in questions {
        outcomes.push(ask(&recorded, user(question)).await);
    }
    let text = recorded.cassette().to_json(&Scrub::new()).unwrap();
    assert!(!text.contains(key));

    let replaying = Replaying::new(Cassette::from_json(&text).unwrap(), CassetteMatch::Strict);
    for (question, outcome) in questions.iter().zip(&outcomes).take(3) {
        assert_eq!(&ask(&replaying, user(question)).await, outcome);
    }
    assert_eq!(
        ask(&replaying, user(key)).await.unwrap().text(),
        "two [secret]"
    );
    assert_eq!(replaying.unused_calls(), 0);
    let error = ask(&replaying, user("new")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::NotRecorded);
}

#[tokio::test]
async fn a_cassette_may_match_by_shape() {
    let recorded = Recorded::new(scripted("  - text: hi\n"));
    ask(&recorded, user("it is Monday")).await.unwrap();
    let replaying = Replaying::new(recorded.cassette(), CassetteMatch::Shape);
    assert_eq!(
        ask(&replaying, user("it is Friday")).await.unwrap().text(),
        "hi"
    );
    let other = Request {
        system: Some("new".into()),
        ..user("it is Friday")
    };
    assert!(ask(&replaying, other).await.is_err());
}

#[test]
fn a_cassette_with_a_key_is_not_written_and_a_newer_one_not_read() {
    let scrub = Scrub::new().with_secret(crate::Secret::new("long-secret-word"));
    let text = Cassette::default().to_json(&scrub).unwrap();
    assert!(Cassette::from_json(&text.replace("\"version\": 1", "\"version\": 2")).is_err());
    assert!(Cassette::from_json("{}").is_err());
}

/// The order is part of the meaning: retries inside of a budget are paid by it, a budget
/// inside of retries is asked for every attempt.
#[tokio::test(start_paused = true)]
async fn the_order_of_layers_decides_who_sees_the_attempts() {
    let flaky =
        "  - {times: 1, text: ab, error: {kind: interrupted, after_chunks: 1}}\n  - text: x\n";
    let budget = || Arc::new(ModelBudget::new(BudgetLimits::default()));

    let outside = budget();
    let inner = Arc::new(Retrying::new(scripted(flaky), RetryPolicy::default(), 1));
    let model = Budgeted::new(inner, Arc::clone(&outside));
    ask(&model, user("x")).await.unwrap();
    assert_eq!(outside.spent().calls, 1);

    let inside = budget();
    let inner = Arc::new(Budgeted::new(scripted(flaky), Arc::clone(&inside)));
    let model = Retrying::new(inner, RetryPolicy::default(), 1);
    ask(&model, user("x")).await.unwrap();
    assert_eq!(inside.spent().calls, 2);
}

#[tokio::test]
async fn a_layer_shows_what_its_model_would_send() {
    let layers: Vec<Box<dyn Model>> = vec![
        Box::new(retrying("  - text: x\n")),
        Box::new(Cached::new(scripted("  - text: x\n"), 1)),
        Box::new(Limited::new(scripted("  - text: x\n"), 1)),
        Box::new(Recorded::new(scripted("  - text: x\n"))),
        Box::new(Fallback::new(scripted("  - text: x\n"), Vec::new())),
        Box::new(Routed::new(scripted("  - text: x\n"))),
    ];
    let plain = scripted("  - text: x\n").encode(&user("x")).unwrap();
    for layer in layers {
        assert_eq!(layer.encode(&user("x")).unwrap(), plain);
        assert_eq!(layer.descriptor().provider, "scripted");
        let part = Part::text("x");
        assert_eq!(ask(&*layer, user("x")).await.unwrap().parts, [part]);
    }
}

#[test]
fn an_event_stream_of_a_reply_folds_back() {
    let reply = Reply::of("m", vec![Part::text("x")], crate::StopReason::End);
    let events: Vec<Event> = reply.clone().into_events();
    let mut fold = crate::fold::Fold::new();
    for event in events {
        fold.push(event).unwrap();
    }
    assert_eq!(fold.finish().unwrap(), reply);
}
