//! Property 9: nothing under one scope shows or changes anything of another, not even by
//! counts, ranks or errors.

use layercake_context::feed::Filter;
use layercake_context::view::{Situation, Walk};
use layercake_context::{
    Access, Authority, Context, Op, Pattern, Recall, Scope, Snapshot, Verdict,
};
use proptest::prelude::*;

use crate::fixture::{Place, access, commit, moment, provenance, says};
use crate::model::{Model, PREDICATES, SUBJECTS, step};

/// Everything that one scope can be asked, as text.
fn answers(context: &Context, access: &Access) -> String {
    let view = context.latest(access);
    let mut text = format!("{:?}", view.query(&Pattern::anything()).unwrap());
    for question in ["tea", "strong coffee Ada", "knows likes"] {
        let answer = view.recall(&Recall::of(question)).unwrap();
        text += &format!("{:?} {:?}", answer.items, answer.left_out);
    }
    for subject in SUBJECTS {
        text += &format!("{:?}", view.entity(subject).unwrap());
        text += &format!(
            "{:?}",
            view.neighbours(subject, &Walk::hops(2))
                .map_err(|e| e.to_string())
        );
        for predicate in PREDICATES {
            text += &format!("{:?}", view.history(subject, predicate).unwrap());
            text += &format!("{:?}", view.version(subject, predicate).unwrap());
        }
        let situation = Situation {
            about: subject.into(),
            action: "call".into(),
            at: moment(0),
        };
        text += &format!("{:?}", view.advise(&situation).unwrap());
    }
    let changes = context.changes(access, Snapshot::default(), &Filter::default());
    text + &format!("{:?}", changes.unwrap().changes)
}

fn scopes() -> Vec<Access> {
    let tenant = || Scope::tenant("acme").unwrap();
    let scopes = [
        tenant(),
        tenant().project("office").unwrap(),
        tenant().project("office").unwrap().agent("clerk").unwrap(),
        tenant().run("01J").unwrap(),
        Scope::tenant("globex").unwrap(),
    ];
    let access = |scope| Access::new(scope, Authority::Person);
    scopes.into_iter().map(access).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn property_09_nothing_of_one_scope_shows_in_another(
        mine in prop::collection::vec(step(), 1..12),
        theirs in prop::collection::vec(step(), 1..12),
    ) {
        let context = Place::in_memory().open();
        let mut model = Model::default();
        let me = access("acme", Authority::Person);
        for step in &mine {
            model.take(&context, step);
        }
        let before = answers(&context, &me);
        for other in scopes().into_iter().skip(1) {
            let mut model = Model::in_scope(other.clone());
            for step in &theirs {
                model.take(&context, step);
            }
            let seen = answers(&context, &other);
            prop_assert!(model.lines.is_empty() || seen.contains("Assertion"), "a control");
        }
        prop_assert_eq!(answers(&context, &me), before);
    }
}

#[test]
fn property_09_ids_of_another_scope_mean_nothing() {
    let context = Place::in_memory().open();
    let (mine, theirs) = (
        access("acme", Authority::Person),
        access("globex", Authority::Person),
    );
    let receipt = context
        .commit(&mine, commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let item = receipt.ids[0];
    let ada = context.latest(&mine).entity("Ada").unwrap().unwrap();
    let their_view = context.latest(&theirs);
    assert_eq!(their_view.assertion(item).unwrap(), None);
    assert_eq!(their_view.entity(ada.id).unwrap(), None);
    let before = answers(&context, &mine);
    let stolen = |op| {
        let error = context.commit(&theirs, commit([op])).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("Ada") && !text.contains("tea"), "{text}");
    };
    for verdict in [Verdict::Accept, Verdict::Reject, Verdict::Retract] {
        stolen(Op::Judge { item, verdict });
    }
    stolen(Op::Assert(layercake_context::Statement::new(
        ada.id, "likes", "coffee",
    )));
    stolen(Op::Assert(
        layercake_context::Statement::new("Bob", "likes", "coffee").derived_from([item]),
    ));
    let forgotten = context.forget(&theirs, ada.id, moment(0), provenance());
    assert!(forgotten.is_err());
    assert_eq!(answers(&context, &mine), before);
}
