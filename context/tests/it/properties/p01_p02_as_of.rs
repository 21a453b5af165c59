//! Properties 1 and 2: every question on both axes of time gives what a filter over the whole
//! history gives, on every index path, and goes on giving it.

use layercake_context::{EntityRef, ItemId, Pattern, Recall, Snapshot, Value, View};
use proptest::prelude::*;

use crate::fixture::{Place, moment, person};
use crate::model::{Model, PREDICATES, SUBJECTS, VALUES, step};

fn ids(view: &View, pattern: &Pattern) -> Vec<ItemId> {
    let found = view.query(pattern).unwrap().assertions;
    found.iter().map(|assertion| assertion.id).collect()
}

/// Compares every kind of question at one snapshot.
fn check_snapshot(model: &Model, view: &View, snapshot: Snapshot) {
    let live = |line: &_| model.is_live_at(line, snapshot);
    assert_eq!(ids(view, &Pattern::anything()), model.ids(live));
    for (s, subject) in SUBJECTS.into_iter().enumerate() {
        let class = model.class(s, snapshot);
        if view.entity(subject).unwrap().is_none() {
            continue;
        }
        for at in 0..16 {
            let found = view.as_of(subject, moment(at)).unwrap();
            let found: Vec<_> = found.iter().map(|a| a.id).collect();
            let expected = model.ids(|line| {
                class.contains(&line.subject) && live(line) && line.valid.contains(moment(at))
            });
            assert_eq!(found, expected, "{subject} at {at}, known at {snapshot}");
        }
        let about = Pattern::anything().object(EntityRef::from(subject));
        let expected = model.ids(|line| class.contains(&line.object) && live(line));
        assert_eq!(ids(view, &about), expected, "backwards from {subject}");
        for (p, predicate) in PREDICATES.into_iter().enumerate() {
            check_pair(model, view, snapshot, (&class, subject), (p, predicate));
        }
    }
    check_values(model, view, snapshot);
}

fn check_pair(
    model: &Model,
    view: &View,
    snapshot: Snapshot,
    (class, subject): (&[usize], &str),
    (p, predicate): (usize, &str),
) {
    let lines = || {
        let lines = model.lines.iter();
        lines.filter(|line| class.contains(&line.subject) && line.predicate == p)
    };
    let pattern = Pattern::about(subject).predicate(predicate);
    let live = lines().filter(|line| model.is_live_at(line, snapshot));
    assert_eq!(ids(view, &pattern), live.map(|l| l.id).collect::<Vec<_>>());
    let history = view.history(subject, predicate).unwrap();
    let history: Vec<_> = history.iter().map(|a| (a.id, a.trust)).collect();
    let expected = lines().filter_map(|l| Some((l.id, model.trust_at(l, snapshot)?)));
    assert_eq!(history, expected.collect::<Vec<_>>());
}

fn check_values(model: &Model, view: &View, snapshot: Snapshot) {
    for (v, value) in VALUES.into_iter().enumerate() {
        let object = v + SUBJECTS.len();
        let of_value = |line: &_| model.is_live_at(line, snapshot) && line.object == object;
        let loose = Value::from(format!("  {} ", value.to_uppercase()));
        let pattern = Pattern::anything().object(loose);
        assert_eq!(ids(view, &pattern), model.ids(of_value));
        let pattern = pattern.predicate(PREDICATES[0]);
        let expected = model.ids(|line| of_value(line) && line.predicate == 0);
        assert_eq!(ids(view, &pattern), expected);
    }
    let recalled = view.recall(&Recall::of("coffee").limit(100)).unwrap();
    let mut recalled: Vec<_> = recalled.items.iter().map(|i| i.item.id()).collect();
    recalled.sort();
    let with_coffee = SUBJECTS.len() + 1;
    let expected = model.ids(|line| line.object >= with_coffee && model.is_live_at(line, snapshot));
    assert_eq!(recalled, expected, "recall at {snapshot}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn property_01_as_of_equals_brute_force(
        steps in prop::collection::vec(step(), 1..28)
    ) {
        let context = Place::in_memory().open();
        let mut model = Model::default();
        for step in &steps {
            if let Some(receipt) = model.take(&context, step) {
                check_snapshot(&model, &context.latest(&person()), receipt.snapshot);
            }
        }
    }

    #[test]
    fn property_02_snapshots_stay_the_same(
        steps in prop::collection::vec(step(), 1..28)
    ) {
        let mut place = Place::in_memory();
        let context = place.open();
        let mut model = Model::default();
        for step in &steps {
            model.take(&context, step);
        }
        let last = context.snapshot();
        drop(context);
        for context in [place.open(), place.open_rebuilt()] {
            for number in 0..=last.number() {
                let snapshot = Snapshot::from_number(number);
                let view = context.view(&person(), snapshot).unwrap();
                check_snapshot(&model, &view, snapshot);
            }
        }
    }
}
