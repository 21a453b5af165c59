//! Writing: receipts, repeats, conflicts, refusals, and what a reopened store still knows.

use std::sync::Arc;

use layercake_context::store::{Batch, MemoryStore, RedbStore, Store};
use layercake_context::{
    Authority, Clash, Context, ContextError, EntityRef, Expect, FileVault, ItemId, MemoryVault,
    Observation, Op, Pattern, Recall, Repeated, Snapshot, Statement, Trust, Value, Vault,
    VaultError, Verdict, Version,
};

use crate::fixture::{Place, access, agent, commit, memory, moment, person, says};

fn judge(item: ItemId, verdict: Verdict) -> Op {
    Op::Judge { item, verdict }
}

#[test]
fn a_commit_is_read_back_with_its_provenance() {
    let context = memory();
    let mut wanted = commit([says("Ada", "works at", "Acme")]);
    wanted.provenance.run = Some("01J".into());
    wanted.provenance.task = Some("triage/classify[2]".into());
    wanted.provenance.attempt = 2;
    wanted.provenance.model_call = Some("call-7".into());
    let receipt = context.commit(&agent(), wanted.clone()).unwrap();
    let view = context.latest(&agent());
    let found = view.query(&Pattern::about("ada")).unwrap().assertions;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, receipt.ids[0]);
    assert_eq!(found[0].provenance, wanted.provenance);
    assert_eq!(found[0].trust, Trust::Candidate);
    assert_eq!(found[0].to_string(), "Ada · works at · Acme");
}

#[test]
fn the_same_key_gives_the_same_receipt_and_writes_nothing() {
    let context = memory();
    let first = commit([says("Ada", "likes", "tea")]).with_key("k");
    let receipt = context.commit(&agent(), first.clone()).unwrap();
    let mut later = first.clone();
    later.at = moment(99);
    let again = context.commit(&agent(), later).unwrap();
    assert_eq!(again.repeated, Repeated::Yes);
    assert_eq!(
        (again.snapshot, &again.ids),
        (receipt.snapshot, &receipt.ids)
    );
    assert_eq!(context.snapshot(), receipt.snapshot);
    let other = commit([says("Ada", "likes", "coffee")]).with_key("k");
    let refused = context.commit(&agent(), other.clone()).unwrap_err();
    assert!(matches!(refused, ContextError::KeyReused { .. }));
    let elsewhere = access("globex", Authority::Agent);
    assert_eq!(
        context.commit(&elsewhere, other).unwrap().repeated,
        Repeated::No
    );
}

#[test]
fn a_conflict_shows_what_is_there_now() {
    let context = memory();
    let expecting = |version| {
        commit([says("Ada", "works at", "Acme")]).expecting(Expect::Unchanged {
            subject: "Ada".into(),
            predicate: "works at".into(),
            version,
        })
    };
    let receipt = context
        .commit(&agent(), expecting(Version::Absent))
        .unwrap();
    let error = context
        .commit(&agent(), expecting(Version::Absent))
        .unwrap_err();
    let ContextError::Conflict(conflict) = error else {
        panic!("a conflict is expected, not {error}");
    };
    let current = Version::Commit(receipt.snapshot);
    let expected = Version::Absent;
    assert_eq!(conflict.clash, Clash::Version { expected, current });
    assert_eq!(conflict.assertions[0].id, receipt.ids[0]);
    assert_eq!(context.snapshot(), receipt.snapshot, "nothing was written");
    let current = context.latest(&agent()).version("Ada", "works at").unwrap();
    context.commit(&agent(), expecting(current)).unwrap();
}

#[test]
fn a_refused_commit_leaves_nothing_behind() {
    let context = memory();
    let nobody = EntityRef::Id("e9.9".parse().unwrap());
    let broken = commit([
        says("Ada", "likes", "tea"),
        Op::Assert(Statement::new(nobody, "likes", "tea")),
    ]);
    assert!(matches!(
        context.commit(&agent(), broken).unwrap_err(),
        ContextError::UnknownEntity { .. }
    ));
    assert_eq!(context.latest(&agent()).entity("Ada").unwrap(), None);
    context
        .commit(&agent(), commit([says("Bob", "likes", "tea")]))
        .unwrap();
    let view = context.latest(&agent());
    assert_eq!(
        view.query(&Pattern::anything()).unwrap().assertions.len(),
        1
    );
    assert!(context.audit().verify().unwrap().flaws.is_empty());
}

#[test]
fn only_a_person_accepts_rejects_and_takes_back_what_was_accepted() {
    let context = memory();
    let receipt = context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let item = receipt.ids[0];
    for verdict in [Verdict::Accept, Verdict::Reject] {
        assert!(matches!(
            context
                .commit(&agent(), commit([judge(item, verdict)]))
                .unwrap_err(),
            ContextError::NotAllowed { .. }
        ));
    }
    let accepted = context
        .commit(&person(), commit([judge(item, Verdict::Accept)]))
        .unwrap();
    assert!(matches!(
        context
            .commit(&agent(), commit([judge(item, Verdict::Retract)]))
            .unwrap_err(),
        ContextError::NotAllowed { .. }
    ));
    context
        .commit(&person(), commit([judge(item, Verdict::Retract)]))
        .unwrap();
    let trust_at = |snapshot: Snapshot| {
        let view = context.view(&agent(), snapshot).unwrap();
        view.assertion(item).unwrap().unwrap().trust
    };
    assert_eq!(trust_at(receipt.snapshot), Trust::Candidate);
    assert_eq!(trust_at(accepted.snapshot), Trust::Accepted);
    assert_eq!(trust_at(context.snapshot()), Trust::Retracted);
}

#[test]
fn a_correction_ends_the_old_belief_and_keeps_it_readable() {
    let context = memory();
    let old = context
        .commit(&agent(), commit([says("Ada", "age", "36")]))
        .unwrap();
    let fixed = Statement::new("Ada", "age", Value::Integer(37)).replacing(old.ids[0]);
    context
        .commit(&agent(), commit([Op::Assert(fixed)]))
        .unwrap();
    let view = context.latest(&agent());
    let now = view.as_of("Ada", moment(0)).unwrap();
    assert_eq!(now.len(), 1);
    assert_eq!(now[0].replaces, Some(old.ids[0]));
    assert_eq!(view.history("Ada", "age").unwrap().len(), 2);
    let then = context.view(&agent(), old.snapshot).unwrap();
    assert_eq!(then.as_of("Ada", moment(0)).unwrap()[0].id, old.ids[0]);
}

#[test]
fn trust_is_never_more_than_that_of_the_sources() {
    let context = memory();
    let seen = Observation {
        about: "Ada".into(),
        content: "I moved to Turin".into(),
        source: "mail:42".into(),
        observed_at: moment(5),
    };
    let receipt = context
        .commit(&agent(), commit([Op::Observe(seen)]))
        .unwrap();
    let derived = Statement::new("Ada", "lives in", "Turin").derived_from(receipt.ids);
    let middle = context
        .commit(&person(), commit([Op::Assert(derived)]))
        .unwrap();
    let far = Statement::new("Ada", "country", "Italy").derived_from(middle.ids.clone());
    let last = context
        .commit(&person(), commit([Op::Assert(far)]))
        .unwrap();
    let trust = || {
        let view = context.latest(&agent());
        view.assertion(last.ids[0]).unwrap().unwrap().trust
    };
    assert_eq!(trust(), Trust::Accepted);
    let doubt = commit([judge(middle.ids[0], Verdict::Dispute)]);
    context.commit(&agent(), doubt).unwrap();
    assert_eq!(trust(), Trust::Disputed);
    let evidence = context.latest(&agent());
    let seen = evidence.recall(&Recall::of("moved Turin")).unwrap();
    assert!(
        seen.items
            .iter()
            .any(|i| i.item.to_string().contains("moved"))
    );
}

#[test]
fn recall_says_why_and_keeps_to_its_budget() {
    let context = memory();
    context
        .commit(
            &agent(),
            commit([
                says("Acme", "refund policy", "refunds within 30 days"),
                says("Acme", "opening hours", "nine to five"),
                says("Globex", "refund policy", "no refunds at all"),
            ]),
        )
        .unwrap();
    let view = context.latest(&agent());
    let answer = view.recall(&Recall::of("refund policy of Acme")).unwrap();
    assert_eq!(
        answer.items[0].item.to_string(),
        "Acme · refund policy · refunds within 30 days"
    );
    let small = view
        .recall(&Recall::of("refund policy of Acme").tokens_max(answer.items[0].tokens))
        .unwrap();
    assert_eq!(small.items.len(), 1);
    assert!(small.left_out.over_budget > 0);
    assert!(view.recall(&Recall::of("")).unwrap().items.is_empty());
}

#[test]
fn scopes_do_not_see_each_other() {
    let context = memory();
    let (mine, theirs) = (agent(), access("globex", Authority::Person));
    let receipt = context
        .commit(&mine, commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let view = context.latest(&theirs);
    assert_eq!(view.entity("Ada").unwrap(), None);
    assert_eq!(view.assertion(receipt.ids[0]).unwrap(), None);
    let stolen = commit([judge(receipt.ids[0], Verdict::Reject)]);
    assert!(matches!(
        context.commit(&theirs, stolen).unwrap_err(),
        ContextError::UnknownItem { .. }
    ));
    assert_eq!(
        context.latest(&mine).as_of("Ada", moment(0)).unwrap().len(),
        1
    );
}

#[test]
fn a_reopened_store_knows_everything_and_counts_on() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let context = Context::open_folder(folder.path(), [1; 32]).unwrap();
        let wanted = commit([says("Ada", "likes", "tea")]).with_key("k");
        context.commit(&agent(), wanted).unwrap()
    };
    let context = Context::open_folder(folder.path(), [2; 32]).unwrap();
    assert_eq!(context.snapshot(), before.snapshot);
    let wanted = commit([says("Ada", "likes", "tea")]).with_key("k");
    let again = context.commit(&agent(), wanted).unwrap();
    assert_eq!(again.repeated, Repeated::Yes);
    context
        .commit(&agent(), commit([says("Bob", "likes", "tea")]))
        .unwrap();
    let view = context.latest(&agent());
    assert_eq!(view.recall(&Recall::of("tea")).unwrap().items.len(), 2);
    assert!(context.audit().verify().unwrap().flaws.is_empty());
}

#[test]
fn no_text_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    {
        let context = Context::open_folder(folder.path(), [1; 32]).unwrap();
        let wanted = commit([says("Zebulon", "prefers", "Quetzalcoatl")]);
        context.commit(&agent(), wanted).unwrap();
    }
    let file = std::fs::read(folder.path().join("context.redb")).unwrap();
    for text in ["Zebulon", "zebulon", "Quetzalcoatl", "quetzalcoatl"] {
        let found = file.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!found, "`{text}` stands in the file");
    }
}

#[test]
fn a_store_without_its_key_says_so() {
    let mut place = Place::in_memory();
    drop(place.open());
    let empty: Arc<dyn Vault> = Arc::new(MemoryVault::new());
    let error = Context::open(Arc::clone(&place.store), empty, [9; 32]).unwrap_err();
    assert!(matches!(error, ContextError::Vault(VaultError::Missing)));
    let folder = tempfile::tempdir().unwrap();
    let other = FileVault::at(folder.path().join("context.key"));
    drop(
        Context::open(
            Arc::new(MemoryStore::new()),
            Arc::new(FileVault::at(folder.path().join("context.key"))),
            [3; 32],
        )
        .unwrap(),
    );
    assert!(other.load().unwrap().is_some());
    let error = Context::open(Arc::clone(&place.store), Arc::new(other), [9; 32]).unwrap_err();
    assert!(matches!(error, ContextError::Vault(VaultError::WrongKey)));
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.redb");
    drop(Context::open_folder(folder.path(), [1; 32]).unwrap());
    {
        let store = RedbStore::open(&path).unwrap();
        let mut batch = Batch::new();
        batch.put(b"Mformat".to_vec(), 999_u64.to_be_bytes().to_vec());
        store.commit(batch).unwrap();
    }
    let error = Context::open_folder(folder.path(), [2; 32]).unwrap_err();
    assert!(matches!(
        error,
        ContextError::NewerFormat { found: 999, .. }
    ));
}

#[test]
fn many_threads_lose_nothing() {
    let context = memory();
    std::thread::scope(|threads| {
        for thread in 0..16 {
            let context = context.clone();
            threads.spawn(move || {
                for i in 0..25 {
                    let name = format!("n{thread}-{i}");
                    context
                        .commit(&agent(), commit([says(&name, "is", "here")]))
                        .unwrap();
                }
            });
        }
    });
    let all = context
        .latest(&agent())
        .query(&Pattern::anything().predicate("is").limit(1_000))
        .unwrap();
    assert_eq!(all.assertions.len(), 400);
    assert_eq!(context.snapshot().number(), 400);
    assert!(context.audit().verify().unwrap().flaws.is_empty());
}
