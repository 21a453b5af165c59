//! `fork`: branches at the same time.

use layercake_engine::{Input, Problem, ProblemKind};
use serde_json::json;

use super::trial::{Trial, person};

const TWO: &str = "
    do:
      - both:
          fork:
            branches:
              - left: { call: 'work:1.0.0@default', with: { side: left } }
              - right:
                  do:
                    - one: { call: 'work:1.0.0@default', with: { side: right } }
                    - two: { set: { got: '${ . }' } }
      - after: { set: { all: '${ . }' } }
    ";

#[test]
fn branches_run_at_once_and_their_outputs_keep_the_order_of_the_definition() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .finish("both/right/one", json!("r"))
        .finish("both/left", json!("l"))
        .expect(
            "
            run
            start both
            start both/left
            intend both/left: work
            start both/right
            start both/right/one
            intend both/right/one: work
            answer both/right/one
            finish both/right/one
            start both/right/two
            finish both/right/two
            finish both/right
            answer both/left
            finish both/left
            finish both
            start after
            finish after
            end: Completed
            ",
        )
        .expect_output(&json!({ "all": ["l", { "got": "r" }] }));
    let joined = trial.records.iter().find(|record| record.seq == 15);
    let causes = joined.map(|record| record.caused_by.clone());
    assert_eq!(causes, Some(vec![14, 12]), "both branches led to the end");
}

#[test]
fn a_problem_in_one_branch_gives_up_the_others() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .fail(
            "both/left",
            Problem::standard(ProblemKind::Runtime, "broken"),
        )
        .expect(
            "
            run
            start both
            start both/left
            intend both/left: work
            start both/right
            start both/right/one
            intend both/right/one: work
            refusal both/left: broken
            fault both/left: broken
            abandon both/right/one
            give-up both/right/one
            give-up both/right
            fault both: broken
            end: Faulted
            ",
        )
        .expect_problem("runtime", "/do/0/both/fork/branches/0/left");
}

const RACE: &str = "
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow: { call: 'work:1.0.0@default', with: {} }
              - fast: { call: 'work:1.0.0@default', with: {} }
              - late: { wait: { seconds: 5 } }
    ";

#[test]
fn the_first_of_competing_branches_is_the_only_one_that_counts() {
    let mut trial = Trial::start(RACE, json!({}));
    trial
        .finish("race/fast", json!("won"))
        .expect(
            "
            run
            start race
            start race/slow
            intend race/slow: work
            start race/fast
            intend race/fast: work
            start race/late
            intend race/late: until 6000
            answer race/fast
            finish race/fast
            abandon race/slow
            give-up race/slow
            abandon race/late
            give-up race/late
            finish race
            end: Completed
            ",
        )
        .expect_output(&json!("won"));
}

#[test]
fn competing_branches_fail_only_when_all_of_them_have() {
    let broken = || Problem::standard(ProblemKind::Runtime, "broken");
    let mut trial = Trial::start(RACE, json!({ "n": 1 }));
    trial
        .fail("race/slow", broken())
        .fail("race/fast", broken());
    trial.pass(5_000).expect_output(&json!({ "n": 1 }));

    let routine = RACE.replace("- late: { wait: { seconds: 5 } }", "");
    let mut trial = Trial::start(&routine, json!({}));
    trial
        .fail("race/slow", broken())
        .fail("race/fast", broken())
        .expect_problem("runtime", "/do/0/race/fork/branches/1/fast");
}

#[test]
fn each_branch_has_a_context_of_its_own() {
    Trial::start(
        "
        do:
          - both:
              fork:
                branches:
                  - a:
                      do:
                        - set: { set: { x: 1 }, export: { as: '${ $context + { a: true } }' } }
                        - see: { set: '${ $context }' }
                  - b: { set: '${ $context }' }
              export: { as: '${ $context + { seen: $output } }' }
        output: { as: '${ $context }' }
        ",
        json!({ "begin": 1 }),
    )
    .expect_output(&json!({
        "begin": 1,
        "seen": [{ "begin": 1, "a": true }, { "begin": 1 }],
    }));
}

#[test]
fn branches_see_the_variables_around_them() {
    Trial::start(
        "
        do:
          - loop:
              for: { each: n, in: '${ [1, 2] }' }
              do:
                - both:
                    input: { from: '${ [] }' }
                    fork:
                      branches:
                        - a: { set: '${ $n * 10 }' }
                        - b: { for: { each: m, in: '${ [5, 6] }' }, do: [ { c: { set: '${ . + [$n * $m] }' } } ] }
        ",
        json!([]),
    )
    .expect_output(&json!([20, [10, 12]]));
}

#[test]
fn a_limit_on_the_fork_ends_all_branches() {
    let mut trial = Trial::start(
        "
        do:
          - both:
              timeout: { after: { seconds: 1 } }
              fork:
                branches:
                  - left: { call: 'work:1.0.0@default', with: {} }
                  - nested:
                      fork:
                        branches:
                          - inner: { wait: { seconds: 9 } }
        ",
        json!({}),
    );
    assert_eq!(
        trial.effect("both/nested/inner").deadline,
        trial.effect("both/left").deadline,
        "the limit around counts in every branch"
    );
    trial
        .pass(1_000)
        .expect(
            "
            run
            start both
            start both/left
            intend both/left: work
            start both/nested
            start both/nested/inner
            intend both/nested/inner: until 10000
            time: 2000
            abandon both/left
            give-up both/left
            abandon both/nested/inner
            give-up both/nested/inner
            give-up both/nested
            fault both: the task took longer than its time limit
            end: Faulted
            ",
        )
        .expect_problem("timeout", "/do/0/both");
}

#[test]
fn end_in_a_branch_ends_the_run() {
    let mut trial = Trial::start(
        "
        do:
          - outer:
              do:
                - both:
                    fork:
                      branches:
                        - left: { call: 'work:1.0.0@default', with: {} }
                        - right:
                            do:
                              - stop: { call: 'work:1.0.0@default', with: {}, then: end }
          - never: { set: { never: true } }
        ",
        json!({}),
    );
    trial
        .finish("outer/both/right/stop", json!("enough"))
        .expect(
            "
            run
            start outer
            start outer/both
            start outer/both/left
            intend outer/both/left: work
            start outer/both/right
            start outer/both/right/stop
            intend outer/both/right/stop: work
            answer outer/both/right/stop
            finish outer/both/right/stop
            finish outer/both/right
            abandon outer/both/left
            give-up outer/both/left
            finish outer/both
            finish outer
            end: Completed
            ",
        )
        .expect_output(&json!("enough"));
}

#[test]
fn cancel_and_retry_reach_into_branches() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .apply(Input::CancelRequested { by: person("bob") })
        .verify();
    assert_eq!(trial.run.pending().count(), 0);

    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - both:
                    fork:
                      branches:
                        - a: { call: 'work:1.0.0@default', with: {} }
                        - b: { call: 'work:1.0.0@default', with: {} }
              catch:
                retry: { limit: { attempt: { count: 2 } } }
        ",
        json!({}),
    );
    let first = trial.effect("attempt/both/b");
    trial.finish("attempt/both/a", json!(1)).fail(
        "attempt/both/b",
        Problem::standard(ProblemKind::Runtime, "x"),
    );
    let second = trial.effect("attempt/both/b");
    assert_eq!((first.attempt, second.attempt), (1, 2));
    trial
        .finish("attempt/both/a", json!(1))
        .finish("attempt/both/b", json!(2))
        .expect_output(&json!([1, 2]));
}

#[test]
fn outcomes_that_arrive_while_suspended_are_taken_in_order() {
    let mut trial = Trial::start(TWO, json!({}));
    trial
        .apply(Input::SuspendRequested { by: person("bob") })
        .fail(
            "both/left",
            Problem::standard(ProblemKind::Runtime, "broken"),
        )
        .finish("both/right/one", json!("too late"))
        .apply(Input::ResumeRequested { by: person("bob") })
        .expect_problem("runtime", "/do/0/both/fork/branches/0/left");
}
