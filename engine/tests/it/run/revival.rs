//! Failed runs that go on, and runs that are cancelled and undone.

use layercake_engine::{ApplyError, Input, Phase, Problem, ProblemKind};
use serde_json::json;

use super::trial::{Trial, person};

fn problem() -> Problem {
    Problem::standard(ProblemKind::Communication, "down")
}

fn again() -> Input {
    Input::RetryRequested { by: person("ada") }
}

#[test]
fn a_failed_run_goes_on_with_the_task_that_failed() {
    let mut trial = Trial::start(
        "
        do:
          - before: { call: 'work:1.0.0@default', export: { as: '${ { a: . } }' } }
          - outer:
              do:
                - inner: { call: 'work:1.0.0@default', with: { n: '${ . }' } }
          - after: { set: { both: '${ [$context.a, .] }' } }
        ",
        json!({}),
    );
    trial.finish("before", json!(1));
    let first = trial.effect("outer/inner");
    trial.fail("outer/inner", problem());
    assert_eq!(trial.run.phase(), Phase::Faulted);
    assert!(trial.run.is_retryable());
    trial.apply(again());
    assert_eq!(trial.run.phase(), Phase::Running);
    assert_eq!(trial.run.problem(), None);
    let second = trial.effect("outer/inner");
    assert_eq!((second.attempt, second.task), (2, first.task));
    assert_eq!(second.idempotency_key, first.idempotency_key);
    assert_ne!(second.id, first.id);
    // It may fail again, as often as somebody asks for it.
    trial.fail("outer/inner", problem()).apply(again());
    assert_eq!(trial.effect("outer/inner").attempt, 3);
    trial
        .finish("outer/inner", json!(2))
        .expect_output(&json!({ "both": [1, 2] }));
}

#[test]
fn only_what_failed_among_branches_is_done_again() {
    let mut trial = Trial::start(
        "
        use:
          functions:
            one: { call: 'work:1.0.0@default', with: { n: '${ . }' } }
        do:
          - all: { call: 'for-each:1.0.0@default', with: { in: '${ [10, 20, 30, 40] }', concurrency: 3, do: one } }
        ",
        json!({}),
    );
    trial.finish("all/one[0]", json!("a"));
    trial.fail("all/one[1]", problem());
    assert_eq!(trial.run.phase(), Phase::Faulted);
    trial.apply(again());
    let open: Vec<String> = trial
        .run
        .pending()
        .map(|effect| effect.task.to_string())
        .collect();
    assert_eq!(open, ["all/one[1]", "all/one[2]", "all/one[3]"]);
    trial.finish("all/one[2]", json!("c"));
    trial.finish("all/one[1]", json!("b"));
    trial
        .finish("all/one[3]", json!("d"))
        .expect_output(&json!(["a", "b", "c", "d"]));
}

#[test]
fn time_limits_do_not_run_while_a_run_lies_failed() {
    let mut trial = Trial::start(
        "
        do:
          - limited:
              timeout: { after: { seconds: 10 } }
              do: [ { work: { call: 'work:1.0.0@default' } } ]
        ",
        json!({}),
    );
    trial.later(4_000).fail("limited/work", problem());
    trial.later(3_600_000).apply(again());
    trial
        .later(5_000)
        .finish("limited/work", json!(1))
        .expect_output(&json!(1));
}

#[test]
fn what_did_not_fail_is_not_tried_again() {
    let mut trial = Trial::start("do: [ { a: { set: { x: 1 } } } ]", json!({}));
    assert!(matches!(
        trial.try_apply(again()),
        Err(ApplyError::Stale(_))
    ));
    let mut trial = Trial::start("do: [ { a: { wait: { seconds: 1 } } } ]", json!({}));
    assert!(matches!(
        trial.try_apply(again()),
        Err(ApplyError::Stale(_))
    ));
    trial.apply(Input::CancelRequested { by: person("ada") });
    assert!(matches!(
        trial.try_apply(again()),
        Err(ApplyError::Stale(_))
    ));
}

const UNDOABLE: &str = "
    use:
      functions:
        make: { call: 'work:1.0.0@default', with: { n: '${ $item }' } }
        break: { call: 'work:1.0.0@default', with: { made: '${ . }', n: '${ $item }' } }
    do:
      - all: { call: 'for-each:1.0.0@default', with: { in: [1, 2], do: make, undo: break } }
      - hold: { call: 'look:1.0.0@default' }
    ";

fn undo() -> Input {
    Input::UndoRequested { by: person("ada") }
}

#[test]
fn a_run_is_undone_before_it_is_cancelled() {
    let mut trial = Trial::start(UNDOABLE, json!({}));
    trial.finish("all/make[0]", json!("x"));
    trial.finish("all/make[1]", json!("y"));
    trial.apply(undo());
    assert!(matches!(trial.try_apply(undo()), Err(ApplyError::Stale(_))));
    // The last is undone first, and a failure is tried again.
    trial.fail("break[all~1make~21~5]", problem());
    trial.pass(1_000);
    trial.finish("break[all~1make~21~5]", json!(null));
    let effect = trial.effect("break[all~1make~20~5]");
    let layercake_engine::EffectRequest::Call(call) = effect.request else {
        panic!("it is a call");
    };
    assert_eq!(call.arguments, json!({ "made": "x", "n": 1 }));
    trial.finish("break[all~1make~20~5]", json!(null));
    trial.verify();
    assert_eq!(trial.run.phase(), Phase::Cancelled);
}

#[test]
fn with_nothing_to_undo_a_run_is_cancelled_at_once() {
    let mut trial = Trial::start(UNDOABLE, json!({}));
    trial.apply(undo()).verify();
    assert_eq!(trial.run.phase(), Phase::Cancelled);
}

#[test]
fn what_cannot_be_undone_fails_the_run_and_can_be_tried_again() {
    let mut trial = Trial::start(UNDOABLE, json!({}));
    trial.finish("all/make[0]", json!("x"));
    trial.finish("all/make[1]", json!("y"));
    trial.apply(undo());
    for attempt in 0..5 {
        trial.fail("break[all~1make~21~5]", problem());
        if attempt < 4 {
            trial.pass(60_000);
        }
    }
    assert_eq!(trial.run.phase(), Phase::Faulted);
    trial.apply(again());
    trial.finish("break[all~1make~21~5]", json!(null));
    trial.finish("break[all~1make~20~5]", json!(null)).verify();
    assert_eq!(trial.run.phase(), Phase::Cancelled);
}
