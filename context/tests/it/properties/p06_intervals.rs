//! Property 6: where a predicate takes one value, there is never more than one accepted value
//! at any point of both axes, and making room for a value loses nothing around it.

use layercake_context::{
    Access, Assertion, Authority, Clash, Context, ContextError, Interval, Op, Policy, Snapshot,
    Statement, Trust, Verdict,
};
use proptest::prelude::*;

use crate::fixture::{access, agent, commit, memory, moment, person};
use crate::model::valid;

const COLOURS: [&str; 3] = ["red", "green", "blue"];
const TIMES: i64 = 16;

fn painted(policy: Policy) -> Context {
    let context = memory();
    let declare = Op::Declare {
        predicate: "colour".into(),
        policy,
    };
    context.commit(&person(), commit([declare])).unwrap();
    context
}

fn paint(
    context: &Context,
    by: &Access,
    colour: usize,
    valid: Interval,
) -> Result<Snapshot, ContextError> {
    let statement = Statement::new("wall", "colour", COLOURS[colour]).valid(valid);
    let receipt = context.commit(by, commit([Op::Assert(statement)]))?;
    Ok(receipt.snapshot)
}

fn accepted(context: &Context, snapshot: Snapshot, at: i64) -> Vec<Assertion> {
    let view = context.view(&person(), snapshot).unwrap();
    let mut found = view.as_of("wall", moment(at)).unwrap();
    found.retain(|assertion| assertion.trust == Trust::Accepted);
    found
}

fn colours(assertions: &[Assertion]) -> Vec<String> {
    let mut colours: Vec<_> = assertions.iter().map(|a| a.object.to_string()).collect();
    colours.sort();
    colours.dedup();
    colours
}

fn strokes() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
    prop::collection::vec((0..COLOURS.len(), 0..12_i64, 0..9_i64), 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The newest stroke covers what it covers, and everything around it stays.
    #[test]
    fn property_06_the_last_value_wins_where_it_holds(strokes in strokes()) {
        let context = painted(Policy::LastWins);
        let mut wall = vec![None; TIMES as usize];
        let mut walls = Vec::new();
        for (colour, from, length) in strokes {
            let valid = valid(from, length);
            let snapshot = paint(&context, &person(), colour, valid).unwrap();
            for at in 0..TIMES {
                if valid.contains(moment(at)) {
                    wall[at as usize] = Some(COLOURS[colour].to_owned());
                }
            }
            walls.push((snapshot, wall.clone()));
        }
        for (snapshot, wall) in walls {
            for at in 0..TIMES {
                let found = colours(&accepted(&context, snapshot, at));
                let expected: Vec<_> = wall[at as usize].clone().into_iter().collect();
                prop_assert_eq!(found, expected, "at {} known at {}", at, snapshot);
            }
        }
    }

    /// The first value stays, and a second one is told what is in its way.
    #[test]
    fn property_06_a_second_value_is_refused_where_one_is_allowed(strokes in strokes()) {
        let context = painted(Policy::One);
        let mut wall = vec![None; TIMES as usize + 9];
        for (colour, from, length) in strokes {
            let valid = valid(from, length);
            let covered = |at: &usize| valid.contains(moment(*at as i64));
            let clash = (0..wall.len())
                .filter(covered)
                .any(|at| wall[at].is_some_and(|there| there != colour));
            match paint(&context, &person(), colour, valid) {
                Ok(_) => {
                    prop_assert!(!clash);
                    (0..wall.len()).filter(covered).for_each(|at| wall[at] = Some(colour));
                }
                Err(ContextError::Conflict(conflict)) => {
                    prop_assert!(clash);
                    prop_assert_eq!(conflict.clash, Clash::OneValue);
                    prop_assert!(!conflict.assertions.is_empty());
                }
                Err(error) => panic!("{error}"),
            }
        }
        for at in 0..TIMES {
            let found = colours(&accepted(&context, context.snapshot(), at));
            let expected: Vec<_> = wall[at as usize].map(|c| COLOURS[c].to_owned()).into_iter().collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// Whatever the policy for one value, and whoever writes and judges, there is one.
    #[test]
    fn property_06_there_is_never_a_second_accepted_value(
        policy in prop::sample::select(vec![
            Policy::One, Policy::LastWins, Policy::KeepDisputed, Policy::NeedsReview,
        ]),
        steps in prop::collection::vec(
            (0..3_usize, 0..COLOURS.len(), 0..12_i64, 0..9_i64, prop::option::of(0..12_usize)),
            1..16,
        ),
    ) {
        let context = painted(policy);
        let writers = [agent(), access("acme", Authority::Routine), person()];
        let mut items = Vec::new();
        for (writer, colour, from, length, accept) in steps {
            let op = match accept.and_then(|index| items.get(index).copied()) {
                Some(item) => Op::Judge { item, verdict: Verdict::Accept },
                None => Op::Assert(
                    Statement::new("wall", "colour", COLOURS[colour]).valid(valid(from, length)),
                ),
            };
            let by = if matches!(op, Op::Judge { .. }) { &writers[2] } else { &writers[writer] };
            match context.commit(by, commit([op])) {
                Ok(receipt) => items.extend(receipt.ids),
                Err(ContextError::Conflict(_)) => {}
                Err(error) => panic!("{error}"),
            }
            for at in 0..TIMES {
                let found = colours(&accepted(&context, context.snapshot(), at));
                prop_assert!(found.len() <= 1, "{:?} at {}", found, at);
            }
        }
    }
}

#[test]
fn property_06_two_values_are_disputed_until_a_person_decides() {
    let context = painted(Policy::KeepDisputed);
    let routine = access("acme", Authority::Routine);
    paint(&context, &routine, 0, Interval::always()).unwrap();
    paint(&context, &routine, 1, Interval::always()).unwrap();
    let view = context.latest(&person());
    let both = view.as_of("wall", moment(0)).unwrap();
    assert!(both.iter().all(|a| a.trust == Trust::Disputed) && both.len() == 2);
    let decide = Op::Judge {
        item: both[1].id,
        verdict: Verdict::Accept,
    };
    context.commit(&person(), commit([decide])).unwrap();
    let found = accepted(&context, context.snapshot(), 0);
    assert_eq!(colours(&found), ["green"]);
}

#[test]
fn property_06_a_routine_waits_for_review_where_a_person_must_look() {
    let context = painted(Policy::NeedsReview);
    let routine = access("acme", Authority::Routine);
    paint(&context, &routine, 0, Interval::always()).unwrap();
    assert!(accepted(&context, context.snapshot(), 0).is_empty());
    paint(&context, &person(), 1, Interval::always()).unwrap();
    let found = accepted(&context, context.snapshot(), 0);
    assert_eq!(colours(&found), ["green"]);
    let declare = Op::Declare {
        predicate: "colour".into(),
        policy: Policy::Many,
    };
    let refused = context.commit(&agent(), commit([declare])).unwrap_err();
    assert!(matches!(refused, ContextError::NotAllowed { .. }));
}
