//! Property 8: nothing brings a rejected value back but a person who lifts the rejection.

use layercake_context::{
    Access, Authority, Context, ContextError, Op, Pattern, Recall, Statement, Trust, Verdict,
};
use proptest::prelude::*;

use crate::fixture::{Place, access, agent, commit, moment, person, says};

/// Ways in which somebody may try to bring the value back.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    /// Assert it again, as an agent that read it once more.
    ReadAgain,
    /// Assert it in other letters.
    OtherLetters,
    /// Bring it in from outside.
    Import,
    /// Assert it as a person who does not know of the rejection.
    Person,
    /// Assert it for another entity, and merge the two.
    Merge,
    /// Say that the rejected assertion is merely in dispute.
    Dispute,
    /// Open the store again.
    Reopen,
    /// Make the indexes again.
    Rebuild,
    /// Reject it once more, until a moment that is over.
    RejectForAWhile,
    /// Assert it for another time.
    OtherTime,
}

const ATTEMPTS: [Attempt; 10] = [
    Attempt::ReadAgain,
    Attempt::OtherLetters,
    Attempt::Import,
    Attempt::Person,
    Attempt::Merge,
    Attempt::Dispute,
    Attempt::Reopen,
    Attempt::Rebuild,
    Attempt::RejectForAWhile,
    Attempt::OtherTime,
];

fn refused(context: &Context, by: &Access, op: Op) {
    let error = context.commit(by, commit([op])).unwrap_err();
    assert!(matches!(error, ContextError::Banned { .. }), "{error}");
}

fn believed(context: &Context) -> usize {
    let view = context.latest(&person());
    let pattern = Pattern::about("Acme").predicate("owner");
    let found = view.query(&pattern).unwrap().assertions;
    let recalled = view.recall(&Recall::of("Acme owner Globex")).unwrap();
    let globex = |text: String| text.contains("lobex") || text.contains("LOBEX");
    let of_acme = found.iter().filter(|a| globex(a.to_string()));
    of_acme.count()
        + recalled
            .items
            .iter()
            .filter(|i| globex(i.item.to_string()))
            .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn property_08_a_rejected_value_stays_away_until_it_is_lifted(
        attempts in prop::collection::vec(prop::sample::select(ATTEMPTS.to_vec()), 1..10)
    ) {
        let mut place = Place::in_memory();
        let mut context = place.open();
        let receipt = context.commit(&agent(), commit([says("Acme", "owner", "Globex")])).unwrap();
        let item = receipt.ids[0];
        prop_assert_eq!(believed(&context), 2, "it is believed at first");
        let reject = Op::Judge { item, verdict: Verdict::Reject };
        context.commit(&person(), commit([reject])).unwrap();
        for attempt in attempts {
            match attempt {
                Attempt::ReadAgain => refused(&context, &agent(), says("Acme", "owner", "Globex")),
                Attempt::OtherLetters => {
                    refused(&context, &agent(), says("acme", "owner", " GLOBEX "));
                }
                Attempt::Import => {
                    let import = access("acme", Authority::Import);
                    refused(&context, &import, says("Acme", "owner", "Globex"));
                }
                Attempt::Person => refused(&context, &person(), says("Acme", "owner", "globex")),
                Attempt::Merge => merge_in(&context),
                Attempt::Dispute => {
                    let dispute = Op::Judge { item, verdict: Verdict::Dispute };
                    context.commit(&agent(), commit([dispute])).unwrap();
                }
                Attempt::Reopen => {
                    drop(context);
                    context = place.open();
                }
                Attempt::Rebuild => {
                    drop(context);
                    context = place.open_rebuilt();
                }
                Attempt::RejectForAWhile => {
                    let verdict = Verdict::RejectUntil(moment(-1));
                    context.commit(&person(), commit([Op::Judge { item, verdict }])).unwrap();
                }
                Attempt::OtherTime => {
                    let later = layercake_context::Interval::since(moment(5));
                    let again = Statement::new("Acme", "owner", "Globex").valid(later);
                    refused(&context, &agent(), Op::Assert(again));
                }
            }
            prop_assert_eq!(believed(&context), 0, "after {:?}", attempt);
        }
        let lift = Op::Judge { item, verdict: Verdict::Lift };
        prop_assert!(context.commit(&agent(), commit([lift.clone()])).is_err());
        context.commit(&person(), commit([lift])).unwrap();
        context.commit(&agent(), commit([says("Acme", "owner", "Globex")])).unwrap();
        prop_assert!(believed(&context) > 0, "a lifted value may come back");
    }
}

/// Asserts the value for a new entity, and says that it is the same as Acme.
fn merge_in(context: &Context) {
    let name = format!("Acme Ltd {}", context.snapshot());
    let same = Op::Merge(layercake_context::Merge {
        a: "Acme".into(),
        b: name.as_str().into(),
        confidence: layercake_context::Confidence::FULL,
        derived_from: Vec::new(),
    });
    let fact = says(&name, "owner", "Globex");
    context.commit(&person(), commit([fact])).unwrap();
    context.commit(&person(), commit([same])).unwrap();
}

#[test]
fn property_08_a_rejection_for_some_time_ends_by_itself() {
    let context = Place::in_memory().open();
    let receipt = context
        .commit(&agent(), commit([says("Acme", "owner", "Globex")]))
        .unwrap();
    let reject = Op::Judge {
        item: receipt.ids[0],
        verdict: Verdict::RejectUntil(moment(50)),
    };
    context.commit(&person(), commit([reject])).unwrap();
    refused(&context, &agent(), says("Acme", "owner", "Globex"));
    let mut later = commit([says("Acme", "owner", "Globex")]);
    later.at = moment(50);
    context.commit(&agent(), later).unwrap();
    let old = context.latest(&agent()).assertion(receipt.ids[0]).unwrap();
    assert_eq!(old.unwrap().trust, Trust::Rejected);
}
