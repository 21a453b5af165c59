//! People decide, once, about exactly what they saw.

use std::sync::Arc;

use layercake_harness::approval::{Decision, MemoryInbox, QuestionKind, StandingDecision};
use layercake_harness::tool::AskPerson;
use layercake_harness::{AgentOutcome, Autonomy};
use serde_json::json;

use crate::support::{World, calls, text};

fn careful(lines: Vec<crate::support::Say>) -> World {
    let mut world = World::new(lines);
    world.spec.autonomy = Autonomy::Approve;
    world
}

#[tokio::test]
async fn a_standing_yes_is_logged_with_who_and_why() {
    let mut world = careful(vec![
        calls(&[("pay", json!({"what": "rent"}))]),
        text("done"),
    ]);
    world.approver = Arc::new(StandingDecision::approve("olga", "rent is due"));
    world.run().await.unwrap();
    assert_eq!(world.outside.effects.lock().unwrap()["rent"], 1);
    let records = world.store.load(&crate::support::session()).await.unwrap();
    let decided = records
        .iter()
        .find(|record| record.kind == "approval-decided")
        .unwrap();
    assert_eq!(decided.body["by"], "olga");
    assert_eq!(decided.body["why"], "rent is due");
}

#[tokio::test]
async fn a_no_reaches_the_model_and_nothing_happens() {
    let mut world = careful(vec![
        calls(&[("pay", json!({"what": "rent"}))]),
        text("done"),
    ]);
    world.approver = Arc::new(StandingDecision::reject("olga", "too much"));
    world.run().await.unwrap();
    assert!(world.outside.effects.lock().unwrap().is_empty());
    assert!(
        world
            .last_request()
            .contains("Not run: olga said no: too much")
    );
}

#[tokio::test]
async fn nothing_happens_until_somebody_decides_in_whatever_process() {
    let inbox = Arc::new(MemoryInbox::new());
    let script = vec![
        calls(&[
            ("look", json!({"what": "bill"})),
            ("pay", json!({"what": "rent"})),
        ]),
        text("done"),
    ];
    let mut world = careful(script);
    world.approver = inbox.clone();
    for _ in 0..3 {
        let report = world.run().await.unwrap();
        let AgentOutcome::Waiting { questions, .. } = report.outcome else {
            panic!("{:?}", report.outcome);
        };
        assert_eq!(questions.len(), 1);
        assert_eq!(questions[0].tool, "pay");
        assert!(questions[0].ticket.is_some());
        assert!(world.outside.effects.lock().unwrap().is_empty());
    }
    assert_eq!(inbox.open().len(), 1);
    let yes = Decision::Approved {
        by: "olga".to_owned(),
        why: String::new(),
    };
    assert!(inbox.settle(inbox.open()[0].id, yes.clone()));
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert_eq!(world.outside.effects.lock().unwrap()["rent"], 1);
    let kinds = world.kinds().await;
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "approval-asked")
            .count(),
        1
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "approval-decided")
            .count(),
        1
    );
}

/// The model asks twice for the very same payment: one yes is good for one of them.
#[tokio::test]
async fn an_approval_is_good_for_one_call() {
    let inbox = Arc::new(MemoryInbox::new());
    let pay = || calls(&[("pay", json!({"what": "rent"}))]);
    let mut world = careful(vec![pay(), pay(), text("done")]);
    world.approver = inbox.clone();
    world.run().await.unwrap();
    let yes = Decision::Approved {
        by: "olga".to_owned(),
        why: String::new(),
    };
    inbox.settle(inbox.open()[0].id, yes);
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Waiting { .. }),
        "{report:?}"
    );
    assert_eq!(world.outside.effects.lock().unwrap()["rent"], 1);
}

/// Answers can be long in coming, like any decision.
#[tokio::test]
async fn a_person_can_be_asked_for_a_text() {
    let inbox = Arc::new(MemoryInbox::new());
    let script = vec![
        calls(&[("ask", json!({"question": "Which colour?"}))]),
        text("done"),
    ];
    let mut world = World::new(script);
    world.toolbox = world.toolbox.with(AskPerson::new()).unwrap();
    world.approver = inbox.clone();
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Waiting { .. }),
        "{report:?}"
    );
    let question = inbox.open().remove(0);
    assert_eq!(
        (question.kind, question.title.as_str()),
        (QuestionKind::Answer, "Which colour?")
    );
    let answer = Decision::Answered {
        by: "olga".to_owned(),
        text: "green".to_owned(),
    };
    inbox.settle(question.id, answer);
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert!(world.last_request().contains("green"));
}
