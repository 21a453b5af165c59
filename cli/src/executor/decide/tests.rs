//! Answers of the wrong form are shown to the model with the reasons, and never passed on.

use layercake_engine::{
    CostCause, Effect, EffectId, EffectRequest, IdempotencyKey, Outcome, RunId, TaskKey, Timestamp,
};
use serde_json::{Value, json};

use super::decide;
use crate::models::Models;
use crate::settings::{AgentSettings, Settings};

const RULES: &str = "
version: 1
rules:
  - match: { system_contains: stubborn }
    text: 'I would rather not.'
  - match: { user_contains: 'does not fit' }
    answer: { yes: true }
  - match: { user_contains: broken }
    error: { kind: unreachable, message: 'no network' }
  - text: '{\"yes\": \"maybe\"}'
";

async fn check(question: &str, material: &Value) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    let mut settings = Settings {
        project: folder.path().to_owned(),
        store: folder.path().to_owned(),
        config: None,
        providers: std::collections::BTreeMap::new(),
        servers: std::collections::BTreeMap::new(),
        models: std::collections::BTreeMap::new(),
        skills: Vec::new(),
        agent: AgentSettings::default(),
        person: "tester".to_owned(),
    };
    let spec = "scripted:rules.yaml".to_owned();
    settings.set_model("default".to_owned(), spec, folder.path(), "the test");
    let models = Models::open(&settings).unwrap();
    let arguments = json!({
        "question": question,
        "material": material,
        "attempts": 2,
        "answer": {"type": "object", "required": ["yes"], "properties": {"yes": {"type": "boolean"}}},
    });
    decide(&effect(), &arguments, &models, None).await
}

pub(crate) fn effect() -> Effect {
    let at = Timestamp::from_millis(1);
    let (run, task) = (
        RunId::from_parts(at, 1),
        TaskKey::root().child("t", None, 1),
    );
    Effect {
        id: EffectId::derive(run, &task, 1),
        idempotency_key: IdempotencyKey::derive(run, &task),
        run,
        task,
        attempt: 1,
        asked_at: at,
        deadline: None,
        request: EffectRequest::Timer { due: at },
    }
}

#[tokio::test]
async fn a_wrong_answer_is_asked_again_with_the_reasons() {
    let outcome = check("yes?", &json!({"about": "anything"})).await;
    assert_eq!(outcome.result, Ok(json!({"yes": true})));
    let causes: Vec<CostCause> = outcome.costs.iter().map(|cost| cost.cause).collect();
    assert_eq!(causes, [CostCause::Retry, CostCause::Productive]);
}

#[tokio::test]
async fn an_answer_that_stays_wrong_is_a_problem() {
    let outcome = check("stubborn?", &json!("x")).await;
    let problem = outcome.result.unwrap_err();
    assert!(problem.kind.ends_with("model-answer"), "{problem:?}");
    assert!(problem.detail.unwrap().contains("schema"));
    assert_eq!(outcome.costs.len(), 4, "two rounds, each with one repair");
}

#[tokio::test]
async fn a_model_that_is_not_there_is_another_problem() {
    let problem = check("yes?", &json!("broken")).await.result.unwrap_err();
    assert!(problem.kind.ends_with("model-unreachable"), "{problem:?}");
    assert_eq!(problem.detail.as_deref(), Some("no network"));
}
