//! Waits and time limits.

use serde_json::json;

use super::trial::Trial;

#[test]
fn a_wait_passes_its_input_on_when_the_time_has_come() {
    let mut trial = Trial::start(
        "
        do:
          - pause: { wait: PT2S }
          - a: { set: { kept: '${ .kept }' } }
        ",
        json!({ "kept": 1 }),
    );
    assert_eq!(trial.run.next_due().map(|due| due.as_millis()), Some(3_000));
    trial
        .pass(2_500)
        .expect(
            "
            run
            start pause
            intend pause: until 3000
            phase: Waiting
            time: 3500
            finish pause
            start a
            finish a
            end: Completed
            ",
        )
        .expect_output(&json!({ "kept": 1 }));
}

#[test]
fn a_task_that_takes_too_long_fails_and_its_effect_is_given_up() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - slow:
                    timeout: { after: { seconds: 5 } }
                    do:
                      - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                errors: { with: { status: 408 } }
                do:
                  - sorry: { set: { at: '${ $error.instance }' } }
        ",
        json!({}),
    );
    let effect = trial.effect("attempt/slow/fetch");
    assert_eq!(effect.deadline.map(|at| at.as_millis()), Some(6_000));
    trial
        .pass(5_000)
        .expect(
            "
            run
            start attempt
            start attempt/slow
            start attempt/slow/fetch
            intend attempt/slow/fetch: work
            time: 6000
            abandon attempt/slow/fetch
            give-up attempt/slow/fetch
            fault attempt/slow: the task took longer than its time limit
            start attempt/@catch/sorry
            finish attempt/@catch/sorry
            finish attempt
            end: Completed
            ",
        )
        .expect_output(&json!({ "at": "/do/0/attempt/try/0/slow" }));
}

#[test]
fn a_run_that_takes_too_long_fails_as_a_whole() {
    let mut trial = Trial::start(
        "
        timeout: { after: { minutes: 1 } }
        do:
          - attempt:
              try:
                - fetch: { call: 'work:1.0.0@default', with: {} }
              catch:
                do:
                  - never: { set: { caught: true } }
        ",
        json!({}),
    );
    trial
        .pass(60_000)
        .expect(
            "
            run
            start attempt
            start attempt/fetch
            intend attempt/fetch: work
            time: 61000
            abandon attempt/fetch
            give-up attempt/fetch
            give-up attempt
            end: Faulted
            ",
        )
        .expect_problem("timeout", "/");
}

#[test]
fn what_is_done_in_time_is_not_out_of_time() {
    let mut trial = Trial::start(
        "
        do:
          - pause: { wait: { seconds: 1 }, timeout: { after: { seconds: 1 } } }
          - fetch: { call: 'work:1.0.0@default', with: {}, timeout: { after: { seconds: 1 } } }
        ",
        json!({}),
    );
    trial
        .pass(1_000)
        .later(5_000)
        .finish("fetch", json!("late but first"));
    trial.expect_output(&json!("late but first"));
}

#[test]
fn everything_due_happens_in_order_of_time() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              timeout: { after: { seconds: 9 } }
              try:
                - pause: { wait: { seconds: 20 }, timeout: { after: { seconds: 3 } } }
              catch:
                do:
                  - late: { call: 'work:1.0.0@default', with: {} }
        ",
        json!({}),
    );
    trial
        .pass(60_000)
        .expect(
            "
            run
            start attempt
            start attempt/pause
            intend attempt/pause: until 21000
            phase: Waiting
            time: 61000
            abandon attempt/pause
            fault attempt/pause: the task took longer than its time limit
            start attempt/@catch/late
            intend attempt/@catch/late: work
            abandon attempt/@catch/late
            give-up attempt/@catch/late
            fault attempt: the task took longer than its time limit
            end: Faulted
            ",
        )
        .expect_problem("timeout", "/do/0/attempt");
}

#[test]
fn time_never_goes_back() {
    let mut trial = Trial::start("do:\n  - pause: { wait: { seconds: 1 } }", json!({}));
    trial.later(500);
    trial.apply(layercake_engine::Input::Signalled {
        signal: "tick".to_owned(),
        data: json!(1),
        by: super::trial::person("ada"),
    });
    let early = layercake_engine::Timestamp::from_millis(10);
    let records = trial
        .run
        .apply(
            layercake_engine::Input::Signalled {
                signal: "tock".to_owned(),
                data: json!(2),
                by: super::trial::person("ada"),
            },
            early,
        )
        .expect("a signal is always admissible");
    assert_eq!(records[0].at.as_millis(), 1_500);
}
