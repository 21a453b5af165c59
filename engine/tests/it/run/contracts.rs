//! The contract of `decide` and `agent`: a wrong answer is never quietly passed on.

use layercake_engine::{EffectRequest, Input, Phase, Verdict};
use serde_json::{Value, json};

use super::trial::{Trial, decision};

fn asking(contract: &str) -> Trial {
    Trial::start(
        &format!(
            "
            use:
              functions:
                judge: {{ call: 'look:1.0.0@default', with: {{ seen: '${{ . }}' }} }}
            do:
              - ask:
                  call: 'decide:1.0.0@default'
                  with:
                    question: how many?
                    instructions: Be brief.
                    answer: {{ type: object, required: [n], properties: {{ n: {{ type: integer }} }} }}
                    contract: {contract}
            "
        ),
        json!({}),
    )
}

fn instructions(trial: &Trial) -> String {
    let EffectRequest::Call(call) = trial.effect("ask").request else {
        panic!("it is a call");
    };
    assert_eq!(call.arguments.get("contract"), None);
    call.arguments["instructions"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

const TWICE: &str = "{ attempts: 2, done: n is even }";

#[test]
fn a_wrong_answer_is_asked_for_again_with_the_reasons() {
    let mut trial = asking(TWICE);
    assert_eq!(
        instructions(&trial),
        "Be brief.\nThe work is done when this holds: n is even"
    );
    let first = trial.effect("ask").id;
    trial.finish("ask", json!({ "n": "four" }));
    assert_ne!(trial.effect("ask").id, first);
    let told = instructions(&trial);
    assert!(told.contains(r#"not accepted: {"n":"four"}"#), "{told}");
    assert!(told.contains("- "), "{told}");
    trial
        .finish("ask", json!({ "n": 4 }))
        .expect_output(&json!({ "n": 4 }));
}

#[test]
fn without_a_right_answer_the_task_fails() {
    for contract in [TWICE, "{}"] {
        let mut trial = asking(contract);
        while trial.run.phase() == Phase::Running {
            trial.finish("ask", json!({}));
        }
        trial.expect_problem("urn:layercake:error:contract-unmet", "/do/0/ask");
    }
}

const JUDGED: &str = "{ attempts: 2, done: n is even, evaluator: judge, escalate: [boss] }";

#[test]
fn an_evaluator_has_the_last_word_on_every_attempt() {
    let mut trial = asking(JUDGED);
    trial.finish("ask", json!({ "n": 3 }));
    let EffectRequest::Call(call) = trial.effect("ask/@judge[1]/judge").request else {
        panic!("it is a call");
    };
    let seen = &call.arguments["seen"];
    assert_eq!(seen["answer"], json!({ "n": 3 }));
    assert_eq!(
        (&seen["done"], &seen["attempt"]),
        (&json!("n is even"), &json!(1))
    );
    trial.finish(
        "ask/@judge[1]/judge",
        json!({ "accepted": false, "reasons": ["3 is odd"] }),
    );
    assert!(instructions(&trial).ends_with("- 3 is odd"));
    trial.finish("ask", json!({ "n": 4 }));
    trial
        .finish("ask/@judge[2]/judge", json!({ "accepted": true }))
        .expect_output(&json!({ "n": 4 }));
}

#[test]
fn an_evaluator_that_says_nothing_accepts_nothing() {
    let mut trial = asking(JUDGED);
    trial.finish("ask", json!({ "n": 3 }));
    trial
        .finish("ask/@judge[1]/judge", json!("looks fine"))
        .expect_problem("validation", "/do/0/ask");
}

/// Lets both attempts fail; a person is asked then.
fn escalated() -> Trial {
    let mut trial = asking(JUDGED);
    for attempt in 1..=2 {
        trial.finish("ask", json!({ "n": 3 }));
        let judge = format!("ask/@judge[{attempt}]/judge");
        trial.finish(&judge, json!({ "accepted": false, "reasons": ["odd"] }));
    }
    let EffectRequest::Approval(approval) = trial.effect("ask").request else {
        panic!("a person is asked");
    };
    assert_eq!(approval.shown["answer"], json!({ "n": 3 }));
    assert_eq!(approval.shown["reasons"], json!(["odd"]));
    assert_eq!(approval.reviewers.names, ["boss"]);
    trial
}

fn decide(trial: &mut Trial, verdict: Verdict, edited: Option<Value>) {
    let effect = trial.effect("ask");
    let EffectRequest::Approval(approval) = &effect.request else {
        panic!("a person is asked");
    };
    let mut decision = decision(verdict, approval.shown_hash, trial.now());
    decision.by = "boss".to_owned();
    decision.edited = edited;
    trial.apply(Input::Decided {
        effect: effect.id,
        decision,
    });
}

#[test]
fn a_person_accepts_the_answer_writes_one_or_refuses() {
    let mut trial = escalated();
    decide(&mut trial, Verdict::Approve, None);
    trial.expect_output(&json!({ "n": 3 }));
    let mut trial = escalated();
    decide(&mut trial, Verdict::Approve, Some(json!({ "n": 8 })));
    trial.expect_output(&json!({ "n": 8 }));
    let mut trial = escalated();
    decide(&mut trial, Verdict::Approve, Some(json!({ "n": "eight" })));
    trial.expect_problem("urn:layercake:error:contract-unmet", "/do/0/ask");
    let mut trial = escalated();
    decide(&mut trial, Verdict::Reject, None);
    trial.expect_problem("urn:layercake:error:contract-unmet", "/do/0/ask");
}
