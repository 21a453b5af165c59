//! Property 3: all indexes can be thrown away and made again from the log, and are the same.

use layercake_context::{
    Op, Outcome, OutcomeResult, Pattern, Policy, Recall, Recommendation, Stance,
};
use proptest::prelude::*;

use crate::fixture::{Place, commit, moment, person, provenance, says};
use crate::model::{Model, step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn property_03_rebuilt_indexes_are_the_same(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut place = Place::in_memory();
        let context = place.open();
        context.commit(&person(), commit(everything_else())).unwrap();
        let mut model = Model::default();
        for step in &steps {
            model.take(&context, step);
        }
        drop(context);
        let before = place.dump();
        drop(place.open_rebuilt());
        prop_assert_eq!(before, place.dump());
    }
}

/// One of every operation that the random histories do not have.
fn everything_else() -> Vec<Op> {
    vec![
        says("Eve", "title", "Countess"),
        Op::Declare {
            predicate: "title".into(),
            policy: Policy::LastWins,
        },
        Op::Alias {
            entity: "Eve".into(),
            alias: "the Countess".into(),
        },
        says("Eve", "title", "Duchess"),
        Op::TakeLease {
            resource: "titles".into(),
            until: moment(100),
        },
        Op::Recommend(Recommendation {
            about: "Eve".into(),
            action: "send flowers".into(),
            stance: Stance::Take,
            rationale: Vec::new(),
            expires: moment(1_000),
        }),
        Op::Observe(layercake_context::Observation {
            about: "Eve".into(),
            content: "wore a tiara".into(),
            source: "newspaper".into(),
            observed_at: moment(3),
        }),
    ]
}

#[test]
fn property_03_a_rebuilt_store_that_has_forgotten_answers_the_same() {
    let mut place = Place::in_memory();
    let context = place.open();
    let receipt = context
        .commit(&person(), commit(everything_else()))
        .unwrap();
    let followed = Op::RecordOutcome(Outcome {
        recommendation: receipt.ids[5],
        result: OutcomeResult::Succeeded,
        metric: "smiled".into(),
        evidence: Vec::new(),
    });
    let others = [followed, says("Bob", "bows to", "the Duchess of tea")];
    context.commit(&person(), commit(others)).unwrap();
    context
        .commit(&person(), commit([says("Cyd", "drinks", "tea")]))
        .unwrap();
    context
        .forget(&person(), "Cyd", moment(9), provenance())
        .unwrap();
    let answers = |context: &layercake_context::Context| {
        let view = context.latest(&person());
        format!(
            "{:?} {:?} {:?}",
            view.query(&Pattern::anything()).unwrap(),
            view.recall(&Recall::of("tea duchess flowers")).unwrap(),
            view.entity("the countess").unwrap(),
        )
    };
    let before = answers(&context);
    drop(context);
    let context = place.open_rebuilt();
    assert_eq!(before, answers(&context));
    assert!(before.contains("send flowers") && !before.contains("Cyd"));
    assert!(context.audit().verify().unwrap().flaws.is_empty());
}
