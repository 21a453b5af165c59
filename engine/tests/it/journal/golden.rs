//! Stores as earlier versions left them: each opens, is brought up to date, and says the same.
//!
//! `tests/data/store-format-N` is a store that the version with format N wrote with [`fill`],
//! and what it must say: `contents.json`. Nothing there is ever changed; a new format adds a
//! folder. `LAYERCAKE_GOLDEN=DIR cargo test … journal::golden` writes one of this version.

mod fill;

use std::path::{Path, PathBuf};

use layercake_engine::journal::{Journal, JournalReads, Query, RedbJournal, Scan};
use layercake_engine::{Digest, Record, RunId, Timestamp};
use serde_json::{Value, json};

use super::sample::run;

/// What a store says, as JSON.
fn contents(journal: &dyn Journal) -> Value {
    let rows = journal.scan(&Scan::newest(100)).expect("rows");
    let records = |run: RunId| -> Vec<Record> { journal.records(run, 1, 1000).expect("records") };
    let runs: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "row": row, "records": records(row.run) }))
        .collect();
    let answers = [
        Query::Key("once".to_owned()),
        Query::Active {
            after: None,
            limit: 10,
        },
        Query::Due {
            after: None,
            until: Timestamp::from_millis(u64::MAX),
            limit: 10,
        },
        Query::Snapshot(run(1)),
        Query::Taken {
            run: run(1),
            mark: Digest::of_bytes(b"a signal"),
        },
        Query::Routines {
            prefix: "golden/".to_owned(),
            limit: 10,
        },
    ]
    .map(|query| format!("{:?}", journal.ask(&query).expect("an answer")));
    let publications = journal.routines("golden/", 10).expect("routines");
    let sources: Vec<_> = publications
        .iter()
        .map(|publication| journal.definition(publication.digest).expect("a text"))
        .collect();
    let inbox = journal.inbox(None, 10).expect("questions");
    json!({ "runs": runs, "answers": answers, "sources": sources, "inbox": inbox })
}

/// Says where `actual` does not say all that `expected` says; it may say more.
fn difference(expected: &Value, actual: &Value, place: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().find_map(|(name, expected)| {
                let place = format!("{place}/{name}");
                match actual.get(name) {
                    Some(actual) => difference(expected, actual, &place),
                    None => Some(format!("{place} is missing")),
                }
            })
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            let pairs = expected.iter().zip(actual).enumerate();
            pairs
                .map(|(i, (expected, actual))| {
                    difference(expected, actual, &format!("{place}/{i}"))
                })
                .find_map(|found| found)
        }
        _ if expected == actual => None,
        _ => Some(format!("{place}: expected {expected}, actual {actual}")),
    }
}

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder)
}

/// Opens a copy of a golden store twice: as it is, and once it has been brought up to date.
fn check(folder: &str) {
    let golden = data(folder);
    let expected = std::fs::read_to_string(golden.join("contents.json")).expect("what it says");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = scratch.path().join("journal.redb");
    for name in ["journal.redb", "journal.wal"] {
        if golden.join(name).exists() {
            std::fs::copy(golden.join(name), scratch.path().join(name)).expect("a copy");
        }
    }
    for _ in 0..2 {
        let journal = RedbJournal::open(&path).expect("it opens");
        assert_eq!(journal.check().expect("a check"), []);
        let actual = contents(&journal);
        assert_eq!(difference(&expected, &actual, ""), None);
        // It goes on as any other store does.
        let epoch = journal.claim().expect("a claim");
        journal.append(epoch, &[]).expect("an append");
        let format = journal.facts().expect("facts").format;
        assert_eq!(format, layercake_engine::journal::format::VERSION);
    }
}

#[test]
fn a_store_of_format_1_is_brought_up_to_date() {
    check("store-format-1");
}

#[test]
fn a_store_of_format_2_says_the_same() {
    check("store-format-2");
}

#[test]
fn a_store_of_format_2_that_a_crash_left_says_the_same() {
    check("store-format-2-crashed");
}

/// Writes a golden store of this version: one that ended well, one as a crash leaves it.
#[test]
fn a_store_of_this_version_says_what_the_golden_ones_say() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = std::env::var_os("LAYERCAKE_GOLDEN").map_or(scratch.path().into(), PathBuf::from);
    let crashed = folder.join("crashed");
    std::fs::create_dir_all(&crashed).expect("a folder");
    let journal = RedbJournal::open(&folder.join("journal.redb")).expect("a store");
    fill::fill(&journal);
    let now = contents(&journal);
    for name in ["journal.redb", "journal.wal"] {
        std::fs::copy(folder.join(name), crashed.join(name)).expect("a copy");
    }
    drop(journal);
    let text = serde_json::to_string_pretty(&now).expect("it is JSON");
    for folder in [&folder, &crashed] {
        std::fs::write(folder.join("contents.json"), &text).expect("a file");
    }
    let golden = std::fs::read_to_string(data("store-format-1").join("contents.json"));
    let golden = serde_json::from_str(&golden.expect("what it says")).expect("JSON");
    assert_eq!(difference(&golden, &now, ""), None);
}
