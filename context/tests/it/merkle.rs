//! The audit trail against a naive reading of RFC 6962, and against an independent crate.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use layercake_context::audit::{
    Commitment, Flaw, Hash, Leaf, Origin, verify_consistency, verify_inclusion,
};
use layercake_context::store::Batch;
use layercake_context::{Actor, ContextError};
use sha2::{Digest, Sha256};

use crate::fixture::{Place, agent, commit, memory, moment, says};

fn leaf(run: &str, seq: u64) -> Leaf {
    Leaf {
        origin: Origin::Run {
            run: run.into(),
            seq,
        },
        scope: agent().scope().clone(),
        at: moment(1_000 + seq as i64),
        kind: "effect-finished".into(),
        actor: Actor::Tool("shell".into()),
        task: "triage/classify[2]".into(),
        attempt: 1,
        caused_by: vec![seq.saturating_sub(1)],
        decision: None,
        commitments: vec![Commitment {
            name: "record".into(),
            hash: Hash::from_bytes([seq as u8; 32]),
        }],
    }
}

/// The Merkle tree hash of RFC 6962, section 2.1, word for word.
fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => Sha256::new_with_prefix([0])
            .chain_update(one)
            .finalize()
            .into(),
        many => {
            let mut k = 1;
            while k * 2 < many.len() {
                k *= 2;
            }
            Sha256::new_with_prefix([1])
                .chain_update(naive_root(&many[..k]))
                .chain_update(naive_root(&many[k..]))
                .finalize()
                .into()
        }
    }
}

const SIZE: u64 = 512;

fn filled(size: u64) -> layercake_context::Context {
    let context = memory();
    let leaves = (1..=size).map(|seq| leaf("run-1", seq)).collect();
    context.audit().append(leaves).unwrap();
    context
}

fn encoded(size: u64) -> Vec<Vec<u8>> {
    (1..=size)
        .map(|seq| leaf("run-1", seq).to_bytes())
        .collect()
}

#[test]
fn property_12_every_root_agrees_with_the_standard_and_with_another_crate() {
    let audit = filled(SIZE).audit();
    let leaves = encoded(SIZE);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    assert_eq!(*audit.root(0).unwrap().as_bytes(), naive_root(&[]));
    for size in 1..=SIZE {
        other.push(leaves[size as usize - 1].clone());
        let root = *audit.root(size).unwrap().as_bytes();
        assert_eq!(root, naive_root(&leaves[..size as usize]), "size {size}");
        assert_eq!(root.as_slice(), other.root().as_bytes().as_slice());
    }
}

#[test]
fn property_12_every_inclusion_proof_agrees_with_another_crate_and_verifies() {
    let audit = filled(SIZE).audit();
    let leaves = encoded(SIZE);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SIZE {
        other.push(leaves[size as usize - 1].clone());
        let root = audit.root(size).unwrap();
        for position in (0..size).step_by(if size > 64 { 29 } else { 1 }) {
            let proof = audit.inclusion(position, size).unwrap();
            let bytes: Vec<u8> = proof.iter().flat_map(|hash| *hash.as_bytes()).collect();
            let theirs = other.prove_inclusion(position as usize);
            assert_eq!(bytes, theirs.as_bytes(), "leaf {position} of {size}");
            let leaf = &leaves[position as usize];
            assert!(verify_inclusion(leaf, position, size, &proof, root));
            assert!(!verify_inclusion(leaf, position + 1, size, &proof, root));
            assert!(!verify_inclusion(b"other", position, size, &proof, root));
        }
    }
}

#[test]
fn property_12_every_consistency_proof_agrees_with_another_crate_and_verifies() {
    let audit = filled(SIZE).audit();
    let leaves = encoded(SIZE);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let roots: Vec<Hash> = (0..=SIZE).map(|n| audit.root(n).unwrap()).collect();
    for new in 1..=SIZE {
        other.push(leaves[new as usize - 1].clone());
        for old in (1..=new).step_by(if new > 64 { 29 } else { 1 }) {
            let proof = audit.consistency(old, new).unwrap();
            let bytes: Vec<u8> = proof.iter().flat_map(|hash| *hash.as_bytes()).collect();
            let theirs = other.prove_consistency((new - old) as usize);
            assert_eq!(bytes, theirs.as_bytes(), "{old} of {new}");
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            assert!(verify_consistency(old, old_root, new, new_root, &proof));
            let wrong = Hash::from_bytes([9; 32]);
            assert!(!verify_consistency(old, wrong, new, new_root, &proof));
            assert!(!verify_consistency(old, old_root, new, wrong, &proof));
        }
    }
}

#[test]
fn property_12_a_long_log_keeps_its_roots_in_tiles() {
    let mut place = Place::in_memory();
    let context = place.open();
    let audit = context.audit();
    for batch in 0..9 {
        let seqs = batch * 7_500 + 1..=(batch + 1) * 7_500;
        let leaves = seqs.map(|seq| leaf("run-1", seq)).collect();
        audit.append(leaves).unwrap();
    }
    let size = audit.size().unwrap();
    assert_eq!(size, 67_500);
    assert!(audit.verify().unwrap().flaws.is_empty());
    assert_eq!(audit.verify().unwrap().root, audit.root(size).unwrap());
    for position in [0, 255, 256, 65_535, 65_536, 67_499] {
        let proof = audit.inclusion(position, size).unwrap();
        let leaf = audit.leaf(position).unwrap().to_bytes();
        let root = audit.root(size).unwrap();
        assert!(verify_inclusion(&leaf, position, size, &proof, root));
    }
}

#[test]
fn leaves_are_appended_once() {
    let context = memory();
    let audit = context.audit();
    let first = audit.append(vec![leaf("r", 1), leaf("r", 2)]).unwrap();
    let again = audit.append(vec![leaf("r", 2), leaf("r", 3)]).unwrap();
    assert_eq!((first, again), (vec![0, 1], vec![1, 2]));
    assert_eq!(audit.size().unwrap(), 3);
    let mut forged = leaf("r", 1);
    forged.kind = "approved".into();
    assert!(matches!(
        audit.append(vec![forged]).unwrap_err(),
        ContextError::Invalid { .. }
    ));
    assert_eq!(audit.leaf(0).unwrap(), leaf("r", 1));
}

#[test]
fn property_12_a_gap_in_a_run_is_reported() {
    let context = memory();
    let audit = context.audit();
    audit.append(vec![leaf("r", 1), leaf("r", 3)]).unwrap();
    assert!(matches!(
        audit.verify().unwrap().flaws[..],
        [Flaw::RunGap {
            expected: 2,
            found: 3,
            ..
        }]
    ));
}

#[test]
fn property_12_a_changed_row_of_a_commit_is_reported() {
    let mut place = Place::in_memory();
    let context = place.open();
    let receipt = context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    assert!(context.audit().verify().unwrap().flaws.is_empty());
    let mut key = vec![b'L', 0, 0, 0, 1];
    // The block of the commit stands under the key of its first row.
    key.extend_from_slice(&(receipt.snapshot.number() << 16).to_be_bytes());
    let mut row = place.store.reader().unwrap().get(&key).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    let mut batch = Batch::new();
    batch.put(key, row);
    place.store.commit(batch).unwrap();
    let flaws = context.audit().verify().unwrap().flaws;
    let of_the_commit = |flaw: &Flaw| matches!(flaw, Flaw::CommitRows { .. });
    assert!(flaws.iter().any(of_the_commit), "{flaws:?}");
}
