//! Recommendations, how they turned out, and advice before an action.

use layercake_context::view::{Advice, Course, Grounds, Situation};
use layercake_context::{
    Access, Authority, Context, ContextError, ItemId, Op, Outcome, OutcomeResult, Recommendation,
    Stance, Trust, Verdict,
};

use crate::fixture::{access, agent, commit, memory, moment, person, says};

fn recommend(context: &Context, by: &Access, action: &str, stance: Stance) -> ItemId {
    let recommendation = Recommendation {
        about: "invoice service".into(),
        action: action.into(),
        stance,
        rationale: Vec::new(),
        expires: moment(1_000),
    };
    let receipt = context.commit(by, commit([Op::Recommend(recommendation)]));
    receipt.unwrap().ids[0]
}

fn record(context: &Context, by: &Access, item: ItemId, result: OutcomeResult, times: usize) {
    for _ in 0..times {
        let outcome = Op::RecordOutcome(Outcome {
            recommendation: item,
            result,
            metric: "tests".into(),
            evidence: Vec::new(),
        });
        context.commit(by, commit([outcome])).unwrap();
    }
}

fn advise(context: &Context, action: &str) -> Advice {
    let situation = Situation {
        about: "invoice service".into(),
        action: action.into(),
        at: moment(10),
    };
    context.latest(&agent()).advise(&situation).unwrap()
}

fn routine() -> Access {
    access("acme", Authority::Routine)
}

#[test]
fn advice_grows_with_what_is_known() {
    let context = memory();
    let first = advise(&context, "restart");
    assert_eq!(
        (first.course, &first.grounds[..]),
        (Course::Clarify, &[Grounds::NothingKnown][..])
    );
    context
        .commit(
            &routine(),
            commit([says("invoice service", "runs on", "host 7")]),
        )
        .unwrap();
    assert_eq!(advise(&context, "restart").course, Course::Proceed);
    let avoid = recommend(&context, &agent(), "Restart", Stance::Avoid);
    let perhaps = advise(&context, "restart");
    assert_eq!(perhaps.course, Course::Escalate);
    assert_eq!(perhaps.grounds, [Grounds::PerhapsAdvisedAgainst(avoid)]);
    let accept = Op::Judge {
        item: avoid,
        verdict: Verdict::Accept,
    };
    context.commit(&person(), commit([accept])).unwrap();
    assert_eq!(advise(&context, "restart").course, Course::Block);
    assert_eq!(advise(&context, "scale up").course, Course::Proceed);
}

#[test]
fn the_record_ranks_and_a_bad_one_is_handed_over() {
    let context = memory();
    let flaky = recommend(&context, &routine(), "restart", Stance::Take);
    let solid = recommend(&context, &routine(), "drain first", Stance::Take);
    let lucky = recommend(&context, &routine(), "wait", Stance::Take);
    record(&context, &routine(), flaky, OutcomeResult::Succeeded, 2);
    record(&context, &routine(), flaky, OutcomeResult::Failed, 3);
    record(&context, &routine(), solid, OutcomeResult::Succeeded, 9);
    record(&context, &routine(), solid, OutcomeResult::Failed, 1);
    record(&context, &routine(), lucky, OutcomeResult::Succeeded, 1);
    record(&context, &routine(), lucky, OutcomeResult::Ignored, 5);
    let advice = advise(&context, "restart");
    let ranked: Vec<_> = advice.recommended.iter().map(|r| r.item).collect();
    assert_eq!(ranked, [solid, lucky, flaky]);
    assert_eq!(advice.course, Course::Escalate);
    assert_eq!(advice.grounds, [Grounds::BadRecord]);
    assert_eq!((advice.record.succeeded, advice.record.failed), (2, 3));
}

#[test]
fn an_agent_does_not_praise_itself_and_outcomes_change_no_trust() {
    let context = memory();
    let item = recommend(&context, &agent(), "restart", Stance::Take);
    record(&context, &agent(), item, OutcomeResult::Succeeded, 20);
    let advice = advise(&context, "restart");
    assert_eq!(advice.recommended[0].record.trials(), 0);
    record(&context, &routine(), item, OutcomeResult::Succeeded, 20);
    let advice = advise(&context, "restart");
    assert_eq!(advice.recommended[0].record.trials(), 20);
    assert_eq!(advice.recommended[0].trust, Trust::Candidate);
}

#[test]
fn expired_advice_is_silent_and_the_record_of_others_counts_where_there_is_none() {
    let context = memory();
    let item = recommend(&context, &routine(), "restart", Stance::Take);
    record(&context, &routine(), item, OutcomeResult::Failed, 4);
    let other = Situation {
        about: "mail service".into(),
        action: "restart".into(),
        at: moment(5_000),
    };
    context
        .commit(
            &routine(),
            commit([says("mail service", "runs on", "host 8")]),
        )
        .unwrap();
    let advice = context.latest(&agent()).advise(&other).unwrap();
    assert!(advice.recommended.is_empty());
    assert_eq!(advice.record.failed, 4);
    assert_eq!(advice.course, Course::Escalate);
}

#[test]
fn facts_in_dispute_are_handed_over() {
    let context = memory();
    let fact = context
        .commit(
            &routine(),
            commit([says("invoice service", "runs on", "host 7")]),
        )
        .unwrap();
    let doubt = Op::Judge {
        item: fact.ids[0],
        verdict: Verdict::Dispute,
    };
    context.commit(&agent(), commit([doubt])).unwrap();
    let advice = advise(&context, "restart");
    assert_eq!(advice.grounds, [Grounds::Disputed(fact.ids[0])]);
    assert_eq!(advice.facts.len(), 1);
}

#[test]
fn an_outcome_needs_a_recommendation() {
    let context = memory();
    let fact = context
        .commit(&agent(), commit([says("Ada", "likes", "tea")]))
        .unwrap();
    let outcome = Op::RecordOutcome(Outcome {
        recommendation: fact.ids[0],
        result: OutcomeResult::Succeeded,
        metric: String::new(),
        evidence: Vec::new(),
    });
    assert!(matches!(
        context.commit(&agent(), commit([outcome])).unwrap_err(),
        ContextError::UnknownItem { .. }
    ));
}
