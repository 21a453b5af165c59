//! Journals that were tampered with: a replay gives the same run, or says what differs.

use std::sync::LazyLock;

use layercake_engine::{EffectId, Input, Phase, Record, RecordKind, Run, TaskKey};
use proptest::prelude::*;
use serde_json::json;

use super::trial::{Trial, person};

/// A run in which a bit of everything happened.
fn journal() -> Trial {
    let mut trial = Trial::start(
        "
        use:
          functions:
            make: { call: 'work:1.0.0@default', with: { n: '${ $item }' } }
            undo: { call: 'work:1.0.0@default', with: { n: '${ . }' } }
            judge: { call: 'look:1.0.0@default', with: { seen: '${ .answer }' } }
          extensions: [ { log: { extend: set, after: [ { note: { wait: { seconds: 1 } } } ] } } ]
        do:
          - all: { call: 'for-each:1.0.0@default', with: { in: [1, 2], do: make, undo: undo } }
          - hear: { listen: { to: { one: { with: { type: news } } } } }
          - made: { set: { x: 1 } }
          - ask:
              call: 'decide:1.0.0@default'
              with: { question: q, answer: { type: integer }, contract: { attempts: 2, evaluator: judge, escalate: true } }
          - again: { try: [ { once: { call: 'work:1.0.0@default' } } ], catch: { retry: { delay: PT1S, limit: { attempt: { count: 2 } } } } }
          - last: { call: 'work:1.0.0@default' }
        ",
        json!({}),
    );
    let broken =
        || layercake_engine::Problem::standard(layercake_engine::ProblemKind::Runtime, "broken");
    trial.finish("all/make[0]", json!("a"));
    trial.finish("all/make[1]", json!("b"));
    trial.apply(Input::Signalled {
        signal: "news".to_owned(),
        data: json!({ "n": 1 }),
        by: person("ada"),
    });
    trial.pass(1_000);
    trial.finish("ask", json!("one"));
    trial.finish("ask", json!(1));
    trial.finish("ask/@judge[2]/judge", json!({ "accepted": true }));
    trial.fail("again/once", broken());
    trial.pass(1_000);
    trial.finish("again/once", json!(2));
    trial.fail("last", broken());
    trial.apply(Input::RetryRequested { by: person("ada") });
    trial.apply(Input::UndoRequested { by: person("ada") });
    trial.finish("undo[all~1make~21~5]", json!(null));
    trial.finish("undo[all~1make~20~5]", json!(null));
    assert_eq!(trial.run.phase(), Phase::Cancelled);
    trial.verify();
    trial
}

/// The records, and the run that they made.
static JOURNAL: LazyLock<(Vec<Record>, Run)> = LazyLock::new(|| {
    let trial = journal();
    (trial.records, trial.run)
});

/// One thing that somebody did to a journal.
#[derive(Debug, Clone)]
enum Tampering {
    Drop(usize),
    Twice(usize),
    Swap(usize, usize),
    Retime(usize, u64),
    Rename(usize),
    Reattempt(usize),
    Answer(usize),
    Misdirect(usize),
    End(usize),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let at = || 0..60_usize;
    prop_oneof![
        at().prop_map(Tampering::Drop),
        at().prop_map(Tampering::Twice),
        (at(), at()).prop_map(|(a, b)| Tampering::Swap(a, b)),
        (at(), 0..5_000_u64).prop_map(|(at, millis)| Tampering::Retime(at, millis)),
        at().prop_map(Tampering::Rename),
        at().prop_map(Tampering::Reattempt),
        at().prop_map(Tampering::Answer),
        at().prop_map(Tampering::Misdirect),
        at().prop_map(Tampering::End),
    ]
}

fn tamper(records: &mut Vec<Record>, tampering: &Tampering) {
    let count = records.len().max(1);
    match *tampering {
        _ if records.is_empty() => {}
        Tampering::Drop(at) => {
            records.remove(at % count);
        }
        Tampering::Twice(at) => {
            let record = records[at % count].clone();
            records.insert(at % count, record);
        }
        Tampering::Swap(a, b) => records.swap(a % count, b % count),
        Tampering::Retime(at, millis) => {
            records[at % count].at = layercake_engine::Timestamp::from_millis(millis);
        }
        Tampering::Rename(at) => records[at % count].task = TaskKey::from("other".to_owned()),
        Tampering::Reattempt(at) => records[at % count].attempt += 1,
        Tampering::Answer(at) => {
            if let RecordKind::EffectFinished { result, .. } = &mut records[at % count].kind {
                *result = Ok(json!({ "accepted": false, "other": [1] }).into());
            }
        }
        Tampering::Misdirect(at) => {
            let other = EffectId::derive(records[0].run, &TaskKey::root(), 9);
            if let RecordKind::EffectFinished { effect, .. } = &mut records[at % count].kind {
                *effect = other;
            }
        }
        Tampering::End(at) => records.truncate(at % count),
    }
    // A forger counts well.
    for (at, record) in records.iter_mut().enumerate() {
        record.seq = at as u64 + 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_gives_the_same_or_says_what_differs(
        tamperings in proptest::collection::vec(tampering(), 0..3)
    ) {
        let (stored, made) = &*JOURNAL;
        let mut records = stored.clone();
        tamperings.iter().for_each(|tampering| tamper(&mut records, tampering));
        let last = records.len() as u64;
        match Run::replay(made.definition().clone(), records.clone()) {
            Ok(run) => {
                prop_assert_eq!(run.last_seq(), last);
                if records == *stored {
                    prop_assert_eq!(&run, made);
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
