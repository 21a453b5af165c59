//! Problems: raised, caught, retried, handled, passed on.

use layercake_engine::{EffectId, Problem, ProblemKind};
use serde_json::json;

use super::trial::Trial;

fn unreachable() -> Problem {
    Problem::standard(ProblemKind::Communication, "no answer").with_status(503)
}

#[test]
fn a_raised_problem_ends_everything_around_it() {
    let trial = Trial::start(
        "
        do:
          - outer:
              do:
                - boom:
                    raise:
                      error:
                        type: https://example.com/errors/bad-day
                        status: 418
                        title: '${ \"Not \" + .what }'
                        detail: teapot
        ",
        json!({ "what": "today" }),
    );
    trial
        .expect(
            "
            run
            start outer
            start outer/boom
            fault outer/boom: Not today
            fault outer: Not today
            end: Faulted
            ",
        )
        .expect_problem("bad-day", "/do/0/outer/do/0/boom");
    let problem = trial.run.problem().expect("the run failed");
    assert_eq!(
        (problem.status, problem.detail.as_deref()),
        (418, Some("teapot"))
    );
}

#[test]
fn a_caught_problem_is_handled_once_with_the_problem_at_hand() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                errors: { with: { type: 'https://serverlessworkflow.io/dsl/errors/types/communication', status: 503 } }
                as: err
                do:
                  - fetch: { set: { title: '${ $err.title }', at: '${ $err.instance }', input: '${ . }' } }
          - after: { set: { got: '${ . }' } }
        ",
        json!(1),
    );
    trial
        .fail("attempt/fetch", unreachable())
        .expect(
            "
            run
            start attempt
            start attempt/fetch
            intend attempt/fetch: work
            refusal attempt/fetch: no answer
            fault attempt/fetch: no answer
            start attempt/@catch/fetch
            finish attempt/@catch/fetch
            finish attempt
            start after
            finish after
            end: Completed
            ",
        )
        .expect_output(&json!({
            "got": { "title": "no answer", "at": "/do/0/attempt/try/0/fetch", "input": 1 }
        }));
}

#[test]
fn only_matching_problems_are_caught() {
    let cases = [
        ("errors: { with: { status: 503 } }", true),
        ("errors: { with: { status: 404 } }", false),
        ("errors: { with: { title: no answer } }", true),
        ("errors: { with: { title: an answer } }", false),
        (
            "errors: { with: { instance: /do/0/attempt/try/0/fetch } }",
            true,
        ),
        ("errors: { with: { instance: /do/0/attempt } }", false),
        (
            "errors: { with: { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/communication' } }",
            true,
        ),
        (
            "errors: { with: { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/timeout' } }",
            false,
        ),
        (
            "errors: { with: { type: 'https://example.com/errors/communication' } }",
            false,
        ),
        ("when: '${ $error.status == 503 }'", true),
        ("when: '${ $error.status == 404 }'", false),
        ("exceptWhen: '${ $error.status == 503 }'", false),
        ("exceptWhen: '${ $error.status == 404 }'", true),
    ];
    for (catch, is_caught) in cases {
        let mut trial = Trial::start(
            &format!(
                "
                do:
                  - attempt:
                      try:
                        - fetch: {{ call: 'work:1.0.0@default', with: {{}} }}
                      catch: {{ {catch} }}
                "
            ),
            json!("kept"),
        );
        trial.fail("attempt/fetch", unreachable());
        if is_caught {
            trial.expect_output(&json!("kept"));
        } else {
            trial.expect_problem("communication", "/do/0/attempt/try/0/fetch");
        }
    }
}

#[test]
fn attempts_are_made_again_after_growing_delays() {
    let cases = [
        ("constant: {}", [100, 100, 100]),
        ("linear: {}", [100, 200, 300]),
        ("exponential: {}", [100, 200, 400]),
    ];
    for (backoff, delays) in cases {
        let mut trial = Trial::start(
            &format!(
                "
                do:
                  - attempt:
                      try:
                        - fetch: {{ call: 'work:1.0.0@default', with: {{}} }}
                      catch:
                        retry:
                          delay: {{ milliseconds: 100 }}
                          backoff: {{ {backoff} }}
                          limit: {{ attempt: {{ count: 4 }} }}
                        do:
                          - sorry: {{ set: {{ failed: true }} }}
                "
            ),
            json!({}),
        );
        let mut ids: Vec<EffectId> = Vec::new();
        for delay in delays {
            ids.push(trial.effect("attempt/fetch").id);
            trial.fail("attempt/fetch", unreachable());
            let due = trial.now().plus_millis(delay);
            assert_eq!(trial.run.next_due(), Some(due), "{backoff}");
            trial.pass(delay);
        }
        ids.push(trial.effect("attempt/fetch").id);
        trial.fail("attempt/fetch", unreachable());
        trial.expect_output(&json!({ "failed": true }));
        assert_eq!(trial.run.counts().retries, 3);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4, "each attempt is an effect of its own");
    }
}

#[test]
fn a_retry_shares_keys_and_differs_in_the_attempt() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - prepare: { set: { ready: true } }
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                retry: { delay: { seconds: 1 }, limit: { attempt: { count: 2 } } }
        ",
        json!({}),
    );
    let first = trial.effect("attempt/fetch");
    trial.fail("attempt/fetch", unreachable()).pass(1_000);
    let second = trial.effect("attempt/fetch");
    assert_eq!(first.idempotency_key, second.idempotency_key);
    assert_eq!((first.attempt, second.attempt), (1, 2));
    trial.finish("attempt/fetch", json!(5)).expect(
        "
        run
        start attempt
        start attempt/prepare
        finish attempt/prepare
        start attempt/fetch
        intend attempt/fetch: work
        refusal attempt/fetch: no answer
        fault attempt/fetch: no answer
        retry attempt: 1 failed, due 2000
        phase: Waiting
        time: 2000
        start attempt/prepare (2)
        finish attempt/prepare (2)
        start attempt/fetch (2)
        intend attempt/fetch (2): work
        phase: Running
        answer attempt/fetch (2)
        finish attempt/fetch (2)
        finish attempt
        end: Completed
        ",
    );
}

#[test]
fn nested_retries_never_repeat_an_effect_id() {
    let mut trial = Trial::start(
        "
        do:
          - outer:
              try:
                - inner:
                    try:
                      - fetch: { call: 'work:1.0.0@default', with: {} }
                    catch:
                      retry: { limit: { attempt: { count: 2 } } }
                      do:
                        - again: { raise: { error: { type: 'https://example.com/again', status: 500 } } }
              catch:
                retry: { limit: { attempt: { count: 3 } } }
                do:
                  - stop: { set: { done: true } }
        ",
        json!({}),
    );
    let mut seen = Vec::new();
    for _ in 0..6 {
        let effect = trial.effect("outer/inner/fetch");
        seen.push((effect.attempt, effect.id));
        trial.fail("outer/inner/fetch", unreachable());
    }
    let attempts: Vec<u32> = seen.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6]);
    trial.expect_output(&json!({ "done": true }));
}

#[test]
fn what_is_not_to_be_retried_goes_to_the_handler() {
    for condition in [
        "when: '${ $error.status == 404 }'",
        "exceptWhen: '${ $error.status == 503 }'",
    ] {
        let mut trial = Trial::start(
            &format!(
                "
                do:
                  - attempt:
                      try:
                        - fetch: {{ call: 'work:1.0.0@default', with: {{}} }}
                      catch:
                        retry: {{ {condition}, delay: {{ seconds: 1 }} }}
                        do:
                          - handled: {{ set: {{ status: '${{ $error.status }}' }} }}
                "
            ),
            json!({}),
        );
        trial
            .fail("attempt/fetch", unreachable())
            .expect_output(&json!({ "status": 503 }));
    }
}

#[test]
fn the_limits_of_a_retry_count_time_as_well() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                retry:
                  delay: { milliseconds: 400 }
                  limit: { duration: { seconds: 1 }, attempt: { duration: { milliseconds: 300 } } }
        ",
        json!({}),
    );
    trial.pass(300).pass(400).pass(300).expect(
        "
        run
        start attempt
        start attempt/fetch
        intend attempt/fetch: work
        time: 1300
        abandon attempt/fetch
        give-up attempt/fetch
        retry attempt: 1 failed, due 1700
        phase: Waiting
        time: 1700
        start attempt/fetch (2)
        intend attempt/fetch (2): work
        phase: Running
        time: 2000
        abandon attempt/fetch (2)
        give-up attempt/fetch (2)
        finish attempt
        end: Completed
        ",
    );
}

#[test]
fn jitter_stays_in_its_range_and_is_the_same_in_every_replay() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                retry:
                  delay: { milliseconds: 100 }
                  jitter: { from: { milliseconds: 10 }, to: { milliseconds: 50 } }
                  limit: { attempt: { count: 20 } }
        ",
        json!({}),
    );
    let mut delays = Vec::new();
    for _ in 0..19 {
        trial.fail("attempt/fetch", unreachable());
        let due = trial.run.next_due().expect("there is another attempt");
        let delay = due.as_millis() - trial.now().as_millis();
        assert!((110..=150).contains(&delay), "{delay}");
        delays.push(delay);
        trial.pass(delay);
    }
    trial.verify();
    delays.dedup();
    assert!(delays.len() > 5, "delays spread: {delays:?}");
}

#[test]
fn catch_then_says_where_to_go_on() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch: { then: last }
          - between: { set: { between: true } }
          - last: { set: { last: '${ . }' } }
        ",
        json!({}),
    );
    trial
        .fail("attempt/fetch", unreachable())
        .expect_output(&json!({ "last": {} }));
}

#[test]
fn a_problem_in_the_handler_is_not_caught_again() {
    Trial::start(
        "
        do:
          - attempt:
              try:
                - one: { raise: { error: { type: 'https://example.com/one', status: 500 } } }
              catch:
                do:
                  - two: { raise: { error: { type: 'https://example.com/two', status: 500 } } }
        ",
        json!({}),
    )
    .expect_problem("two", "/do/0/attempt/catch/do/0/two");
}
