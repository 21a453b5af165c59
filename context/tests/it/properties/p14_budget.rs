//! Property 14: limits are upper bounds, whatever is asked and whatever is stored.

use std::sync::LazyLock;

use layercake_context::view::{Rest, Walk};
use layercake_context::{Context, EntityRef, Op, Pattern, Recall, Statement};
use proptest::prelude::*;

use crate::fixture::{agent, commit, memory, says};

/// A hub with many spokes, and notes of all lengths.
static STAR: LazyLock<Context> = LazyLock::new(|| {
    let context = memory();
    let spokes = (0..1_500).map(|i| {
        let spoke = EntityRef::from(format!("spoke {i}"));
        Op::Assert(Statement::new("hub", "has", spoke))
    });
    context.commit(&agent(), commit(spokes)).unwrap();
    let words = (0..300).map(|i| says(&format!("note {i}"), "says", &"word ".repeat(i)));
    context.commit(&agent(), commit(words)).unwrap();
    context
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn property_14_limits_are_upper_bounds(
        limit in 0..3_000_usize,
        tokens in 0..4_000_usize,
        hops in 0..9_u32,
        question in "(word|note|hub|spoke| |[0-9]|\\PC){0,40}",
    ) {
        let view = STAR.latest(&agent());
        let answer = view.recall(&Recall::of(question).limit(limit).tokens_max(tokens)).unwrap();
        prop_assert!(answer.items.len() <= limit.min(100));
        prop_assert!(answer.tokens <= tokens);
        let sum: usize = answer.items.iter().map(|item| item.tokens).sum();
        prop_assert_eq!(sum, answer.tokens);
        let found = view.query(&Pattern::anything().limit(limit)).unwrap();
        prop_assert!(found.assertions.len() <= limit.min(1_000));
        let around = view.neighbours("hub", &Walk::hops(hops).entities_max(limit)).unwrap();
        prop_assert!(around.neighbours.len() <= limit.min(1_000));
        prop_assert!(around.neighbours.iter().all(|n| n.hops <= hops.min(4)));
    }
}

#[test]
fn property_14_an_answer_says_that_there_is_more_and_goes_on() {
    let view = STAR.latest(&agent());
    let mut pattern = Pattern::about("hub").limit(400);
    let mut seen = Vec::new();
    loop {
        let page = view.query(&pattern).unwrap();
        seen.extend(page.assertions.iter().map(|assertion| assertion.id));
        if page.rest == Rest::None {
            break;
        }
        pattern = pattern.after(*seen.last().unwrap());
    }
    assert!(seen.is_sorted() && seen.len() == 1_500);
    let around = view.neighbours("hub", &Walk::hops(1)).unwrap();
    assert_eq!((around.neighbours.len(), around.rest), (100, Rest::More));
    let long = view.recall(&Recall::of("word").limit(100)).unwrap();
    assert!(long.left_out.over_budget > 0);
}
