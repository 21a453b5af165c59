//! Property 12: the audit trail and the journal agree record by record, a bundle is checked with
//! the public key alone, and a checkpoint that was kept elsewhere shows every rewriting. The
//! proofs themselves are in `merkle.rs`, random changes in `tampering.rs`.

use layercake_context::audit::{Bundle, BundleError, Checkpoint, Flaw, PublicKey};
use layercake_context::{Context, ContextError};

use crate::fixture::{Place, agent, commit, memory, says};
use crate::journal::{Journal, record};

const ORIGIN: &str = "layercake.example/acme";

fn followed(journal: &Journal) -> Context {
    let context = memory();
    context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    context.audit().follow(journal).unwrap();
    context
}

#[test]
fn property_12_every_record_has_one_leaf_however_often_it_is_followed() {
    let journal = Journal::of(&[("run-1", 2_500), ("run-2", 7)]);
    let context = followed(&journal);
    let audit = context.audit();
    assert_eq!(audit.size().unwrap(), 2_508);
    assert_eq!(audit.follow(&journal).unwrap(), 0, "nothing is new");
    assert_eq!(audit.verify_runs(&journal).unwrap(), []);
    assert_eq!(audit.verify().unwrap().flaws, []);
    let mut longer = Journal::of(&[("run-1", 2_501), ("run-2", 7)]);
    assert_eq!(audit.follow(&longer).unwrap(), 1);
    assert_eq!(audit.verify_runs(&longer).unwrap(), []);
    longer.runs.get_mut("run-2").unwrap()[3].kind = "tool-call".into();
    let [Flaw::Record { seq: 4, .. }] = audit.verify_runs(&longer).unwrap()[..] else {
        panic!("the changed record is named");
    };
}

#[test]
fn property_12_records_that_one_side_lacks_are_named() {
    let journal = Journal::of(&[("run-1", 9), ("run-2", 3)]);
    let audit = followed(&journal).audit();
    let shorter = Journal::of(&[("run-1", 8)]);
    let flaws = audit.verify_runs(&shorter).unwrap();
    assert_eq!(
        flaws.len(),
        4,
        "one record of the first run, three of the second"
    );
    assert!(
        flaws
            .iter()
            .all(|flaw| matches!(flaw, Flaw::NoRecord { .. }))
    );
    let longer = Journal::of(&[("run-1", 10), ("run-2", 3)]);
    let flaws = audit.verify_runs(&longer).unwrap();
    assert!(matches!(
        flaws[..],
        [Flaw::Record {
            seq: 10,
            leaves: 0,
            ..
        }]
    ));
}

#[test]
fn property_12_a_record_that_changed_is_not_followed() {
    let audit = followed(&Journal::of(&[("run-1", 9)])).audit();
    let mut changed = record("run-1", 4);
    changed.decision = Some("denied".into());
    let refused = audit.append(vec![changed]).unwrap_err();
    assert!(matches!(refused, ContextError::Invalid { .. }));
}

#[test]
fn property_12_a_bundle_is_checked_with_the_public_key_alone() {
    let journal = Journal::of(&[("run-1", 40), ("run-2", 30)]);
    let audit = followed(&journal).audit();
    let bundle = audit.export(agent().scope(), "run-1", ORIGIN).unwrap();
    let (text, key) = (bundle.to_string(), audit.public_key(ORIGIN).to_string());
    // From here on there is no store, only two texts.
    let key: PublicKey = key.parse().unwrap();
    let read: Bundle = text.parse().unwrap();
    let leaves = read.verify(&key).unwrap();
    assert_eq!(leaves, journal.runs["run-1"]);
    let without_a_line: Vec<_> = text.lines().enumerate().filter(|(i, _)| *i != 5).collect();
    let shorter: String = without_a_line
        .iter()
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    let shorter: Bundle = shorter.parse().unwrap();
    assert_eq!(shorter.verify(&key), Err(BundleError::Gap { expected: 5 }));
    let other = memory().audit().public_key("layercake.example/other");
    assert!(matches!(
        read.verify(&other),
        Err(BundleError::Checkpoint(_))
    ));
    let claims = text.replacen("\"run-1\"", "\"run-2\"", 1);
    let claims: Bundle = claims.parse().unwrap();
    assert_eq!(claims.verify(&key), Err(BundleError::Gap { expected: 1 }));
}

#[test]
fn property_12_a_kept_checkpoint_shows_a_rollback_and_a_rewriting() {
    let mut place = Place::in_memory();
    let context = place.open();
    let journal = Journal::of(&[("run-1", 20)]);
    context.audit().follow(&journal).unwrap();
    let early: Checkpoint = context.audit().checkpoint(ORIGIN).unwrap();
    context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let kept: Checkpoint = context.audit().checkpoint(ORIGIN).unwrap();
    for checkpoint in [&early, &kept] {
        let text = checkpoint.to_string();
        let read: Checkpoint = text.parse().unwrap();
        assert_eq!(context.audit().verify_checkpoint(&read).unwrap(), None);
    }
    let mut ahead = kept.clone();
    ahead.size += 1;
    let unsigned = context.audit().verify_checkpoint(&ahead).unwrap();
    assert!(matches!(unsigned, Some(Flaw::CheckpointSignature { .. })));
    drop(context);
    assert!(
        place
            .open()
            .audit()
            .verify_checkpoint(&kept)
            .unwrap()
            .is_none()
    );
}
