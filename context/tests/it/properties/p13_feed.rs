//! Property 13: the feed shows every change, in order and without gaps, from any cursor, while
//! others write, and over restarts.

use std::time::Duration;

use layercake_context::feed::{Change, Event, Filter};
use layercake_context::{Context, Snapshot};
use proptest::prelude::*;

use crate::fixture::{Place, agent, commit, memory, person, says};
use crate::model::{Model, step};

/// Reads the feed from a cursor to its end.
fn read(context: &Context, mut cursor: Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let next = context
            .changes(&person(), cursor, &Filter::default())
            .unwrap();
        if next.changes.is_empty() && next.cursor == cursor {
            return changes;
        }
        assert!(next.cursor >= cursor, "the cursor only rises");
        cursor = next.cursor;
        changes.extend(next.changes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn property_13_from_any_cursor_the_rest_follows(
        steps in prop::collection::vec(step(), 1..24)
    ) {
        let mut place = Place::in_memory();
        let context = place.open();
        let mut model = Model::default();
        for step in &steps {
            model.take(&context, step);
        }
        let all = read(&context, Snapshot::default());
        let commits: Vec<_> = all.iter().map(|change| change.commit).collect();
        prop_assert!(commits.is_sorted());
        let asserted = all.iter().filter_map(|change| match &change.event {
            Event::Asserted(assertion) => Some(assertion.id),
            _ => None,
        });
        let callers = asserted.filter(|id| model.lines.iter().any(|line| line.id == *id));
        prop_assert_eq!(callers.collect::<Vec<_>>(), model.ids(|_| true));
        drop(context);
        let context = place.open();
        for number in 0..=context.snapshot().number() {
            let cursor = Snapshot::from_number(number);
            let rest: Vec<_> = all.iter().filter(|c| c.commit > cursor).cloned().collect();
            prop_assert_eq!(read(&context, cursor), rest);
        }
    }
}

#[test]
fn property_13_a_reader_that_waits_misses_nothing() {
    const WRITES: u64 = 200;
    let context = memory();
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut cursor = Snapshot::default();
            let mut seen = Vec::new();
            while seen.len() < WRITES as usize {
                context.wait(cursor, Duration::from_secs(10));
                let next = context
                    .changes(&agent(), cursor, &Filter::default())
                    .unwrap();
                cursor = next.cursor;
                seen.extend(
                    next.changes
                        .into_iter()
                        .filter_map(|change| match change.event {
                            Event::Asserted(_) => Some(change.commit.number()),
                            _ => None,
                        }),
                );
            }
            seen
        });
        for i in 0..WRITES {
            let fact = says(&format!("n{i}"), "is", "here");
            context.commit(&agent(), commit([fact])).unwrap();
        }
        assert_eq!(reader.join().unwrap(), (1..=WRITES).collect::<Vec<_>>());
    });
    let nothing_new = context.wait(context.snapshot(), Duration::from_millis(1));
    assert_eq!(nothing_new, context.snapshot());
}

#[test]
fn property_13_a_large_history_comes_in_whole_commits() {
    let context = memory();
    for batch in 0..4 {
        let facts = (0..2_000).map(|i| says(&format!("n{batch}-{i}"), "is", "here"));
        context.commit(&agent(), commit(facts)).unwrap();
    }
    let first = context
        .changes(&agent(), Snapshot::default(), &Filter::default())
        .unwrap();
    assert!(first.cursor < context.snapshot(), "the answer is bounded");
    let last = first.changes.last().unwrap();
    assert_eq!(last.commit, first.cursor);
    let asserted = |changes: &[Change]| {
        let asserted = changes.iter();
        asserted
            .filter(|c| matches!(c.event, Event::Asserted(_)))
            .count()
    };
    let rest = context
        .changes(&agent(), first.cursor, &Filter::default())
        .unwrap();
    assert_eq!(asserted(&first.changes) + asserted(&rest.changes), 8_000);
}

#[test]
fn property_13_a_filter_shows_its_subject_and_predicate_only() {
    let context = memory();
    let facts = [
        says("Ada", "likes", "tea"),
        says("Ada", "knows", "Bob"),
        says("Bob", "likes", "tea"),
    ];
    context.commit(&agent(), commit(facts)).unwrap();
    let count = |subject: Option<&str>, predicate: Option<&str>| {
        let filter = Filter {
            subject: subject.map(Into::into),
            predicate: predicate.map(Into::into),
        };
        let found = context
            .changes(&agent(), Snapshot::default(), &filter)
            .unwrap();
        let asserted = found.changes.iter();
        asserted
            .filter(|c| matches!(c.event, Event::Asserted(_)))
            .count()
    };
    assert_eq!(count(None, None), 3);
    assert_eq!(count(Some("Ada"), None), 2);
    assert_eq!(count(None, Some("likes")), 2);
    assert_eq!(count(Some("ada"), Some("likes")), 1);
    assert_eq!(count(Some("Nobody"), None), 0);
}
