//! What runs want from outside, and what they make of the answer.

use layercake_engine::{Call, EffectClass, EffectRequest, Outcome, Problem, ProblemKind, RunId};
use serde_json::{Value, json};

use super::trial::{START, Trial};

fn call(trial: &Trial, task: &str) -> Call {
    match trial.effect(task).request {
        EffectRequest::Call(call) => call,
        other => panic!("{other:?} is not a call"),
    }
}

#[test]
fn a_call_carries_its_evaluated_arguments_and_its_answer_is_the_output() {
    let mut trial = Trial::start(
        "
        do:
          - ask:
              call: 'look:1.0.0@default'
              with: { name: '${ .name }', list: [1, '${ .name }'] }
              output: { as: '${ .answer }' }
        ",
        json!({ "name": "x" }),
    );
    assert_eq!(
        call(&trial, "ask"),
        Call {
            function: "look".to_owned(),
            version: "1.0.0".to_owned(),
            arguments: json!({ "name": "x", "list": [1, "x"] }),
            class: EffectClass::Read,
            secrets: Vec::new(),
        }
    );
    trial
        .finish("ask", json!({ "answer": 42 }))
        .expect_output(&json!(42));
}

#[test]
fn the_method_says_what_repeating_a_request_means() {
    let cases = [
        ("method: get", EffectClass::Read),
        ("method: HEAD", EffectClass::Read),
        ("method: put", EffectClass::Idempotent),
        ("method: delete", EffectClass::Idempotent),
        ("method: post", EffectClass::Unsafe),
        ("method: patch", EffectClass::Unsafe),
        (
            "method: post, headers: { idempotency-key: k }",
            EffectClass::Idempotent,
        ),
        (
            "method: '${ \"post\" }', headers: { Other: k }",
            EffectClass::Unsafe,
        ),
    ];
    for (with, class) in cases {
        let trial = Trial::start(
            &format!(
                "do:\n  - a: {{ call: http, with: {{ {with}, endpoint: 'http://localhost/' }} }}"
            ),
            json!({}),
        );
        assert_eq!(call(&trial, "a").class, class, "{with}");
    }
}

#[test]
fn a_failed_call_points_to_its_task() {
    let mut trial = Trial::start(
        "do:\n  - a: { call: 'work:1.0.0@default', with: {} }",
        json!({}),
    );
    let mut problem = Problem::standard(ProblemKind::Communication, "no answer");
    problem.instance = Some("/their/own/place".to_owned());
    trial
        .fail("a", problem)
        .expect_problem("communication", "/do/0/a");
}

#[test]
fn a_custom_function_is_a_task_with_its_arguments_as_input() {
    let mut trial = Trial::start(
        "
        use:
          functions:
            double: { set: { twice: '${ .n * 2 }' } }
            ask:
              do:
                - first: { call: 'work:1.0.0@default', with: { n: '${ .n }' } }
                - second: { set: { got: '${ . }' } }
        do:
          - a: { call: double, with: { n: '${ .n + 1 }' } }
          - b: { call: ask, with: { n: '${ .twice }' } }
        ",
        json!({ "n": 1 }),
    );
    assert_eq!(call(&trial, "b/ask/first").arguments, json!({ "n": 4 }));
    trial
        .finish("b/ask/first", json!("fine"))
        .expect(
            "
            run
            start a
            start a/double
            finish a/double
            finish a
            start b
            start b/ask
            start b/ask/first
            intend b/ask/first: work
            answer b/ask/first
            finish b/ask/first
            start b/ask/second
            finish b/ask/second
            finish b/ask
            finish b
            end: Completed
            ",
        )
        .expect_output(&json!({ "got": "fine" }));
}

const CHILD: &str = "
    do:
      - child:
          run:
            workflow: { namespace: test, name: other, version: '2.0.0', input: { n: '${ .n }' } }
            AWAIT
      - after: { set: { got: '${ . }' } }
    ";

fn child(trial: &Trial) -> (RunId, String, Value, bool) {
    match trial.effect("child").request {
        EffectRequest::Run {
            child,
            routine,
            input,
            wait,
        } => (child, routine, input, wait),
        other => panic!("{other:?} is not a run"),
    }
}

#[test]
fn a_child_run_has_a_derived_id_and_its_output_is_the_output() {
    let mut trial = Trial::start(&CHILD.replace("AWAIT", ""), json!({ "n": 3 }));
    let effect = trial.effect("child");
    let at = layercake_engine::Timestamp::from_millis(START);
    let derived = RunId::derived(trial.run.id(), at, &effect.task, effect.attempt);
    let expected = (
        derived,
        "test/other@2.0.0".to_owned(),
        json!({ "n": 3 }),
        true,
    );
    assert_eq!(child(&trial), expected);
    trial
        .finish("child", json!("done"))
        .expect_output(&json!({ "got": "done" }));
}

#[test]
fn a_child_run_that_nobody_waits_for_hands_its_input_on() {
    let mut trial = Trial::start(&CHILD.replace("AWAIT", "await: false"), json!({ "n": 3 }));
    assert!(!child(&trial).3);
    trial
        .finish("child", json!(null))
        .expect_output(&json!({ "got": { "n": 3 } }));
}

#[test]
fn what_an_answer_cost_and_who_gave_it_stands_in_its_record() {
    let mut trial = Trial::start(
        "do:\n  - a: { call: 'work:1.0.0@default', with: {} }",
        json!({}),
    );
    let mut outcome = Outcome::completed(json!(1));
    outcome
        .versions
        .insert("model".to_owned(), "m-1".to_owned());
    outcome
        .reads
        .push(layercake_engine::Digest::of_bytes(b"file"));
    outcome.evidence = Some(json!({ "raw": "reply" }));
    trial.settle("a", outcome.clone()).verify();
    let answer = &trial.records[3];
    assert_eq!(answer.reads, outcome.reads);
    assert_eq!(
        answer.versions.get("model").map(String::as_str),
        Some("m-1")
    );
    assert!(answer.versions.contains_key("engine"));
    assert_eq!(
        answer.actor,
        layercake_engine::Actor::Tool("work".to_owned())
    );
}
