//! Questions to people: approvals, and effects that nobody can vouch for.

use layercake_engine::{ApplyError, Digest, EffectRequest, Input, Outcome, Phase, Verdict};
use serde_json::json;

use super::trial::{Trial, decision};

const APPROVAL: &str = "
    do:
      - ask:
          call: 'approval:1.0.0@default'
          with: { title: '${ \"Send \\(.count)?\" }', show: { replies: '${ .count }' } }
      - decide:
          switch:
            - yes: { when: '${ .decision == \"approve\" }', then: send }
            - no: { then: end }
      - send: { set: { sent: true } }
    ";

#[test]
fn a_decision_is_the_output_of_an_approval() {
    let mut trial = Trial::start(APPROVAL, json!({ "count": 3 }));
    assert_eq!(trial.run.phase(), Phase::Waiting);
    let EffectRequest::Approval(approval) = trial.effect("ask").request else {
        panic!("an approval is asked for");
    };
    assert_eq!(approval.title, "Send 3?");
    assert_eq!(approval.shown, json!({ "replies": 3 }));
    assert_eq!(approval.shown_hash, Digest::of_value(&approval.shown));
    trial
        .decide("ask", Verdict::Approve)
        .expect(
            "
            run
            start ask
            intend ask: ask Send 3?
            phase: Waiting
            decided ask: Approve
            finish ask
            start decide
            finish decide
            start send
            finish send
            end: Completed
            ",
        )
        .expect_output(&json!({ "sent": true }));

    let mut trial = Trial::start(APPROVAL, json!({ "count": 3 }));
    trial.decide("ask", Verdict::Reject).expect_output(&json!({
        "decision": "reject",
        "by": "ada",
        "at": "1970-01-01T00:00:01.000Z",
        "comment": null,
        "edited": null,
    }));
}

#[test]
fn a_decision_on_something_else_than_what_is_shown_is_refused() {
    let mut trial = Trial::start(APPROVAL, json!({ "count": 3 }));
    let effect = trial.effect("ask").id;
    let shown = Digest::of_value(&json!({ "replies": 3 }));
    let decided = Digest::of_value(&json!({ "replies": 4 }));
    let refused = trial.try_apply(Input::Decided {
        effect,
        decision: decision(Verdict::Approve, decided, trial.now()),
    });
    assert_eq!(refused, Err(ApplyError::ShownDiffers { shown, decided }));
}

#[test]
fn only_a_person_answers_a_question_and_only_questions_are_asked() {
    let mut trial = Trial::start(APPROVAL, json!({ "count": 3 }));
    let effect = trial.effect("ask").id;
    let outcome = Outcome::completed(json!({ "decision": "approve" }));
    let refused = trial.try_apply(Input::EffectFinished { effect, outcome });
    assert!(matches!(refused, Err(ApplyError::Misfit(_))));

    let mut trial = Trial::start(
        "do:\n  - a: { call: 'work:1.0.0@default', with: {} }",
        json!({}),
    );
    let effect = trial.effect("a").id;
    let refused = trial.try_apply(Input::Decided {
        effect,
        decision: decision(Verdict::Approve, Digest::of_value(&json!(0)), trial.now()),
    });
    assert!(matches!(refused, Err(ApplyError::Misfit(_))));
}

#[test]
fn a_question_nobody_answers_lapses_with_its_task() {
    let mut trial = Trial::start(
        "
        do:
          - ask:
              call: 'approval:1.0.0@default'
              with: { title: Send? }
              timeout: { after: { hours: 8 } }
        ",
        json!({}),
    );
    trial
        .pass(8 * 3_600_000)
        .expect_problem("timeout", "/do/0/ask");
}

fn in_doubt() -> Trial {
    let mut trial = Trial::start(
        "do:\n  - pay: { call: 'work:1.0.0@default', with: { amount: 5 } }",
        json!({}),
    );
    let effect = trial.effect("pay").id;
    trial.apply(Input::EffectUnknown {
        effect,
        explanation: "the process ended while it was under way".to_owned(),
    });
    trial
}

fn resolve(trial: &mut Trial, verdict: Verdict) {
    let question = {
        let (effect, explanation) = trial.run.unknowns().next().expect("one is unknown");
        (effect.id, effect.doubt(explanation))
    };
    let (effect, question) = question;
    let decision = decision(verdict, question.shown_hash, trial.now());
    trial.apply(Input::Decided { effect, decision });
}

#[test]
fn an_unknown_effect_is_performed_again_when_a_person_says_so() {
    let mut trial = in_doubt();
    assert_eq!(trial.run.phase(), Phase::Waiting);
    let before = trial.effect("pay");
    resolve(&mut trial, Verdict::Approve);
    assert_eq!(trial.effect("pay"), before);
    assert_eq!(trial.run.unknowns().count(), 0);
    trial.finish("pay", json!("paid")).expect(
        "
        run
        start pay
        intend pay: work
        unknown pay
        phase: Waiting
        decided pay: Approve
        phase: Running
        answer pay
        finish pay
        end: Completed
        ",
    );
}

#[test]
fn an_unknown_effect_fails_its_task_when_a_person_says_no() {
    let mut trial = in_doubt();
    resolve(&mut trial, Verdict::Reject);
    trial.expect_problem("runtime", "/do/0/pay");
    let problem = trial.run.problem().expect("the run failed");
    assert_eq!(problem.title, "nobody can say whether the effect happened");
}

#[test]
fn an_unknown_effect_may_still_come_back() {
    let mut trial = in_doubt();
    let effect = trial.effect("pay").id;
    let again = trial.try_apply(Input::EffectUnknown {
        effect,
        explanation: "again".to_owned(),
    });
    assert!(matches!(again, Err(ApplyError::Stale(_))));
    trial
        .finish("pay", json!("paid"))
        .expect_output(&json!("paid"));
}

fn reviewed(with: &str) -> Trial {
    Trial::start(
        &format!(
            "do: [ {{ ask: {{ call: 'approval:1.0.0@default', with: {{ title: t, {with} }} }} }} ]"
        ),
        json!({}),
    )
}

fn by(trial: &mut Trial, name: &str, roles: &[&str], verdict: Verdict) -> Result<(), ApplyError> {
    let effect = trial.effect("ask");
    let EffectRequest::Approval(approval) = &effect.request else {
        panic!("an approval is asked for");
    };
    let mut decision = decision(verdict, approval.shown_hash, trial.now());
    decision.by = name.to_owned();
    decision.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    trial.try_apply(Input::Decided {
        effect: effect.id,
        decision,
    })
}

#[test]
fn only_reviewers_decide() {
    let mut trial = reviewed("reviewers: { names: [bob], role: owner }");
    for (name, roles) in [("eve", &[][..]), ("eve", &["guest"]), ("owner", &[])] {
        let refused = by(&mut trial, name, roles, Verdict::Approve);
        assert!(matches!(refused, Err(ApplyError::NotReviewer(_))), "{name}");
    }
    assert_eq!(
        by(&mut trial, "carol", &["owner"], Verdict::Approve),
        Ok(())
    );
    assert_eq!(trial.run.phase(), Phase::Completed);
    let mut trial = reviewed("reviewers: { names: [bob], role: owner }");
    assert_eq!(by(&mut trial, "bob", &[], Verdict::Reject), Ok(()));
}

#[test]
fn whoever_asked_for_the_run_is_not_the_second_pair_of_eyes() {
    // Every trial is asked for by `ada`.
    let mut trial = reviewed("reviewers: { notSelf: true }");
    let refused = by(&mut trial, "ada", &[], Verdict::Approve);
    assert!(
        matches!(refused, Err(ApplyError::NotReviewer(_))),
        "{refused:?}"
    );
    assert_eq!(by(&mut trial, "bob", &[], Verdict::Approve), Ok(()));
}

#[test]
fn several_people_approve_and_one_rejects() {
    let mut trial = reviewed("reviewers: { approvals: 2 }");
    assert_eq!(by(&mut trial, "bob", &[], Verdict::Approve), Ok(()));
    assert_eq!(trial.run.phase(), Phase::Waiting);
    let refused = by(&mut trial, "bob", &[], Verdict::Approve);
    assert!(
        matches!(refused, Err(ApplyError::NotReviewer(_))),
        "{refused:?}"
    );
    assert_eq!(by(&mut trial, "carol", &[], Verdict::Approve), Ok(()));
    trial.verify();
    assert_eq!(trial.run.phase(), Phase::Completed);
    let mut trial = reviewed("reviewers: { approvals: 2 }");
    assert_eq!(by(&mut trial, "bob", &[], Verdict::Approve), Ok(()));
    assert_eq!(by(&mut trial, "carol", &[], Verdict::Reject), Ok(()));
    assert_eq!(
        trial.run.output().map(|output| &output["decision"]),
        Some(&json!("reject"))
    );
}

#[test]
fn what_nobody_decides_counts_as_its_default() {
    reviewed("expires: { seconds: 5 }, default: reject")
        .pass(5_000)
        .expect_output(&json!({
            "decision": "reject",
            "by": null,
            "at": "1970-01-01T00:00:06.000Z",
            "comment": null,
            "edited": null,
            "lapsed": true,
        }));
    reviewed("expires: { seconds: 5 }")
        .pass(5_000)
        .expect_problem("timeout", "/do/0/ask");
}

#[test]
fn a_problem_is_put_to_a_person() {
    let mut trial = Trial::start(
        "
        do:
          - risky:
              try: [ { ask: { raise: { error: { type: 'https://example.com/e', status: 500, title: it broke } } } } ]
              catch:
                do: [ { ask: { call: 'escalate:1.0.0@default', with: { to: boss, problem: '${ $error }' } } } ]
        ",
        json!({}),
    );
    let effect = trial.effect("risky/@catch/ask");
    let EffectRequest::Approval(approval) = &effect.request else {
        panic!("a person is asked");
    };
    assert_eq!(approval.title, "a problem needs a person: it broke");
    assert_eq!(approval.shown["problem"]["status"], json!(500));
    let mut decision = decision(Verdict::Approve, approval.shown_hash, trial.now());
    decision.roles = vec!["boss".to_owned()];
    decision.edited = Some(json!("went by hand"));
    trial.apply(Input::Decided {
        effect: effect.id,
        decision,
    });
    trial.verify();
    let output = trial.run.output().expect("it is completed");
    assert_eq!(output["edited"], json!("went by hand"));
}
