//! Property 7: merging two entities and taking it back restores exactly what was before.

use layercake_context::view::Walk;
use layercake_context::{Confidence, Context, Merge, Op, Pattern, Recall, Trust, Verdict, View};
use proptest::prelude::*;

use crate::fixture::{Place, agent, commit, memory, moment, person, says};
use crate::model::{Model, PREDICATES, SUBJECTS, step};

fn merge(a: &str, b: &str) -> Op {
    Op::Merge(Merge {
        a: a.into(),
        b: b.into(),
        confidence: Confidence {
            extraction_permille: 900,
            source_permille: 1000,
        },
        derived_from: Vec::new(),
    })
}

/// Every answer that a merge could change, as text.
fn answers(view: &View) -> String {
    let mut text = String::new();
    for subject in SUBJECTS {
        let about = view.query(&Pattern::about(subject)).unwrap();
        let around = view.neighbours(subject, &Walk::hops(3)).ok();
        text += &format!("{about:?} {around:?}");
        for predicate in PREDICATES {
            text += &format!("{:?}", view.history(subject, predicate).unwrap());
        }
    }
    let recalled = view.recall(&Recall::of("tea coffee")).unwrap().items;
    text + &format!("{recalled:?}")
}

fn judge(context: &Context, item: layercake_context::ItemId, verdict: Verdict) {
    let op = Op::Judge { item, verdict };
    context.commit(&person(), commit([op])).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_07_taking_a_merge_back_restores_all_answers(
        steps in prop::collection::vec(step(), 1..24),
        a in 0..SUBJECTS.len(),
        b in 0..SUBJECTS.len(),
    ) {
        prop_assume!(a != b);
        let context = Place::in_memory().open();
        let mut model = Model::default();
        for subject in SUBJECTS {
            context.commit(&person(), commit([says(subject, "kind", "person")])).unwrap();
        }
        for step in &steps {
            model.take(&context, step);
        }
        let before = answers(&context.latest(&person()));
        let op = merge(SUBJECTS[a], SUBJECTS[b]);
        let receipt = context.commit(&person(), commit([op])).unwrap();
        let merged = answers(&context.latest(&person()));
        let was_same = model.class(a, context.snapshot()).contains(&b);
        prop_assert!(was_same || merged != before, "a merge shows");
        judge(&context, receipt.ids[0], Verdict::Retract);
        prop_assert_eq!(answers(&context.latest(&person())), before);
    }
}

#[test]
fn property_07_a_merge_that_an_agent_proposes_waits_for_a_person() {
    let context = memory();
    let ops = [
        says("Ada", "likes", "tea"),
        says("A. Lovelace", "likes", "horses"),
        merge("Ada", "A. Lovelace"),
    ];
    let receipt = context.commit(&agent(), commit(ops)).unwrap();
    let about = |context: &Context| {
        let view = context.latest(&agent());
        view.as_of("Ada", moment(0)).unwrap().len()
    };
    assert_eq!(about(&context), 1);
    judge(&context, receipt.ids[2], Verdict::Accept);
    assert_eq!(about(&context), 2);
    let merges = Pattern::about("Ada").predicate("layercake:same-as");
    let shown = context.latest(&agent()).query(&merges).unwrap();
    assert_eq!(shown.assertions[0].trust, Trust::Accepted);
    assert_eq!(shown.assertions[0].confidence.permille(), 900);
}

#[test]
fn property_07_an_alias_finds_the_entity_until_it_is_taken_back() {
    let context = memory();
    context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let alias = Op::Alias {
        entity: "Ada".into(),
        alias: "The Countess".into(),
    };
    let receipt = context.commit(&agent(), commit([alias])).unwrap();
    let find = |name: &str| context.latest(&agent()).entity(name).unwrap();
    assert_eq!(find("the countess").map(|e| e.name).as_deref(), Some("Ada"));
    judge(&context, receipt.ids[0], Verdict::Retract);
    assert_eq!(find("the countess"), None);
    let then = context.view(&agent(), receipt.snapshot).unwrap();
    assert!(then.entity("the countess").unwrap().is_some());
}
