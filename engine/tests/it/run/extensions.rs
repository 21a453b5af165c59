//! Extensions: what is done before and after tasks.

use serde_json::json;

use super::trial::Trial;

#[test]
fn tasks_of_a_kind_have_something_before_and_after() {
    let mut trial = Trial::start(
        "
        use:
          extensions:
            - watch:
                extend: call
                before: [ { note: { call: 'work:1.0.0@default', with: { n: '${ .n }' } } } ]
                after: [ { note: { call: 'work:1.0.0@default', with: { got: '${ . }' } } } ]
        do:
          - plain: { set: { n: 2 } }
          - ask: { call: 'look:1.0.0@default', with: { n: '${ .n }' } }
          - last: { set: { seen: '${ . }' } }
        ",
        json!({ "n": 1 }),
    );
    trial.finish("ask/@before[watch]/note", json!("noted"));
    trial.finish("ask", json!(7));
    trial
        .finish("ask/@after[watch]/note", json!("noted again"))
        .expect(
            "
            run
            start plain
            finish plain
            start ask
            start ask/@before[watch]/note
            intend ask/@before[watch]/note: work
            answer ask/@before[watch]/note
            finish ask/@before[watch]/note
            intend ask: look
            answer ask
            start ask/@after[watch]/note
            intend ask/@after[watch]/note: work
            answer ask/@after[watch]/note
            finish ask/@after[watch]/note
            finish ask
            start last
            finish last
            end: Completed
            ",
        )
        .expect_output(&json!({ "seen": 7 }));
}

#[test]
fn exit_before_stands_for_the_task() {
    // As in the standard's example of a mocked service.
    let routine = |uri: &str| {
        format!(
            "
            use:
              extensions:
                - mock:
                    extend: call
                    when: '$task.with.endpoint | startswith(\"https://mocked\")'
                    before: [ {{ answer: {{ set: {{ mocked: true }}, then: exit }} }} ]
            do:
              - ask: {{ call: http, with: {{ method: get, endpoint: '{uri}' }}, output: {{ as: '${{ {{ got: . }} }}' }} }}
            "
        )
    };
    Trial::start(&routine("https://mocked.example.com"), json!({}))
        .expect_output(&json!({ "got": { "mocked": true } }));
    Trial::start(&routine("https://example.com"), json!({}))
        .finish("ask", json!(1))
        .expect_output(&json!({ "got": 1 }));
}

#[test]
fn what_a_switch_chose_is_followed_after_its_extension() {
    Trial::start(
        "
        use:
          extensions:
            - first: { extend: switch, after: [ { a: { set: { lost: 1 } } } ] }
            - second: { extend: all, when: '$task.name == \"choose\"', after: [ { b: { set: { lost: 2 } } } ] }
        do:
          - choose: { switch: [ { yes: { when: .ok, then: right } }, { no: { then: end } } ] }
          - wrong: { raise: { error: { type: 'https://example.com/e', status: 500 } } }
          - right: { set: { ok: '${ .ok }' } }
        ",
        json!({ "ok": true }),
    )
    .expect_output(&json!({ "ok": true }));
}

#[test]
fn a_problem_in_an_extension_is_the_problem_of_its_task() {
    Trial::start(
        "
        use:
          extensions:
            - guard:
                extend: set
                before: [ { no: { raise: { error: { type: 'https://example.com/e', status: 403 } } } } ]
        do:
          - safe:
              try: [ { a: { set: { x: 1 } } } ]
              catch: { as: e, do: [ { b: { wait: { milliseconds: 1 } } } ] }
        ",
        json!({ "x": 0 }),
    )
    .pass(1)
    .expect_output(&json!({ "x": 0 }));
}

#[test]
fn extensions_reach_into_branches_and_loops_but_not_into_themselves() {
    let mut trial = Trial::start(
        "
        use:
          extensions:
            - twice: { extend: all, before: [ { pause: { wait: { milliseconds: 10 } } } ] }
        do:
          - both: { fork: { branches: [ { a: { set: { n: 1 } } }, { b: { set: { n: 2 } } } ] } }
        ",
        json!({}),
    );
    trial
        .pass(10)
        .pass(10)
        .expect_output(&json!([{ "n": 1 }, { "n": 2 }]));
}
