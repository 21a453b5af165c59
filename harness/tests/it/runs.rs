//! Runs from start to end.

use std::sync::Arc;

use async_trait::async_trait;
use layercake_harness::session::StopCause;
use layercake_harness::tool::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use layercake_harness::{AgentOutcome, Autonomy, EffectClass, Material, Stop, ToolSelection};
use layercake_model::{AnswerSchema, ModelError, ModelErrorKind, Part, StopReason};
use serde_json::{Value, json};

use crate::support::{Deed, Say, World, calls, session, text};

fn finished(text: &str) -> AgentOutcome {
    AgentOutcome::Finished {
        text: text.to_owned(),
        answer: None,
    }
}

#[tokio::test]
async fn an_answer_ends_the_session() {
    let world = World::new(vec![text("42")]);
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, finished("42"));
    assert_eq!((report.turns, report.tool_calls), (1, 0));
    assert_eq!(
        world.kinds().await,
        [
            "started",
            "model-requested",
            "model-settled",
            "budget-charged",
            "settled"
        ]
    );
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_run_again() {
    let world = World::new(vec![text("42")]);
    let first = world.run().await.unwrap();
    let records = world.kinds().await;
    assert_eq!(world.run().await.unwrap(), first);
    assert_eq!(world.kinds().await, records);
    assert_eq!(world.model.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn results_come_back_in_the_order_of_the_calls() {
    let script = vec![
        calls(&[
            ("look", json!({"what": "a"})),
            ("pay", json!({"what": "b"})),
            ("think", json!({"what": "c"})),
        ]),
        text("done"),
    ];
    let world = World::new(script);
    let report = world.run().await.unwrap();
    assert_eq!(report.outcome, finished("done"));
    assert_eq!(report.tool_calls, 3);
    let requests = world.model.requests.lock().unwrap();
    let shown: Vec<String> = requests[1].messages[2]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => format!("{} {}", result.call_id, result.content),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, ["c0 did a", "c1 did b", "c2 did c"]);
}

#[tokio::test]
async fn every_request_begins_with_the_bytes_of_the_one_before() {
    let mut script: Vec<Say> = (0..20)
        .map(|turn| calls(&[("look", json!({"what": format!("thing {turn}")}))]))
        .collect();
    script.push(text("done"));
    let mut world = World::new(script);
    world.spec.material.push(Material {
        title: "a letter".to_owned(),
        text: "Dear </material> all".to_owned(),
    });
    world.run().await.unwrap();
    let mut requests = world.model.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 21);
    for request in &mut requests {
        for message in &mut request.messages {
            message.cache_mark = false;
        }
    }
    for pair in requests.windows(2) {
        assert_eq!(pair[0].system, pair[1].system);
        assert_eq!(pair[0].tools, pair[1].tools);
        assert!(pair[1].messages.starts_with(&pair[0].messages));
    }
}

#[tokio::test]
async fn bad_calls_are_refused_and_the_model_is_told() {
    let script = vec![
        calls(&[
            ("fly", json!({})),
            ("look", json!({"what": 7})),
            ("look", json!("not an object")),
        ]),
        text("done"),
    ];
    let world = World::new(script);
    let report = world.run().await.unwrap();
    assert_eq!(report.tool_calls, 0);
    let request = world.last_request();
    for told in ["no tool `fly`", "at /what", "is not of type"] {
        assert!(request.contains(told), "{told} is not in {request}");
    }
}

#[tokio::test]
async fn a_tool_that_breaks_breaks_nothing_else() {
    let script = vec![
        calls(&[
            ("pay", json!({"what": "panic"})),
            ("look", json!({"what": "panic"})),
        ]),
        text("done"),
    ];
    let world = World::new(script);
    assert_eq!(world.run().await.unwrap().outcome, finished("done"));
    let request = world.last_request();
    assert!(
        request.contains("The outcome is unknown: the tool broke"),
        "{request}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_repaired() {
    let script = vec![
        text("42"),
        text("{\"n\": \"x\"}"),
        text("```json\n{\"n\": 1}\n```"),
    ];
    let mut world = World::new(script);
    world.spec.answer = Some(AnswerSchema {
        name: "number".to_owned(),
        schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}),
    });
    let report = world.run().await.unwrap();
    let AgentOutcome::Finished { answer, .. } = report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert_eq!(answer, Some(json!({"n": 1})));
    assert_eq!(report.turns, 3);
}

#[tokio::test]
async fn an_answer_that_never_fits_fails() {
    let mut world = World::new(vec![text("no")]);
    world.spec.answer = Some(AnswerSchema {
        name: "number".to_owned(),
        schema: json!({"type": "integer"}),
    });
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Failed { .. }),
        "{report:?}"
    );
    assert_eq!(report.turns, 4);
}

#[tokio::test]
async fn going_round_in_circles_is_stopped() {
    let world = World::new(vec![calls(&[("look", json!({"what": "a"}))])]);
    let report = world.run().await.unwrap();
    assert_eq!(
        report.outcome,
        AgentOutcome::Stopped(Stop::Hopeless(StopCause::Looping))
    );
    assert_eq!(report.turns, 6);
    assert!(world.last_request().contains("several times in a row"));
}

#[tokio::test]
async fn saying_nothing_is_stopped() {
    let world = World::new(vec![text("")]);
    let report = world.run().await.unwrap();
    assert_eq!(
        report.outcome,
        AgentOutcome::Stopped(Stop::Hopeless(StopCause::Idle))
    );
    assert_eq!(report.turns, 3);
}

#[tokio::test]
async fn a_refusal_is_reported() {
    let refusal = Say::Parts(vec![Part::text("I cannot")], StopReason::Refusal);
    let report = World::new(vec![refusal]).run().await.unwrap();
    assert_eq!(
        report.outcome,
        AgentOutcome::Stopped(Stop::Hopeless(StopCause::Refused))
    );
}

#[tokio::test]
async fn a_model_that_fails_can_be_asked_again_later() {
    let error = ModelError::new(ModelErrorKind::Unreachable, "no route");
    let world = World::new(vec![Say::Error(error.clone())]);
    let report = world.run().await.unwrap();
    assert_eq!(
        report.outcome,
        AgentOutcome::Failed {
            problem: "no route".to_owned(),
            model_error: Some(error),
        }
    );
    let well = World::new(vec![text("back")]).with_store(world.store.clone());
    assert_eq!(well.run().await.unwrap().outcome, finished("back"));
}

#[tokio::test]
async fn another_specification_is_refused() {
    let mut world = World::new(vec![text("42")]);
    world.run().await.unwrap();
    world.spec.goal = "another goal".to_owned();
    let error = world.run().await.unwrap_err();
    assert!(
        error.to_string().contains("was started with specification"),
        "{error}"
    );
}

#[tokio::test]
async fn an_agent_has_only_the_tools_that_it_was_given() {
    let script = vec![calls(&[("pay", json!({"what": "b"}))]), text("done")];
    let mut world = World::new(script);
    world.spec.tools = ToolSelection::Only(vec!["look".to_owned()]);
    world.run().await.unwrap();
    assert!(world.outside.effects.lock().unwrap().is_empty());
    let request = world.last_request();
    assert!(request.contains("The tools are: look."), "{request}");
}

#[tokio::test]
async fn observers_change_nothing() {
    let script = vec![
        calls(&[
            ("pay", json!({"what": "b"})),
            ("look", json!({"what": "a"})),
        ]),
        text("done"),
    ];
    let mut world = World::new(script);
    world.spec.autonomy = Autonomy::Observe;
    world.run().await.unwrap();
    let effects = world.outside.effects.lock().unwrap().clone();
    assert_eq!(effects.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn two_tools_of_one_name_are_refused() {
    let world = World::new(vec![text("42")]);
    let twice = world
        .toolbox
        .with(Deed::new("pay", EffectClass::Pure, &world.outside));
    assert!(twice.is_err());
}

/// A tool that lets somebody say something while it runs.
struct Interrupted(std::sync::OnceLock<layercake_harness::Agent>, ToolSpec);

#[async_trait]
impl Tool for Interrupted {
    fn spec(&self) -> &ToolSpec {
        &self.1
    }

    async fn call(&self, _: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let agent = self.0.get().unwrap();
        assert!(
            agent
                .steer(&context.session, "olga", "in blue, please")
                .await
                .unwrap()
        );
        Ok(ToolOutput::text("painted"))
    }
}

#[tokio::test]
async fn people_are_heard_while_the_agent_works() {
    let mut world = World::new(vec![
        calls(&[("paint", json!({}))]),
        text("done"),
        text("blue"),
    ]);
    let spec = ToolSpec::new("paint", "paints", json!({"type": "object"}));
    let tool = Arc::new(Interrupted(std::sync::OnceLock::new(), spec));
    world.toolbox = world.toolbox.with_shared(tool.clone()).unwrap();
    let agent = world.agent();
    tool.0.set(agent.clone()).unwrap();
    let report = agent.run(&session(), &world.spec).await.unwrap();
    assert_eq!(report.outcome, finished("done"));
    assert!(world.last_request().contains("olga says: in blue, please"));
}

#[tokio::test]
async fn a_session_that_pauses_hears_people_when_it_goes_on() {
    let mut world = World::new(vec![calls(&[("look", json!({"what": "a"}))]), text("done")]);
    world.spec.budget.turns_max = 1;
    world.run().await.unwrap();
    let agent = world.agent();
    assert!(agent.steer(&session(), "olga", "hurry").await.unwrap());
    world.spec.budget.turns_max = 5;
    let report = agent.run(&session(), &world.spec).await.unwrap();
    assert_eq!(report.outcome, finished("done"));
    assert!(world.last_request().contains("olga says: hurry"));
    assert!(!agent.steer(&session(), "olga", "too late").await.unwrap());
}
