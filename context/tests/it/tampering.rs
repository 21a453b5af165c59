//! Ten thousand random changes of what is stored: of files, records, their order, the tail, keys
//! and approvals. Each is found, and the untouched store beside it passes.
//!
//! What is not covered, because nothing follows from it: the rows of idempotency keys (they only
//! let a commit be repeated), the watermark (a wrong one makes the opening do work again), and
//! keys of buckets in which nobody is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use layercake_context::audit::Checkpoint;
use layercake_context::store::{Batch, MemoryStore, RedbStore, Store};
use layercake_context::{
    Confidence, Context, FileVault, MemoryVault, Merge, Op, RootKey, Vault, Verdict,
};

use crate::fixture::{Place, commit, moment, person, provenance, says};
use crate::journal::{Journal, record};

const ORIGIN: &str = "layercake.example/acme";

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Everything that somebody with access to the host can change, and what was kept elsewhere.
#[derive(Clone)]
struct Evidence {
    rows: Rows,
    key: String,
    journal: Journal,
    kept: String,
}

fn write(context: &Context, journal: &Journal) {
    let merge = Merge {
        a: "Ada".into(),
        b: "Countess".into(),
        confidence: Confidence::FULL,
        derived_from: Vec::new(),
    };
    let ops = [
        says("Ada", "likes", "tea"),
        says("Countess", "writes", "notes"),
        says("Cyd", "likes", "secrets"),
        Op::Merge(merge),
        Op::Alias {
            entity: "Ada".into(),
            alias: "Lady A".into(),
        },
        Op::TakeLease {
            resource: "desk".into(),
            until: moment(100),
        },
    ];
    let receipt = context.commit(&person(), commit(ops)).unwrap();
    let judged = Op::Judge {
        item: receipt.ids[1],
        verdict: Verdict::Reject,
    };
    context.commit(&person(), commit([judged])).unwrap();
    context.audit().follow(journal).unwrap();
    context
        .forget(&person(), "Cyd", moment(9), provenance())
        .unwrap();
}

fn evidence(records: u64) -> Evidence {
    let mut place = Place::in_memory();
    let context = place.open();
    let journal = Journal::of(&[("run-1", records), ("run-2", 5)]);
    write(&context, &journal);
    let kept = context.audit().checkpoint(ORIGIN).unwrap().to_string();
    drop(context);
    Evidence {
        rows: place.raw().into_iter().collect(),
        key: place.vault.load().unwrap().unwrap().to_text(),
        journal,
        kept,
    }
}

/// Says whether anything is wrong: the store does not open, or one of the checks says so.
fn is_found(evidence: &Evidence) -> bool {
    let store = MemoryStore::new();
    let mut batch = Batch::new();
    for (key, value) in &evidence.rows {
        batch.put(key.clone(), value.clone());
    }
    store.commit(batch).unwrap();
    let vault = MemoryVault::new();
    let Some(key) = RootKey::from_text(&evidence.key) else {
        return true;
    };
    vault.replace(&key).unwrap();
    let Ok(context) = Context::open(Arc::new(store), Arc::new(vault), [99; 32]) else {
        return true;
    };
    is_wrong(&context, evidence)
}

fn is_wrong(context: &Context, evidence: &Evidence) -> bool {
    let audit = context.audit();
    let kept: Checkpoint = evidence.kept.parse().unwrap();
    !audit.verify().is_ok_and(|report| report.flaws.is_empty())
        || !audit
            .verify_checkpoint(&kept)
            .is_ok_and(|flaw| flaw.is_none())
        || !audit
            .verify_runs(&evidence.journal)
            .is_ok_and(|flaws| flaws.is_empty())
}

/// A small generator of numbers (splitmix64), so that a failing change can be made again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

fn counts(rows: &Rows, key: &[u8]) -> bool {
    let is_in_use = |bucket: &u8| rows.keys().any(|key| key.starts_with(&[b'K', *bucket]));
    match key {
        b"Mindexed" | [b'I', ..] => false,
        [b'U', 0, bucket] => is_in_use(bucket),
        _ => true,
    }
}

/// Changes one thing; says what.
fn change(evidence: &mut Evidence, dice: &mut Dice) -> String {
    let keys: Vec<_> = evidence
        .rows
        .keys()
        .filter(|key| counts(&evidence.rows, key))
        .cloned()
        .collect();
    let key = keys[dice.below(keys.len())].clone();
    match dice.below(10) {
        0..4 => flip(evidence, &key, dice),
        4 => {
            evidence.rows.remove(&key);
            format!("row {key:02x?} removed")
        }
        5 => swap(evidence, &keys, &key, dice),
        6 => cut_the_tail(evidence, dice),
        7 => change_the_key(evidence, dice),
        8 => change_the_journal(evidence, dice),
        _ => rewrite(evidence, dice),
    }
}

fn flip(evidence: &mut Evidence, key: &[u8], dice: &mut Dice) -> String {
    let row = evidence.rows.get_mut(key).unwrap();
    if row.is_empty() {
        row.push(dice.below(256) as u8);
        return format!("row {key:02x?} got a byte");
    }
    let at = dice.below(row.len());
    row[at] ^= 1 << dice.below(8);
    format!("row {key:02x?} changed at {at}")
}

fn swap(evidence: &mut Evidence, keys: &[Vec<u8>], key: &[u8], dice: &mut Dice) -> String {
    let value = evidence.rows[key].clone();
    let of_table: Vec<_> = keys
        .iter()
        .filter(|other| other[0] == key[0] && evidence.rows[*other] != value)
        .collect();
    if of_table.is_empty() {
        return flip(evidence, key, dice);
    }
    let other = of_table[dice.below(of_table.len())].clone();
    let others = evidence.rows.insert(other.clone(), value).unwrap();
    evidence.rows.insert(key.to_vec(), others);
    format!("rows {key:02x?} and {other:02x?} swapped")
}

fn cut_the_tail(evidence: &mut Evidence, dice: &mut Dice) -> String {
    let leaves: Vec<_> = evidence
        .rows
        .keys()
        .filter(|key| key[0] == b'a')
        .cloned()
        .collect();
    let cut = 1 + dice.below(leaves.len().min(20));
    for key in leaves.iter().rev().take(cut) {
        evidence.rows.remove(key);
    }
    format!("{cut} leaves cut off")
}

fn change_the_key(evidence: &mut Evidence, dice: &mut Dice) -> String {
    let mut lines: Vec<_> = evidence.key.lines().map(str::to_owned).collect();
    let at = dice.below(64);
    let digit = u8::from_str_radix(&lines[2][at..=at], 16).unwrap();
    let other = format!("{:x}", digit ^ (1 << dice.below(4)));
    lines[2].replace_range(at..=at, &other);
    evidence.key = lines.join("\n");
    format!("digit {at} of the key changed")
}

fn change_the_journal(evidence: &mut Evidence, dice: &mut Dice) -> String {
    let leaves = evidence.journal.runs.get_mut("run-1").unwrap();
    let at = dice.below(leaves.len() - 1);
    match dice.below(5) {
        0 => leaves[at].kind.push('x'),
        1 => drop(leaves.remove(at)),
        2 => leaves.swap(at, at + 1),
        3 => leaves[at].decision = Some("denied".into()),
        _ => {
            let seq = leaves.len() as u64 + 1;
            leaves.push(record("run-1", seq));
        }
    }
    format!("the journal changed at {at}")
}

/// The owner of the host writes everything anew, consistent in itself: a store with another
/// approval, or without the last records, under fresh keys of their own.
fn rewrite(evidence: &mut Evidence, dice: &mut Dice) -> String {
    let mut forged = evidence.journal.clone();
    let leaves = forged.runs.get_mut("run-1").unwrap();
    let at = dice.below(leaves.len());
    let drops = dice.below(2) == 0;
    if drops {
        leaves.truncate(at);
    } else {
        leaves[at].commitments[0].name.push_str("-other");
    }
    let mut place = Place::in_memory();
    let context = place.open();
    write(&context, &forged);
    drop(context);
    evidence.rows = place.raw().into_iter().collect();
    evidence.key = place.vault.load().unwrap().unwrap().to_text();
    // Half of the time the journal is forged as well; then only the checkpoint tells.
    if dice.below(2) == 0 {
        evidence.journal = forged;
    }
    format!("everything written anew, with record {at} changed")
}

fn check(records: u64, seeds: std::ops::Range<u64>) {
    let untouched = evidence(records);
    for seed in seeds {
        assert!(!is_found(&untouched), "the control of {seed}");
        let mut evidence = untouched.clone();
        let what = change(&mut evidence, &mut Dice(seed));
        assert!(is_found(&evidence), "seed {seed}: {what}");
    }
}

#[test]
fn ten_thousand_random_changes_are_found() {
    std::thread::scope(|threads| {
        for part in 0..4 {
            threads.spawn(move || check(7, part * 2_450..(part + 1) * 2_450));
        }
        threads.spawn(|| check(300, 9_800..9_960));
    });
}

/// Changes of the bytes of the file itself, where they lie in rows that count.
#[test]
fn changed_bytes_of_the_file_are_found() {
    let untouched = evidence(7);
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.redb");
        let store = RedbStore::open(&path).unwrap();
        let mut batch = Batch::new();
        for (key, value) in &untouched.rows {
            batch.put(key.clone(), value.clone());
        }
        store.commit(batch).unwrap();
        drop(store);
        let vault = FileVault::at(folder.path().join("context.key"));
        vault
            .replace(&RootKey::from_text(&untouched.key).unwrap())
            .unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let rows: Vec<_> = untouched
            .rows
            .iter()
            .filter(|(k, v)| counts(&untouched.rows, k) && v.len() > 20)
            .collect();
        let row = rows[dice.below(rows.len())].1;
        let at = bytes
            .windows(row.len())
            .position(|window| window == row)
            .unwrap();
        if seed > 0 {
            bytes[at + dice.below(row.len())] ^= 1 << dice.below(8);
        }
        std::fs::write(&path, bytes).unwrap();
        let opened = Context::open_folder(folder.path(), [98; 32]);
        let found = opened.map_or(true, |context| is_wrong(&context, &untouched));
        assert_eq!(found, seed > 0, "seed {seed}; 0 is the control");
    }
}
