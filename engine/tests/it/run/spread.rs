//! `for-each` and `compensate`: many items at a time, and back again.

use layercake_engine::{Problem, ProblemKind};
use serde_json::{Value, json};

use super::trial::Trial;

const SEND: &str = "
    use:
      functions:
        send: { call: 'work:1.0.0@default', with: { to: '${ $item.to }', at: '${ $index }' }, output: { as: '${ .id }' } }
        recall: { call: 'work:1.0.0@default', with: { recall: '${ . }', to: '${ $item.to }' } }
    do:
      - sendAll:
          call: 'for-each:1.0.0@default'
          with: { in: '${ .mail }', concurrency: 2, key: '${ $item.to }', do: send, undo: recall }
    ";

fn mail(names: &[&str]) -> Value {
    let mail: Vec<Value> = names.iter().map(|name| json!({ "to": name })).collect();
    json!({ "mail": mail })
}

fn arguments(trial: &Trial, task: &str) -> Value {
    match trial.effect(task).request {
        layercake_engine::EffectRequest::Call(call) => call.arguments,
        other => panic!("{other:?} is not a call"),
    }
}

#[test]
fn items_are_worked_on_several_at_a_time_and_results_keep_their_order() {
    let mut trial = Trial::start(SEND, mail(&["a", "b", "c"]));
    assert_eq!(trial.run.pending().count(), 2);
    assert_eq!(
        arguments(&trial, "sendAll/send[b]"),
        json!({ "to": "b", "at": 1 })
    );
    trial
        .finish("sendAll/send[b]", json!({ "id": 2 }))
        .finish("sendAll/send[c]", json!({ "id": 3 }))
        .finish("sendAll/send[a]", json!({ "id": 1 }))
        .expect(
            "
            run
            start sendAll
            start sendAll/send[a]
            intend sendAll/send[a]: work
            start sendAll/send[b]
            intend sendAll/send[b]: work
            answer sendAll/send[b]
            finish sendAll/send[b]
            start sendAll/send[c]
            intend sendAll/send[c]: work
            answer sendAll/send[c]
            finish sendAll/send[c]
            answer sendAll/send[a]
            finish sendAll/send[a]
            finish sendAll
            end: Completed
            ",
        )
        .expect_output(&json!([1, 2, 3]));
}

#[test]
fn the_key_of_an_item_is_part_of_what_makes_it_idempotent() {
    let key = |names: &[&str]| {
        let trial = Trial::start(SEND, mail(names));
        trial.effect("sendAll/send[b]").idempotency_key
    };
    assert_eq!(
        key(&["a", "b"]),
        key(&["b", "c"]),
        "its place does not matter"
    );

    Trial::start(SEND, mail(&["a", "b", "a"])).expect_problem("expression", "/do/0/sendAll");
    let awkward = Trial::start(SEND, mail(&["a/b[1]#2"]));
    awkward.effect("sendAll/send[a~1b~21~5~32]");
}

#[test]
fn without_a_key_the_position_names_an_item() {
    let trial = Trial::start(
        "
        use: { functions: { double: { set: '${ $item * 2 + $index }' } } }
        do:
          - all: { call: 'for-each:1.0.0@default', with: { in: '${ .n }', do: double } }
        ",
        json!({ "n": [5, 6, 7] }),
    );
    trial
        .expect(
            "
            run
            start all
            start all/double[0]
            finish all/double[0]
            start all/double[1]
            finish all/double[1]
            start all/double[2]
            finish all/double[2]
            finish all
            end: Completed
            ",
        )
        .expect_output(&json!([10, 13, 16]));
    Trial::start(SEND, mail(&[])).expect_output(&json!([]));
}

#[test]
fn what_cannot_be_iterated_is_a_problem() {
    for with in ["in: '${ 5 }'", "in: '${ [1] }', concurrency: '${ 0 }'"] {
        let routine = format!(
            "
            use: {{ functions: {{ f: {{ set: 1 }} }} }}
            do:
              - all: {{ call: 'for-each:1.0.0@default', with: {{ {with}, do: f }} }}
            "
        );
        Trial::start(&routine, json!({})).expect_problem("expression", "/do/0/all");
    }
}

#[test]
fn a_thousand_items_at_once_end_in_order() {
    let routine = SEND
        .replace("concurrency: 2", "concurrency: 1000")
        .replace("$item.to }", "$item | tostring }");
    let items: Vec<u32> = (0..1_000).collect();
    let mut trial = Trial::start(&routine, json!({ "mail": items }));
    assert_eq!(trial.run.pending().count(), 1_000);
    let effects: Vec<_> = trial.run.pending().cloned().collect();
    for (n, effect) in effects.iter().enumerate().rev() {
        let outcome = layercake_engine::Outcome::completed(json!({ "id": n }));
        let input = layercake_engine::Input::EffectFinished {
            effect: effect.id,
            outcome,
        };
        trial.run.apply(input, trial.now()).expect("it is pending");
    }
    let output = trial
        .run
        .output()
        .and_then(Value::as_array)
        .expect("an array");
    assert_eq!(output.len(), 1_000);
    assert_eq!(output[17], json!(17));
}

const SAGA: &str = "
    use:
      functions:
        send: { call: 'work:1.0.0@default', with: { to: '${ $item }' } }
        recall: { call: 'work:1.0.0@default', with: { recall: '${ . }', to: '${ $item }' } }
    do:
      - answer:
          try:
            - sendAll:
                call: 'for-each:1.0.0@default'
                with: { in: '${ .mail }', concurrency: 3, key: '${ $item }', do: send, undo: recall }
            - check: { call: 'work:1.0.0@default', with: {} }
          catch:
            do:
              - undo: { call: 'compensate:1.0.0@default', with: { scope: answer } }
    ";

fn broken() -> Problem {
    Problem::standard(ProblemKind::Communication, "broken")
}

#[test]
fn what_was_done_is_undone_in_reverse() {
    let mut trial = Trial::start(SAGA, json!({ "mail": ["a", "b", "c"] }));
    trial
        .finish("answer/sendAll/send[b]", json!("sent b"))
        .finish("answer/sendAll/send[a]", json!("sent a"))
        .fail("answer/sendAll/send[c]", broken());
    let undo = |name: &str| format!("answer/@catch/undo/recall[answer~1sendAll~1send~2{name}~5]");
    assert_eq!(
        arguments(&trial, &undo("a")),
        json!({ "recall": "sent a", "to": "a" }),
        "a was done last"
    );
    trial
        .finish(&undo("a"), json!(null))
        .finish(&undo("b"), json!(null))
        .expect_output(&json!({
            "undone": ["answer/sendAll/send[a]", "answer/sendAll/send[b]"],
        }));
}

#[test]
fn undoing_is_tried_again_and_gives_up_loudly() {
    let mut trial = Trial::start(SAGA, json!({ "mail": ["a"] }));
    trial
        .finish("answer/sendAll/send[a]", json!("sent a"))
        .fail("answer/check", broken());
    let undo = "answer/@catch/undo/recall[answer~1sendAll~1send~2a~5]";
    let mut attempts = Vec::new();
    for delay in [1_000, 2_000, 4_000, 8_000] {
        attempts.push(trial.effect(undo).attempt);
        trial.fail(undo, broken());
        let due = trial.run.next_due().map(|due| due.as_millis());
        assert_eq!(due, Some(trial.now().as_millis() + delay));
        trial.pass(delay);
    }
    assert_eq!(attempts, [1, 2, 3, 4]);
    let mut succeeds = Trial::start(SAGA, json!({ "mail": ["a"] }));
    succeeds
        .finish("answer/sendAll/send[a]", json!("sent a"))
        .fail("answer/check", broken())
        .fail(undo, broken())
        .pass(1_000)
        .finish(undo, json!(null))
        .expect_output(&json!({ "undone": ["answer/sendAll/send[a]"] }));
    trial
        .fail(undo, broken())
        .expect_problem("communication", "/use/functions/recall");
}

#[test]
fn only_the_named_scope_is_undone() {
    let mut trial = Trial::start(
        "
        use: { functions: { do: { set: '${ $item }' }, undo: { set: '${ $item }' } } }
        do:
          - first: { call: 'for-each:1.0.0@default', with: { in: [1], do: do, undo: undo } }
          - second: { call: 'for-each:1.0.0@default', with: { in: [2, 3], do: do, undo: undo } }
          - some: { call: 'compensate:1.0.0@default', with: { scope: second } }
          - rest: { call: 'compensate:1.0.0@default', input: { from: '${ . }' }, output: { as: '${ [$input, .] }' } }
        ",
        json!({}),
    );
    trial.later(0).expect_output(&json!([
        { "undone": ["second/do[1]", "second/do[0]"] },
        { "undone": ["first/do[0]"] },
    ]));
}

#[test]
fn work_that_a_retry_did_again_is_undone_once() {
    let routine = SAGA.replace(
        "catch:\n",
        "catch:\n            retry: { limit: { attempt: { count: 2 } } }\n",
    );
    let mut trial = Trial::start(&routine, json!({ "mail": ["a"] }));
    trial
        .finish("answer/sendAll/send[a]", json!("first"))
        .fail("answer/check", broken())
        .finish("answer/sendAll/send[a]", json!("second"))
        .fail("answer/check", broken());
    let undo = "answer/@catch/undo/recall[answer~1sendAll~1send~2a~5]";
    assert_eq!(arguments(&trial, undo)["recall"], json!("second"));
    trial
        .finish(undo, json!(null))
        .expect_output(&json!({ "undone": ["answer/sendAll/send[a]"] }));
}
