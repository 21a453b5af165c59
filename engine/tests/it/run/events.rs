//! `emit` and `listen`: events that go out, and events that come in.

use layercake_engine::{ApplyError, EffectClass, EffectRequest, Input, Phase};
use serde_json::{Value, json};

use super::trial::{Trial, person};

fn signal(kind: &str, data: Value) -> Input {
    Input::Signalled {
        signal: kind.to_owned(),
        data,
        by: person("ada"),
    }
}

fn listening(strategy: &str) -> Trial {
    Trial::start(
        &format!("do:\n  - wait: {{ listen: {{ to: {{ {strategy} }} }} }}"),
        json!({ "limit": 10 }),
    )
}

#[test]
fn an_event_goes_out_with_every_attribute_it_must_have() {
    let mut trial = Trial::start(
        "
        do:
          - tell:
              emit: { event: { with: { type: test.done, data: { n: '${ .n }' } } } }
        ",
        json!({ "n": 7 }),
    );
    let effect = trial.effect("tell");
    let EffectRequest::Call(call) = &effect.request else {
        panic!("publishing is a call");
    };
    assert_eq!(
        (call.function.as_str(), call.class),
        ("emit", EffectClass::Idempotent)
    );
    let event = json!({
        "specversion": "1.0",
        "id": effect.id.to_string(),
        "source": "urn:layercake:test/trial",
        "type": "test.done",
        "time": "1970-01-01T00:00:01.000Z",
        "data": { "n": 7 },
    });
    assert_eq!(call.arguments, event);
    trial
        .finish("tell", json!("whatever"))
        .expect_output(&event);
}

#[test]
fn one_event_is_enough_for_one() {
    let mut trial = listening("one: { with: { type: right } }");
    assert_eq!(trial.run.phase(), Phase::Waiting);
    trial
        .apply(signal("wrong", json!(1)))
        .apply(signal("right", json!(2)))
        .expect(
            "
            run
            start wait
            phase: Waiting
            signal: wrong
            signal: right
            finish wait
            end: Completed
            ",
        )
        .expect_output(&json!([2]));
    let finish = trial.records.iter().find(|record| record.seq == 6);
    assert_eq!(finish.map(|record| record.caused_by.clone()), Some(vec![5]));
}

#[test]
fn what_comes_before_the_task_waits_for_it() {
    let mut trial = Trial::start(
        "
        do:
          - first: { call: 'work:1.0.0@default', with: {} }
          - wait: { listen: { to: { all: [ { with: { type: a } }, { with: { type: b } } ] } } }
        ",
        json!({}),
    );
    trial
        .apply(signal("b", json!("early b")))
        .apply(signal("c", json!("nobody's")))
        .finish("first", json!(0))
        .apply(signal("a", json!("late a")))
        .expect_output(&json!(["early b", "late a"]));
}

#[test]
fn filters_look_at_attributes_and_data() {
    let cases = [
        ("type: t", true),
        ("type: u", false),
        ("type: '${ startswith(\"t\") }'", true),
        ("data: '${ .n > 3 }'", true),
        ("data: '${ .n > 30 }'", false),
        ("data: '${ .n > $input.limit }'", false),
        ("data: { n: 5 }", true),
        ("data: { n: 6 }", false),
        ("data: '${ .n.deeper.than.that > 1 }'", false),
        ("subject: anything", false),
        ("type: t, source: 'urn:layercake:signal'", true),
    ];
    for (with, is_taken) in cases {
        let mut trial = listening(&format!("one: {{ with: {{ {with} }} }}"));
        trial.apply(signal("t", json!({ "n": 5 })));
        assert_eq!(trial.run.phase().is_final(), is_taken, "{with}");
        trial.verify();
    }
}

#[test]
fn any_goes_on_until_a_condition_holds() {
    let mut trial = listening("any: [], until: '${ length >= 3 }'");
    for n in 1..=3 {
        assert!(!trial.run.phase().is_final());
        trial.apply(signal("tick", json!(n)));
    }
    trial.expect_output(&json!([1, 2, 3]));

    let mut first = listening("any: [ { with: { type: a } }, { with: { type: b } } ]");
    first
        .apply(signal("b", json!(1)))
        .expect_output(&json!([1]));
}

#[test]
fn any_goes_on_until_another_event_comes() {
    let until = "until: { all: [ { with: { type: stop } }, { with: { type: really } } ] }";
    let mut trial = listening(&format!("any: [ {{ with: {{ type: a }} }} ], {until}"));
    trial
        .apply(signal("a", json!(1)))
        .apply(signal("stop", json!(2)))
        .apply(signal("a", json!(3)))
        .apply(signal("stop", json!("again is not enough")))
        .apply(signal("really", json!(4)))
        .expect_output(&json!([1, 3]));
}

#[test]
fn each_event_is_worked_on_in_turn() {
    let mut trial = Trial::start(
        "
        do:
          - chat:
              listen: { to: { any: [], until: '${ length >= 2 }' }, read: envelope }
              foreach:
                item: event
                at: i
                do:
                  - post: { call: 'work:1.0.0@default', with: { text: '${ $event.data }', i: '${ $i }' } }
                  - note: { set: { said: '${ . }', i: '${ $i }' } }
                output: { as: '${ .said }' }
                export: { as: '${ $context + [$event.type] }' }
              export: { as: '${ { seen: $context, all: . } }' }
        output: { as: '${ $context }' }
        ",
        json!([]),
    );
    trial
        .apply(signal("one", json!("a")))
        .apply(signal("two", json!("b")))
        .finish("chat/post[0]", json!("A"))
        .finish("chat/post[1]", json!("B"))
        .expect(
            "
            run
            start chat
            phase: Waiting
            signal: one
            start chat/post[0]
            intend chat/post[0]: work
            phase: Running
            signal: two
            answer chat/post[0]
            finish chat/post[0]
            start chat/note[0]
            finish chat/note[0]
            start chat/post[1]
            intend chat/post[1]: work
            answer chat/post[1]
            finish chat/post[1]
            start chat/note[1]
            finish chat/note[1]
            finish chat
            end: Completed
            ",
        )
        .expect_output(&json!({ "seen": ["one", "two"], "all": ["A", "B"] }));
}

#[test]
fn correlated_events_have_something_in_common() {
    let event = |id: u32, kind: &str, room: &str| {
        let event = json!({
            "specversion": "1.0", "id": id.to_string(), "source": "home", "type": kind,
            "roomid": room, "data": { "at": room },
        });
        signal(kind, event)
    };
    let filter = |kind: &str| {
        format!("{{ with: {{ type: {kind} }}, correlate: {{ room: {{ from: .roomid }} }} }}")
    };
    let mut trial = listening(&format!("all: [ {}, {} ]", filter("warm"), filter("wet")));
    trial
        .apply(event(1, "warm", "kitchen"))
        .apply(event(2, "wet", "bath"))
        .apply(event(3, "wet", "kitchen"))
        .expect_output(&json!([{ "at": "kitchen" }, { "at": "kitchen" }]));

    let expecting = "one: { with: { type: warm }, correlate: { room: { from: .roomid, expect: '${ \"ba\" + \"th\" }' } } }";
    let mut trial = listening(expecting);
    trial
        .apply(event(1, "warm", "kitchen"))
        .apply(event(2, "warm", "bath"))
        .expect_output(&json!([{ "at": "bath" }]));
}

#[test]
fn an_event_that_is_sent_twice_is_taken_once() {
    let event = json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": 1 });
    let mut trial = listening("any: [], until: '${ length >= 2 }'");
    trial.apply(signal("t", event.clone()));
    let again = trial.try_apply(signal("t", event));
    assert!(matches!(again, Err(ApplyError::Stale(_))));
    trial
        .apply(signal("t", json!(2)))
        .expect_output(&json!([1, 2]));
}

#[test]
fn an_inbox_that_nobody_empties_fills_up_and_says_so() {
    let mut trial = Trial::start("do:\n  - a: { wait: { seconds: 1 } }", json!({}));
    let by = || person("ada");
    let mut refused = None;
    for n in 0..2_000 {
        let input = Input::Signalled {
            signal: "x".to_owned(),
            data: json!(n),
            by: by(),
        };
        refused = trial.run.apply(input, trial.now()).err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused, Some(ApplyError::InboxFull));
}

#[test]
fn every_branch_that_listens_gets_the_event() {
    let mut trial = Trial::start(
        "
        do:
          - both:
              fork:
                branches:
                  - a: { listen: { to: { one: { with: { type: t } } } } }
                  - b:
                      do:
                        - first: { listen: { to: { one: { with: { type: t } } } } }
                        - second: { listen: { to: { one: { with: { type: t } } } } }
        ",
        json!({}),
    );
    trial.apply(signal("t", json!(1)));
    assert!(
        !trial.run.phase().is_final(),
        "an event is taken once by a branch"
    );
    trial
        .apply(signal("t", json!(2)))
        .expect_output(&json!([[1], [2]]));
}

#[test]
fn a_suspended_run_keeps_events_for_later() {
    let mut trial = listening("one: { with: { type: t } }");
    trial
        .apply(Input::SuspendRequested { by: person("bob") })
        .apply(signal("t", json!(1)))
        .apply(Input::ResumeRequested { by: person("bob") })
        .expect_output(&json!([1]));
}

#[test]
fn nobody_waits_for_ever_when_there_is_a_limit() {
    let mut trial = Trial::start(
        "
        do:
          - attempt:
              try:
                - wait:
                    timeout: { after: { hours: 1 } }
                    listen: { to: { one: { with: { type: t } } } }
              catch:
                errors: { with: { status: 408 } }
                do: [ { sorry: { set: { late: true } } } ]
        ",
        json!({}),
    );
    trial
        .pass(3_600_000)
        .expect_output(&json!({ "late": true }));
}
