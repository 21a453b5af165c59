//! The envelope of every record, and replays that find what was tampered with.

use layercake_engine::{
    Actor, Digest, Outcome, Payload, Phase, Problem, ProblemKind, Record, RecordKind, ReplayError,
    Run, RunId, SnapshotError, TaskKey, Timestamp, Verdict,
};
use serde_json::json;

use super::trial::{Trial, definition};

const ROUTINE: &str = "
    do:
      - greet: { set: { text: '${ $context.name + \"!\" }' }, export: { as: '${ $context + . }' } }
      - attempt:
          try:
            - fetch: { call: 'work:1.0.0@default', with: { text: '${ .text }' } }
          catch:
            retry: { delay: { seconds: 1 }, limit: { attempt: { count: 2 } } }
      - pause: { wait: { seconds: 1 } }
      - ask: { call: 'approval:1.0.0@default', with: { title: Sure? } }
    output: { as: { text: '${ $context.text }' } }
    ";

fn trial() -> Trial {
    let mut trial = Trial::start(ROUTINE, json!({ "name": "Ada" }));
    let problem = Problem::standard(ProblemKind::Communication, "no answer");
    trial
        .fail("attempt/fetch", problem)
        .pass(1_000)
        .finish("attempt/fetch", json!("fetched"))
        .pass(1_000)
        .decide("ask", Verdict::Approve)
        .expect_output(&json!({ "text": "Ada!" }));
    trial
}

#[test]
fn every_record_says_what_led_to_it() {
    let causes: Vec<(u64, Vec<u64>)> = trial()
        .records
        .iter()
        .map(|record| (record.seq, record.caused_by.clone()))
        .collect();
    let expected: Vec<(u64, Vec<u64>)> = [
        (1, vec![]),       // run
        (2, vec![1]),      // start greet
        (3, vec![2]),      // finish greet
        (4, vec![3]),      // start attempt
        (5, vec![4]),      // start attempt/fetch
        (6, vec![5]),      // intend
        (7, vec![6]),      // refusal
        (8, vec![7]),      // fault attempt/fetch
        (9, vec![8]),      // retry attempt
        (10, vec![7]),     // phase: waiting
        (11, vec![]),      // time
        (12, vec![9, 11]), // start attempt/fetch (2)
        (13, vec![12]),    // intend
        (14, vec![11]),    // phase: running
        (15, vec![13]),    // answer
        (16, vec![15]),    // finish attempt/fetch
        (17, vec![16]),    // finish attempt
        (18, vec![17]),    // start pause
        (19, vec![18]),    // intend
        (20, vec![15]),    // phase: waiting
        (21, vec![]),      // time
        (22, vec![21]),    // finish pause
        (23, vec![22]),    // start ask
        (24, vec![23]),    // intend
        (25, vec![24]),    // decided
        (26, vec![25]),    // finish ask
        (27, vec![26]),    // end
    ]
    .into();
    assert_eq!(causes, expected);
}

#[test]
fn every_record_says_what_was_read_and_made() {
    let trial = trial();
    let hash = |value| Digest::of_value(&value);
    let (input, greeting) = (json!({ "name": "Ada" }), json!({ "text": "Ada!" }));
    let start = &trial.records[1];
    assert_eq!(start.reads, [hash(input.clone())]);
    let finish = &trial.records[2];
    assert_eq!(finish.reads, [hash(input)], "input and context are equal");
    assert_eq!(finish.output, Some(hash(greeting.clone())));
    let intend = &trial.records[5];
    assert_eq!(intend.reads, [hash(greeting.clone())]);
    assert_eq!(intend.output, Some(hash(greeting)), "the arguments");
    let answer = &trial.records[14];
    assert_eq!(answer.output, Some(hash(json!("fetched"))));
    let end = trial.records.last().expect("there are records");
    let context = json!({ "name": "Ada", "text": "Ada!" });
    assert_eq!(end.reads, [hash(context)]);
}

#[test]
fn every_record_carries_the_same_head() {
    let trial = trial();
    for record in &trial.records {
        assert_eq!(record.run, trial.run.id());
        assert_eq!(record.definition, trial.run.definition().digest());
        assert_eq!(record.format, layercake_engine::RECORD_FORMAT);
        assert!(record.versions.contains_key("engine"));
    }
}

/// Ways to falsify a record. Each changes it.
const FALSIFICATIONS: [fn(&mut Record); 10] = [
    |record| record.at = record.at.plus_millis(1),
    |record| record.task = TaskKey::root().child("other", None, 1),
    |record| record.attempt += 1,
    |record| record.reads.push(Digest::of_bytes(b"forged")),
    |record| record.caused_by.push(99),
    |record| record.output = Some(Digest::of_bytes(b"forged")),
    |record| record.definition = Digest::of_bytes(b"forged"),
    |record| record.actor = Actor::Agent("mallory".to_owned()),
    |record| record.run = RunId::from_parts(Timestamp::from_millis(9), 9),
    |record| {
        record.kind = RecordKind::PhaseChanged {
            phase: Phase::Pending,
        }
    },
];

#[test]
fn a_replay_finds_every_falsified_derived_record() {
    let trial = trial();
    let replay = |records| Run::replay(trial.run.definition().clone(), records);
    for (i, record) in trial.records.iter().enumerate() {
        if record.kind.is_input() {
            continue;
        }
        for falsify in FALSIFICATIONS {
            let mut records = trial.records.clone();
            falsify(&mut records[i]);
            let error = replay(records).expect_err("a falsified record is found");
            let ReplayError::Diverged(divergence) = error else {
                panic!("record {}: {error:?}", record.seq);
            };
            assert_eq!(divergence.seq, record.seq);
            assert_eq!(divergence.actual.as_ref(), Some(record));
        }
        let mut records = trial.records.clone();
        records.remove(i);
        replay(records).expect_err("a missing record is found");
    }
}

#[test]
fn a_replay_finds_forged_effects_and_outputs() {
    let trial = trial();
    for i in 0..trial.records.len() {
        let mut records = trial.records.clone();
        match &mut records[i].kind {
            RecordKind::EffectIntended(effect) => effect.deadline = Some(Timestamp::from_millis(1)),
            RecordKind::RunFinished { output, .. } => *output = Some(Payload::Inline(json!(0))),
            RecordKind::TaskRetried { failed, .. } => *failed += 1,
            RecordKind::TaskFaulted { problem } => problem.title.push('!'),
            _ => continue,
        }
        let replayed = Run::replay(trial.run.definition().clone(), records);
        assert!(
            matches!(replayed, Err(ReplayError::Diverged(_))),
            "record {i}"
        );
    }
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_step_is_found() {
    let trial = trial();
    let mut whole = 0;
    for length in 1..=trial.records.len() {
        let records = trial.records[..length].to_vec();
        match Run::replay(trial.run.definition().clone(), records) {
            Ok(run) => {
                assert_eq!(run.last_seq(), length as u64);
                whole += 1;
            }
            Err(ReplayError::Diverged(divergence)) => {
                assert_eq!(divergence.expected, None, "the log ends too early");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(whole, 6, "one for each input");
}

#[test]
fn payloads_that_are_stored_elsewhere_replay_as_far_as_they_need_not_be_known() {
    let trial = trial();
    let stored = |payload: &Payload| Payload::Stored {
        digest: payload.digest(),
        size_bytes: 1,
    };
    let mut records = trial.records.clone();
    if let RecordKind::RunFinished {
        output: Some(output),
        ..
    } = &mut records.last_mut().expect("there are records").kind
    {
        *output = stored(output);
    }
    let run = Run::replay(trial.run.definition().clone(), records.clone()).expect("it replays");
    assert_eq!(run, trial.run);
    if let RecordKind::EffectFinished {
        result: Ok(result), ..
    } = &mut records[14].kind
    {
        *result = stored(result);
    }
    assert_eq!(
        Run::replay(trial.run.definition().clone(), records),
        Err(ReplayError::PayloadMissing(15))
    );
}

/// A journal hands evidence back as a reference. Runs with large evidence and without a snapshot
/// were blocked when they were loaded: the replay took the missing evidence for a difference.
#[test]
fn evidence_that_is_stored_elsewhere_makes_no_difference() {
    let mut trial = Trial::start(ROUTINE, json!({ "name": "Ada" }));
    let outcome = Outcome {
        evidence: Some(json!({ "request": "long" })),
        ..Outcome::completed(json!("fetched"))
    };
    trial.settle("attempt/fetch", outcome);
    let mut records = trial.records.clone();
    for record in &mut records {
        if let RecordKind::EffectFinished {
            evidence: Some(evidence),
            ..
        } = &mut record.kind
        {
            *evidence = Payload::Stored {
                digest: evidence.digest(),
                size_bytes: 1,
            };
        }
    }
    assert_ne!(records, trial.records);
    let run = Run::replay(trial.run.definition().clone(), records).expect("it replays");
    assert_eq!(run, trial.run);
}

#[test]
fn a_log_of_another_definition_is_refused() {
    let trial = trial();
    let other = definition("do:\n  - a: { set: { x: 1 } }");
    let replayed = Run::replay(other.clone(), trial.records.clone());
    assert!(matches!(replayed, Err(ReplayError::OtherDefinition { .. })));
    let restored = Run::restore(&trial.run.snapshot(), other);
    assert!(matches!(
        restored,
        Err(SnapshotError::OtherDefinition { .. })
    ));
}

#[test]
fn broken_snapshots_are_refused() {
    let snapshot = Trial::start(ROUTINE, json!({ "name": "Ada" }))
        .run
        .snapshot();
    let restore = |bytes: &[u8]| Run::restore(bytes, definition(ROUTINE));
    assert!(matches!(restore(&[]), Err(SnapshotError::Format(0))));
    for other in [1, 3] {
        let refused = restore(&[0, other, 1]);
        assert!(matches!(refused, Err(SnapshotError::Format(found)) if found == u16::from(other)));
    }
    for length in 2..snapshot.len() {
        restore(&snapshot[..length]).expect_err("half a snapshot is none");
    }
    for i in 2..snapshot.len() {
        for flip in [1_u8, 0x80] {
            let mut bytes = snapshot.clone();
            bytes[i] ^= flip;
            // It may read as another state, but it must not panic.
            if let Ok(run) = restore(&bytes) {
                assert_eq!(run.definition().digest(), definition(ROUTINE).digest());
            }
        }
    }
}

#[test]
fn a_snapshot_is_small_and_holds_a_shared_value_once() {
    let small = Trial::start(ROUTINE, json!({ "name": "Ada" }))
        .run
        .snapshot();
    assert!(small.len() < 1_024, "{} bytes", small.len());
    let text = "x".repeat(10_000);
    let large = Trial::start(ROUTINE, json!({ "name": text }))
        .run
        .snapshot();
    // The input of the run, and the greeting: as a value of its own, in the context, in the
    // arguments of the call, and in the effect that is pending.
    assert!(large.len() < 60_000, "{} bytes", large.len());
}
