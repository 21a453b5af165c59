//! Property 5: commits that run at once end as if one had followed the other: nothing is lost,
//! one writer wins each version, and a repeated key gives the first receipt.

use std::collections::BTreeMap;
use std::sync::Mutex;

use layercake_context::{
    Commit, Context, ContextError, Expect, Op, Receipt, Repeated, Statement, Value, Version,
};

use crate::fixture::{agent, commit, memory, moment, provenance, says};

const THREADS: usize = 8;
const ROUNDS: usize = 20;

/// Reads the counter and writes the next number, if nobody was faster.
fn count_up(context: &Context) -> Result<(Version, Receipt), ContextError> {
    let view = context.latest(&agent());
    let version = view.version("counter", "is").unwrap();
    let now = view.as_of("counter", moment(0)).unwrap();
    let old = now.first();
    let value = old.map_or(0, |old| old.object.to_string().parse().unwrap());
    let mut next = Statement::new("counter", "is", Value::Integer(value + 1));
    if let Some(old) = old {
        next = next.replacing(old.id);
    }
    let expect = Expect::Unchanged {
        subject: "counter".into(),
        predicate: "is".into(),
        version,
    };
    let receipt = context.commit(&agent(), commit([Op::Assert(next)]).expecting(expect))?;
    Ok((version, receipt))
}

#[test]
fn property_05_one_writer_wins_each_version_and_no_update_is_lost() {
    let context = memory();
    let won = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                for _ in 0..ROUNDS {
                    match count_up(&context) {
                        Ok((version, _)) => won.lock().unwrap().push(version),
                        Err(ContextError::Conflict(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let mut won = won.into_inner().unwrap();
    let count = won.len();
    won.sort();
    won.dedup();
    assert_eq!(won.len(), count, "two writers won the same version");
    let value = context
        .latest(&agent())
        .as_of("counter", moment(0))
        .unwrap();
    assert_eq!(value.len(), 1);
    assert_eq!(value[0].object.to_string(), count.to_string());
}

#[test]
fn property_05_a_key_is_applied_once_whoever_repeats_it() {
    let context = memory();
    let receipts = Mutex::new(BTreeMap::<usize, Vec<Receipt>>::new());
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                for key in 0..ROUNDS {
                    let wanted = commit([says(&format!("n{key}"), "is", "here")]);
                    let wanted = wanted.with_key(format!("key {key}"));
                    let receipt = context.commit(&agent(), wanted).unwrap();
                    let mut receipts = receipts.lock().unwrap();
                    receipts.entry(key).or_default().push(receipt);
                }
            });
        }
    });
    for receipts in receipts.into_inner().unwrap().into_values() {
        let first = receipts.iter().filter(|r| r.repeated == Repeated::No);
        assert_eq!(first.count(), 1);
        assert!(receipts.iter().all(|r| r.ids == receipts[0].ids));
        assert!(receipts.iter().all(|r| r.snapshot == receipts[0].snapshot));
    }
    assert_eq!(context.snapshot().number(), ROUNDS as u64);
}

fn lease(until: i64, at: i64, holder: &str) -> Commit {
    let mut provenance = provenance();
    provenance.actor = layercake_context::Actor::Agent(holder.into());
    let take = Op::TakeLease {
        resource: "the plan".into(),
        until: moment(until),
    };
    Commit::new(moment(at), provenance, vec![take])
}

#[test]
fn property_05_a_lease_has_one_holder_and_its_epochs_only_rise() {
    let context = memory();
    let first = context.commit(&agent(), lease(10, 0, "a")).unwrap().ids[0];
    let refused = context.commit(&agent(), lease(20, 9, "b")).unwrap_err();
    assert!(matches!(refused, ContextError::LeaseHeld { .. }));
    let second = context.commit(&agent(), lease(20, 10, "b")).unwrap().ids[0];
    assert!(second > first);
    let write = |epoch, at| {
        let mut write = commit([says("plan", "step", "one")]);
        write.at = moment(at);
        write.expecting(Expect::Lease {
            resource: "the plan".into(),
            epoch,
        })
    };
    let late = context.commit(&agent(), write(first, 11)).unwrap_err();
    assert!(matches!(late, ContextError::LeaseLost { .. }), "a sleeper");
    context.commit(&agent(), write(second, 11)).unwrap();
    let ended = context.commit(&agent(), write(second, 20)).unwrap_err();
    assert!(matches!(ended, ContextError::LeaseLost { .. }));
    let prolonged = context.commit(&agent(), lease(40, 19, "b")).unwrap().ids[0];
    let release = Op::ReleaseLease {
        resource: "the plan".into(),
        epoch: prolonged,
    };
    let mut release = commit([release]);
    release.at = moment(21);
    context.commit(&agent(), release).unwrap();
    context.commit(&agent(), lease(50, 22, "a")).unwrap();
}
