//! What every journal promises.

use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Epoch, Journal, JournalError, JournalReads, Parent, Publication, RedbJournal, Remedy,
    Scan, Snapshot, StoredDefinition, Trouble, Write,
};
use layercake_engine::{Digest, Payload, Phase, RecordKind, RunId, TaskKey, Timestamp};
use serde_json::json;

use super::sample::{
    definition, effect, finished, first_batch, large, question, record, row, run, started,
};

type Fresh<'a> = &'a dyn Fn() -> Arc<dyn Journal>;

/// Checks every promise, each on a fresh journal.
pub(crate) fn check_journal(fresh: Fresh<'_>) {
    let clauses: [fn(&dyn Journal, Epoch); 12] = [
        gives_back_what_was_appended,
        writes_all_or_nothing,
        refuses_a_gap,
        requires_a_row,
        fences_old_owners,
        keeps_keys,
        publishes_for_ever,
        finds_runs,
        knows_what_is_due_and_active,
        keeps_questions_until_they_are_closed,
        stores_large_values_once,
        removes_runs,
    ];
    for clause in clauses {
        let journal = fresh();
        let epoch = journal.claim().expect("a claim");
        clause(&*journal, epoch);
        assert_eq!(journal.check().expect("a check"), []);
        check_copy(&*journal);
    }
}

/// A copy holds the same.
fn check_copy(journal: &dyn Journal) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let target = folder.path().join("copy.redb");
    journal.copy_to(&target).expect("a copy");
    assert!(
        journal.copy_to(&target).is_err(),
        "a copy overwrites nothing"
    );
    let copy = RedbJournal::open(&target).expect("the copy opens");
    let all = Scan::newest(1000);
    let rows = journal.scan(&all).expect("rows");
    assert_eq!(copy.scan(&all).expect("rows"), rows);
    for row in rows {
        let records = |journal: &dyn Journal| journal.records(row.run, 1, 1000).expect("records");
        assert_eq!(records(&copy), records(journal));
    }
    assert_eq!(copy.check().expect("a check"), []);
}

fn append(journal: &dyn Journal, epoch: Epoch, batches: impl IntoIterator<Item = Batch>) {
    let writes: Vec<Write> = batches.into_iter().map(Write::from).collect();
    journal.append(epoch, &writes).expect("an append");
}

fn gives_back_what_was_appended(journal: &dyn Journal, epoch: Epoch) {
    let id = run(1);
    let first = vec![
        started(id, json!({"a": [1, 2.5, "ü", null]})),
        record(id, 2, RecordKind::TaskStarted),
    ];
    let second = vec![
        finished(id, 3, json!(1.0)),
        record(id, 4, RecordKind::TaskFinished),
    ];
    let snapshot = Snapshot {
        seq: 4,
        state: vec![1, 2, 3],
    };
    append(
        journal,
        epoch,
        [Batch::of_records(id, first.clone()).with_row(row(id))],
    );
    let mut batch = Batch::of_records(id, second.clone());
    batch.snapshot = Some(snapshot.clone());
    append(journal, epoch, [batch]);

    let all = [first, second].concat();
    let records = |from, limit| journal.records(id, from, limit).expect("records");
    assert_eq!(records(1, 100), all);
    assert_eq!(records(2, 100), all[1..]);
    assert_eq!(records(4, 100), all[3..]);
    assert_eq!(records(5, 100), []);
    assert!(!records(1, 1).is_empty());
    assert_eq!(journal.records(run(2), 1, 100).expect("records"), []);
    assert_eq!(journal.row(id).expect("a row").as_deref(), Some(&row(id)));
    assert_eq!(journal.snapshot(id).expect("a snapshot"), Some(snapshot));
    assert_eq!(journal.facts().expect("facts").runs, 1);
}

fn writes_all_or_nothing(journal: &dyn Journal, epoch: Epoch) {
    append(journal, epoch, [first_batch(run(1))]);
    let good = first_batch(run(2));
    let bad = Batch::of_records(run(1), vec![record(run(1), 5, RecordKind::TaskStarted)]);
    let result = journal.append(epoch, &[good.into(), bad.into()]);
    assert!(result.expect_err("a gap").is_refusal());
    assert_eq!(journal.row(run(2)).expect("a row"), None);
    assert_eq!(journal.records(run(2), 1, 10).expect("records"), []);
}

fn refuses_a_gap(journal: &dyn Journal, epoch: Epoch) {
    let id = run(1);
    append(journal, epoch, [first_batch(id)]);
    for seqs in [&[3_u64][..], &[1], &[2, 4], &[2, 2]] {
        let records = seqs
            .iter()
            .map(|seq| record(id, *seq, RecordKind::TaskStarted));
        let batch = Batch::of_records(id, records.collect());
        let error = journal.append(epoch, &[batch.into()]).expect_err("a gap");
        assert!(matches!(error, JournalError::OutOfOrder { .. }), "{error}");
    }
}

fn requires_a_row(journal: &dyn Journal, epoch: Epoch) {
    let batch = Batch::of_records(run(1), vec![started(run(1), json!(null))]);
    let error = journal.append(epoch, &[batch.into()]).expect_err("no row");
    assert!(matches!(error, JournalError::NoRow(id) if id == run(1)));
}

fn fences_old_owners(journal: &dyn Journal, old: Epoch) {
    let new = journal.claim().expect("a claim");
    assert!(new > old);
    let error = journal
        .append(old, &[first_batch(run(1)).into()])
        .expect_err("an old owner");
    assert!(
        matches!(error, JournalError::Fenced { held, current } if held == old && current == new)
    );
    assert_eq!(error.remedy(), Remedy::Stop);
    append(journal, new, [first_batch(run(1))]);
}

fn keeps_keys(journal: &dyn Journal, epoch: Epoch) {
    let keyed = |id: RunId| {
        let mut row = row(id);
        row.key = Some("invoice-17".to_owned());
        Batch::of_records(id, vec![started(id, json!(null))]).with_row(row)
    };
    append(journal, epoch, [keyed(run(1))]);
    assert_eq!(
        journal.run_of_key("invoice-17").expect("a key"),
        Some(run(1))
    );
    assert_eq!(journal.run_of_key("other").expect("a key"), None);
    let error = journal
        .append(epoch, &[keyed(run(2)).into()])
        .expect_err("taken");
    assert!(matches!(error, JournalError::KeyTaken { run: holder, .. } if holder == run(1)));
}

fn publishes_for_ever(journal: &dyn Journal, epoch: Epoch) {
    let define = |text: &str| {
        Write::Define(StoredDefinition {
            digest: Digest::of_bytes(text.as_bytes()),
            source: text.to_owned(),
        })
    };
    let publish = |name: &str, text: &str| {
        Write::Publish(Publication {
            name: name.to_owned(),
            digest: Digest::of_bytes(text.as_bytes()),
            published_at: Timestamp::from_millis(7),
        })
    };
    let error = journal
        .append(epoch, &[publish("a/b@1.0.0", "one")])
        .expect_err("no text");
    assert!(matches!(error, JournalError::UnknownDefinition(_)));
    let writes = [
        define("one"),
        define("two"),
        publish("a/b@1.0.0", "one"),
        publish("a/c@1.0.0", "two"),
    ];
    journal.append(epoch, &writes).expect("two publications");
    journal
        .append(epoch, &[publish("a/b@1.0.0", "one")])
        .expect("the same again");
    let error = journal
        .append(epoch, &[publish("a/b@1.0.0", "two")])
        .expect_err("immutable");
    assert!(matches!(error, JournalError::AlreadyPublished { .. }));
    let names = |prefix: &str| {
        let found = journal.routines(prefix, 10).expect("routines");
        found
            .into_iter()
            .map(|found| found.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["a/b@1.0.0", "a/c@1.0.0"]);
    assert_eq!(names("a/c@"), ["a/c@1.0.0"]);
    let source = journal
        .definition(Digest::of_bytes(b"one"))
        .expect("a definition");
    assert_eq!(source.as_deref(), Some("one"));
}

fn finds_runs(journal: &dyn Journal, epoch: Epoch) {
    for n in 1..=9 {
        let id = run(n);
        let mut row = row(id);
        row.phase = [Phase::Running, Phase::Waiting, Phase::Completed][(n % 3) as usize];
        row.name = format!("test/{}@1.0.0", if n < 5 { "early" } else { "late" });
        row.parent = (n > 6).then(|| (run(1), TaskKey::root()));
        row.attributes
            .insert("customer".to_owned(), format!("c{}", n % 2));
        row.trouble = (n == 4).then(|| Trouble::Unreadable {
            message: "why".to_owned(),
        });
        row.started_at = Timestamp::from_millis(n);
        append(
            journal,
            epoch,
            [Batch::of_records(id, vec![started(id, json!(n))]).with_row(row)],
        );
    }
    let check = |change: fn(&mut Scan), expected: &[u64]| {
        let mut scan = Scan::newest(4);
        change(&mut scan);
        let rows = journal.scan(&scan).expect("a scan");
        let found: Vec<RunId> = rows.iter().map(|row| row.run).collect();
        let expected: Vec<RunId> = expected.iter().map(|n| run(*n)).collect();
        assert_eq!(found, expected, "{scan:?}");
    };
    check(|_| {}, &[9, 8, 7, 6]);
    check(|scan| scan.before = Some(run(6)), &[5, 4, 3, 2]);
    check(|scan| scan.phases = [Phase::Waiting].into(), &[7, 4, 1]);
    check(
        |scan| scan.phases = [Phase::Waiting, Phase::Running].into(),
        &[9, 7, 6, 4],
    );
    check(
        |scan| scan.name_prefix = Some("test/early".to_owned()),
        &[4, 3, 2, 1],
    );
    check(|scan| scan.parent = Parent::Run(run(1)), &[9, 8, 7]);
    check(|scan| scan.parent = Parent::None, &[6, 5, 4, 3]);
    check(
        |scan| {
            scan.attributes
                .insert("customer".to_owned(), "c1".to_owned());
            scan.before = Some(run(8));
        },
        &[7, 5, 3, 1],
    );
    check(|scan| scan.troubled = true, &[4]);
    check(|scan| scan.since = Some(Timestamp::from_millis(8)), &[9, 8]);
    check(
        |scan| scan.id_prefix = Some(run(3).to_string().to_lowercase()),
        &[3],
    );
    check(|scan| scan.id_prefix = Some("not an id".to_owned()), &[]);
}

fn knows_what_is_due_and_active(journal: &dyn Journal, epoch: Epoch) {
    let due = |id: RunId, due: Option<u64>| {
        let mut row = row(id);
        row.active = due.is_none();
        row.due = due.map(Timestamp::from_millis);
        Batch::of_records(id, Vec::new()).with_row(row)
    };
    append(journal, epoch, (1..=4).map(|n| first_batch(run(n))));
    append(
        journal,
        epoch,
        [
            due(run(1), Some(30)),
            due(run(2), Some(10)),
            due(run(3), Some(20)),
        ],
    );
    let dues = |until, limit| {
        let until = Timestamp::from_millis(until);
        let found = journal.due(None, until, limit).expect("timers");
        found
            .into_iter()
            .map(|(at, id)| (at.as_millis(), id))
            .collect::<Vec<_>>()
    };
    assert_eq!(dues(9, 10), []);
    assert_eq!(dues(20, 10), [(10, run(2)), (20, run(3))]);
    assert_eq!(dues(u64::MAX, 1), [(10, run(2))]);
    let after = Some((Timestamp::from_millis(10), run(2)));
    let next = journal
        .due(after, Timestamp::from_millis(25), 10)
        .expect("timers");
    assert_eq!(next, [(Timestamp::from_millis(20), run(3))]);
    let none = journal
        .due(after, Timestamp::from_millis(10), 10)
        .expect("timers");
    assert_eq!(none, []);
    assert_eq!(journal.active(None, 10).expect("active"), [run(4)]);
    append(journal, epoch, [due(run(2), None), due(run(3), Some(40))]);
    assert_eq!(dues(u64::MAX, 10), [(30, run(1)), (40, run(3))]);
    assert_eq!(journal.active(None, 10).expect("active"), [run(2), run(4)]);
    assert_eq!(journal.active(Some(run(2)), 10).expect("active"), [run(4)]);
}

fn keeps_questions_until_they_are_closed(journal: &dyn Journal, epoch: Epoch) {
    append(journal, epoch, [first_batch(run(1)), first_batch(run(2))]);
    let mut first = Batch::of_records(run(1), Vec::new());
    first.opened = vec![question(run(1), "a")];
    let mut second = Batch::of_records(run(2), Vec::new());
    second.opened = vec![question(run(2), "b")];
    append(journal, epoch, [second, first]);
    let open = |run| journal.inbox(run, 10).expect("the inbox");
    assert_eq!(open(None), [question(run(1), "a"), question(run(2), "b")]);
    assert_eq!(open(Some(run(2))), [question(run(2), "b")]);
    let item = journal.inbox_item(effect(run(1), "a")).expect("a question");
    assert_eq!(item.as_deref(), Some(&question(run(1), "a")));
    let mut close = Batch::of_records(run(1), Vec::new());
    close.closed = vec![effect(run(1), "a")];
    append(journal, epoch, [close]);
    assert_eq!(open(None), [question(run(2), "b")]);
    assert_eq!(
        journal.inbox_item(effect(run(1), "a")).expect("a question"),
        None
    );
}

fn stores_large_values_once(journal: &dyn Journal, epoch: Epoch) {
    let id = run(1);
    let (value, evidence) = (large('v', 5000), large('e', 5000));
    let exact = json!({ "float": 1.0, "text": "f".repeat(5000) });
    let kind = RecordKind::EffectFinished {
        effect: effect(id, "step"),
        result: Ok(Payload::Inline(value.clone())),
        evidence: Some(Payload::Inline(evidence.clone())),
    };
    let records = vec![
        started(id, value.clone()),
        record(id, 2, kind),
        finished(id, 3, exact.clone()),
    ];
    append(
        journal,
        epoch,
        [Batch::of_records(id, records).with_row(row(id))],
    );
    let stored = journal.records(id, 1, 10).expect("records");
    let RecordKind::EffectFinished {
        result: Ok(result),
        evidence: Some(kept),
        ..
    } = &stored[1].kind
    else {
        panic!("the record is another one: {:?}", stored[1].kind);
    };
    assert_eq!(result.inline(), Some(&value), "the machine needs it");
    assert_eq!(kept.inline(), None, "evidence stays a reference");
    assert_eq!(
        journal.payload(kept.digest()).expect("a payload"),
        Some(evidence)
    );
    assert_eq!(
        journal
            .payload(Digest::of_value(&value))
            .expect("a payload"),
        Some(value)
    );
    assert_eq!(
        stored[2],
        finished(id, 3, exact),
        "every float comes back as it was"
    );

    let borrowed = RecordKind::Signalled {
        signal: "s".to_owned(),
        data: Payload::Stored {
            digest: definition(),
            size_bytes: 1000,
        },
    };
    let batch = Batch::of_records(id, vec![record(id, 4, borrowed)]);
    let error = journal
        .append(epoch, &[batch.into()])
        .expect_err("an unknown value");
    assert!(matches!(error, JournalError::UnknownPayload(_)), "{error}");
}

fn removes_runs(journal: &dyn Journal, epoch: Epoch) {
    let (shared, own) = (large('s', 3000), large('o', 3000));
    let batch = |n: u64, phase: Phase| {
        let id = run(n);
        let mut row = row(id);
        row.phase = phase;
        row.active = false;
        row.key = Some(format!("key-{n}"));
        row.due = Some(Timestamp::from_millis(n));
        row.attributes.insert("a".to_owned(), "b".to_owned());
        let mut records = vec![started(id, shared.clone())];
        if n == 1 {
            records.push(finished(id, 2, own.clone()));
        }
        let mut batch = Batch::of_records(id, records).with_row(row);
        batch.opened = vec![question(id, "q")];
        batch
    };
    let batches = [
        batch(1, Phase::Completed),
        batch(2, Phase::Faulted),
        batch(3, Phase::Waiting),
    ];
    append(journal, epoch, batches);
    let error = journal
        .append(epoch, &[Write::Remove(run(3))])
        .expect_err("it waits");
    assert!(matches!(error, JournalError::NotEnded(id) if id == run(3)));
    journal
        .append(epoch, &[Write::Remove(run(1)), Write::Remove(run(9))])
        .expect("a removal");
    assert_eq!(journal.row(run(1)).expect("a row"), None);
    assert_eq!(journal.records(run(1), 1, 10).expect("records"), []);
    assert_eq!(journal.run_of_key("key-1").expect("a key"), None);
    assert_eq!(journal.inbox(Some(run(1)), 10).expect("the inbox"), []);
    assert_eq!(
        journal.payload(Digest::of_value(&own)).expect("a payload"),
        None
    );
    assert!(
        journal
            .payload(Digest::of_value(&shared))
            .expect("a payload")
            .is_some()
    );
    assert_eq!(journal.records(run(2), 1, 10).expect("records").len(), 1);
    assert_eq!(journal.facts().expect("facts").runs, 2);
}
