//! A store that an earlier build wrote is read by this one: the rows are kept in the repository
//! as text, with the key that opens them. When this test fails, the stored format has changed:
//! the number of the format goes up, and a new file is written beside the old one.

use std::sync::Arc;

use layercake_context::store::{Batch, MemoryStore, Store};
use layercake_context::{
    Context, ContextError, MemoryVault, Observation, Op, Pattern, Policy, Recall, Recommendation,
    RootKey, Snapshot, Stance, Vault, Verdict,
};

use crate::fixture::{Place, commit, moment, person, provenance, says};

const FORMAT_2: &str = include_str!("../data/store-format-2.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.as_bytes().chunks(2).collect();
    let byte = |pair: &&[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.iter().map(byte).collect()
}

/// A bit of everything, always the same.
fn write(context: &Context) {
    let observation = Observation {
        about: "Ada".into(),
        content: "wrote a note".into(),
        source: "mail:1".into(),
        observed_at: moment(2),
    };
    let recommendation = Recommendation {
        about: "Ada".into(),
        action: "send flowers".into(),
        stance: Stance::Take,
        rationale: Vec::new(),
        expires: moment(1_000),
    };
    let ops = [
        says("Ada", "likes", "green tea"),
        says("Bob", "likes", "coffee"),
        Op::Alias {
            entity: "Ada".into(),
            alias: "the Countess".into(),
        },
        Op::Declare {
            predicate: "title".into(),
            policy: Policy::LastWins,
        },
        Op::Observe(observation),
        Op::Recommend(recommendation),
        Op::TakeLease {
            resource: "desk".into(),
            until: moment(100),
        },
    ];
    let receipt = context
        .commit(&person(), commit(ops).with_key("one"))
        .unwrap();
    let judged = Op::Judge {
        item: receipt.ids[1],
        verdict: Verdict::Reject,
    };
    context.commit(&person(), commit([judged])).unwrap();
    context
        .commit(&person(), commit([says("Cyd", "likes", "mango")]))
        .unwrap();
    context
        .forget(&person(), "Cyd", moment(9), provenance())
        .unwrap();
}

/// The file is made by this function: print its result when the format has changed.
fn as_text(place: &Place, key: &RootKey) -> String {
    let mut text = key.to_text();
    for (key, value) in place.raw() {
        text += &format!("{} {}\n", hex(&key), hex(&value));
    }
    text
}

fn open(text: &str) -> Result<Context, ContextError> {
    let (key, rows) = text.split_at(text.match_indices('\n').nth(2).unwrap().0 + 1);
    let vault = MemoryVault::new();
    vault.replace(&RootKey::from_text(key).unwrap()).unwrap();
    let store = MemoryStore::new();
    let mut batch = Batch::new();
    for row in rows.lines() {
        let (key, value) = row.split_once(' ').unwrap();
        batch.put(unhex(key), unhex(value));
    }
    store.commit(batch).unwrap();
    Context::open(Arc::new(store), Arc::new(vault), [9; 32])
}

fn check(context: &Context) {
    let view = context.view(&person(), Snapshot::from_number(4)).unwrap();
    let all = view.query(&Pattern::anything()).unwrap().assertions;
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["Ada · likes · green tea"]);
    assert_eq!(view.entity("the countess").unwrap().unwrap().name, "Ada");
    let notes = view.recall(&Recall::of("who wrote flowers mango")).unwrap();
    let notes: Vec<_> = notes
        .items
        .iter()
        .map(|item| item.item.to_string())
        .collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes.contains(&"Ada · seen · wrote a note".to_owned()));
    let again = context.commit(&person(), commit([says("Bob", "likes", "coffee")]));
    assert!(matches!(again.unwrap_err(), ContextError::Banned { .. }));
    assert_eq!(context.audit().verify().unwrap().flaws, []);
    context
        .commit(&person(), commit([says("Dan", "likes", "rain")]))
        .unwrap();
}

#[test]
fn a_store_of_format_2_is_read() {
    check(&open(FORMAT_2).unwrap());
}

#[test]
fn this_version_writes_format_2() {
    let mut place = Place::in_memory();
    let context = place.open();
    write(&context);
    drop(context);
    let key = place.vault.load().unwrap().unwrap();
    let written = as_text(&place, &key);
    assert_eq!(
        written, FORMAT_2,
        "the stored bytes have changed:\n{written}"
    );
}

#[test]
fn a_store_of_format_1_is_refused_with_a_way_out() {
    let old = FORMAT_2.replace(
        "4d666f726d6174 0000000000000002",
        "4d666f726d6174 0000000000000001",
    );
    assert_ne!(old, FORMAT_2);
    let error = open(&old).unwrap_err();
    assert!(matches!(error, ContextError::OlderFormat { found: 1, .. }));
    assert!(error.remedy().to_string().contains("export"));
}
