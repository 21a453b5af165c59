//! Schedules and lifecycle events: what a definition says to whoever keeps them.

use layercake_engine::{RecordKind, WallMinute, lifecycle_event};
use serde_json::{Value, json};

use super::trial::{Trial, definition};

#[test]
fn a_schedule_is_read_for_whoever_keeps_it() {
    let scheduled = definition(
        "
        schedule: { every: { minutes: 5 }, cron: '0 8 * * 1-5', after: PT10S }
        do: []
        ",
    );
    let schedule = scheduled.schedule().expect("it has one");
    assert_eq!(schedule.every_ms, Some(300_000));
    assert_eq!(schedule.after_ms, Some(10_000));
    let friday = WallMinute {
        year: 2026,
        month: 11,
        day: 20,
        hour: 9,
        minute: 0,
    };
    let monday = WallMinute {
        day: 23,
        hour: 8,
        ..friday
    };
    let cron = schedule.cron.as_ref().expect("it has one");
    assert_eq!(cron.next_after(friday), Some(monday));
    assert!(definition("do: []").schedule().is_none());
}

fn event(kind: &str, n: u64) -> Value {
    json!({ "specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": { "n": n } })
}

#[test]
fn events_start_runs() {
    let started = definition(
        "
        schedule:
          on:
            all:
              - with: { type: a }
              - with: { type: '${ startswith(\"b\") }', data: '${ .n > 1 }' }
        do: []
        ",
    );
    let schedule = started.schedule().expect("it has one");
    let on = schedule.on.as_ref().expect("it is started by events");
    assert_eq!(on.events_needed(), 2);
    assert_eq!(on.filter_of(&event("a", 0), &[false, false]), Some(0));
    assert_eq!(on.filter_of(&event("a", 0), &[true, false]), None);
    assert_eq!(on.filter_of(&event("bcd", 2), &[true, false]), Some(1));
    assert_eq!(on.filter_of(&event("bcd", 1), &[true, false]), None);
    assert_eq!(on.filter_of(&json!("no event"), &[]), None);
}

#[test]
fn records_tell_of_the_lifecycle() {
    let mut trial = Trial::start(
        "
        do:
          - a: { call: 'work:1.0.0@default' }
        output: { as: '${ { a: . } }' }
        ",
        json!({}),
    );
    trial.finish("a", json!(1));
    let name = trial.run.definition().name().to_owned();
    let events: Vec<Value> = trial
        .records
        .iter()
        .filter_map(|record| lifecycle_event(record, &name))
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let prefix = "io.serverlessworkflow.";
    assert_eq!(
        kinds,
        [
            "workflow.started",
            "task.started",
            "task.completed",
            "workflow.completed"
        ]
        .map(|kind| format!("{prefix}{kind}.v1"))
    );
    let last = events.last().expect("there are some");
    assert_eq!(last["data"]["output"], json!({ "a": 1 }));
    assert_eq!(last["data"]["definition"]["name"], json!("trial"));
    let started = trial
        .records
        .iter()
        .find(|record| matches!(record.kind, RecordKind::TaskStarted));
    let again = started.and_then(|record| lifecycle_event(record, &name));
    assert_eq!(
        again.as_ref(),
        events.get(1),
        "the same record gives the same event"
    );
}
