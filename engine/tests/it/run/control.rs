//! Cancel, suspend, resume, and inputs that come late.

use layercake_engine::{ApplyError, Input, Outcome, Phase};
use serde_json::json;

use super::trial::{Trial, person};

const TWO: &str = "
    do:
      - outer:
          do:
            - a: { call: 'work:1.0.0@default', with: {} }
            - b: { call: 'work:1.0.0@default', with: {} }
    ";

#[test]
fn a_cancelled_run_gives_up_everything_that_is_open() {
    let mut trial = Trial::start(TWO, json!({}));
    trial.apply(Input::CancelRequested { by: person("bob") });
    assert_eq!(trial.run.phase(), Phase::Cancelled);
    assert_eq!(trial.run.pending().count(), 0);
    trial.expect(
        "
        run
        start outer
        start outer/a
        intend outer/a: work
        cancel
        abandon outer/a
        give-up outer/a
        give-up outer
        end: Cancelled
        ",
    );
    assert_eq!(trial.records[4].actor, person("bob"));
}

#[test]
fn a_suspended_run_keeps_outcomes_and_goes_on_when_it_is_resumed() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .apply(Input::SuspendRequested { by: person("bob") })
        .finish("outer/a", json!(1));
    assert_eq!(trial.run.pending().count(), 0);
    trial
        .apply(Input::ResumeRequested { by: person("bob") })
        .finish("outer/b", json!(2))
        .expect(
            "
            run
            start outer
            start outer/a
            intend outer/a: work
            suspend
            phase: Suspended
            answer outer/a
            resume
            finish outer/a
            start outer/b
            intend outer/b: work
            phase: Running
            answer outer/b
            finish outer/b
            finish outer
            end: Completed
            ",
        )
        .expect_output(&json!(2));
}

#[test]
fn no_time_passes_for_a_suspended_run() {
    let mut trial = Trial::start("do:\n  - pause: { wait: { seconds: 1 } }", json!({}));
    trial.apply(Input::SuspendRequested { by: person("bob") });
    assert_eq!(trial.run.next_due(), None);
    trial.later(5_000);
    let refused = trial.try_apply(Input::TimePassed);
    assert!(matches!(refused, Err(ApplyError::Stale(_))));
    trial
        .apply(Input::ResumeRequested { by: person("bob") })
        .apply(Input::TimePassed)
        .expect_output(&json!({}));
}

#[test]
fn late_and_doubled_inputs_change_nothing() {
    let mut trial = Trial::start(TWO, json!({}));
    let first = trial.effect("outer/a").id;
    let finished = |effect| Input::EffectFinished {
        effect,
        outcome: Outcome::completed(json!(1)),
    };
    let stale = |trial: &mut Trial, input| {
        let refused = trial.try_apply(input);
        assert!(matches!(refused, Err(ApplyError::Stale(_))), "{refused:?}");
    };
    stale(&mut trial, Input::TimePassed);
    stale(&mut trial, Input::ResumeRequested { by: person("bob") });
    trial.apply(finished(first));
    stale(&mut trial, finished(first));
    trial.apply(Input::SuspendRequested { by: person("bob") });
    stale(&mut trial, Input::SuspendRequested { by: person("bob") });
    trial.apply(Input::CancelRequested { by: person("bob") });
    stale(&mut trial, finished(first));
    stale(&mut trial, Input::CancelRequested { by: person("bob") });
    stale(&mut trial, Input::TimePassed);
}

#[test]
fn a_suspended_run_can_be_cancelled() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .apply(Input::SuspendRequested { by: person("bob") })
        .finish("outer/a", json!(1))
        .apply(Input::CancelRequested { by: person("bob") })
        .expect(
            "
            run
            start outer
            start outer/a
            intend outer/a: work
            suspend
            phase: Suspended
            answer outer/a
            cancel
            give-up outer/a
            give-up outer
            end: Cancelled
            ",
        );
}
