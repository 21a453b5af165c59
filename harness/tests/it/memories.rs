//! What outlives a session, and going on without its window.

use std::sync::Arc;

use layercake_harness::contract::Criterion;
use layercake_harness::memory::{FolderMemory, Memory, VolatileMemory, check_memory};
use layercake_harness::profile::Profile;
use layercake_harness::tool::{FunctionTool, KeepPlan, Recall, Remember, TakeNote, Tool};
use layercake_harness::{Autonomy, EffectClass, Toolbox};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::support::{World, calls, session, text};

#[tokio::test]
async fn every_memory_keeps_the_contract() {
    check_memory(&VolatileMemory::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let memory = FolderMemory::open(folder.path()).unwrap();
    check_memory(&memory).await.unwrap();
    let again = FolderMemory::open(folder.path()).unwrap();
    assert_eq!(again.recall("Ann", 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_session_remembers_and_another_recalls() {
    let memory: Arc<dyn Memory> = Arc::new(VolatileMemory::default());
    let toolbox = || {
        let toolbox = Toolbox::new().with(Remember::new(Arc::clone(&memory)));
        toolbox
            .unwrap()
            .with(Recall::new(Arc::clone(&memory)))
            .unwrap()
    };
    let fact = json!({"text": "The rack fits a child seat."});
    let mut first = World::new(vec![calls(&[("remember", fact)]), text("done")]);
    first.toolbox = toolbox();
    first.run().await.unwrap();
    let ask = calls(&[("recall", json!({"words": "child seat"}))]);
    let mut later = World::new(vec![ask, text("done")]);
    later.toolbox = toolbox();
    later.run().await.unwrap();
    let seen = later.last_request();
    assert!(
        seen.contains("- The rack fits a child seat. [session s, call 1.0]"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_hand_over_note_says_what_the_next_one_needs() {
    let lines = vec![
        calls(&[("plan", json!({"plan": "1. count the racks"}))]),
        calls(&[("note", json!({"note": "there are 42 racks"}))]),
        calls(&[("look", json!({"what": "the shelf"}))]),
        text("done"),
    ];
    let mut world = World::new(lines);
    world.toolbox = world.toolbox.with(KeepPlan::new()).unwrap();
    world.toolbox = world.toolbox.with(TakeNote::new()).unwrap();
    world.spec.autonomy = Autonomy::Edit;
    world.run().await.unwrap();
    let agent = world.agent();
    let note = agent.hand_over_note(&session()).await.unwrap().unwrap();
    for word in [
        "the goal",
        "1. count the racks",
        "there are 42 racks",
        "did the shelf",
    ] {
        assert!(note.text.contains(word), "{word} is missing: {}", note.text);
    }
    let mut to = world.spec.clone();
    to.autonomy = Autonomy::Full;
    let successor = agent.successor(&session(), &to).await.unwrap();
    assert_eq!(successor.autonomy, Autonomy::Edit, "never more than before");
    assert_eq!(successor.budget.turns_max, world.spec.budget.turns_max - 4);
    assert_eq!(successor.material, [note]);
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    /// The first number.
    a: i64,
    b: i64,
}

#[tokio::test]
async fn a_function_is_a_tool_with_the_schema_of_its_argument() {
    let add = FunctionTool::new("add", "Adds.", |sum: Sum| async move {
        sum.a.checked_add(sum.b).ok_or("too large")
    });
    let add = add.declared(|spec| {
        spec.class(EffectClass::Pure)
            .example(json!({"a": 1, "b": 2}))
    });
    let schema = &add.spec().input_schema;
    assert_eq!(
        schema["properties"]["a"]["description"],
        "The first number."
    );
    assert_eq!(schema["examples"], json!([{"a": 1, "b": 2}]));
    let lines = vec![
        calls(&[
            ("add", json!({"a": 40, "b": 2})),
            ("add", json!({"a": i64::MAX, "b": 1})),
            ("add", json!({"a": "x"})),
        ]),
        text("done"),
    ];
    let mut world = World::new(lines);
    world.toolbox = Toolbox::new().with(add).unwrap();
    world.run().await.unwrap();
    let seen = world.last_request();
    assert!(
        seen.contains("\"42\"") && seen.contains("too large"),
        "{seen}"
    );
    assert!(seen.contains("do not fit the schema"), "{seen}");
}

#[test]
fn the_two_profiles_differ_in_tools_autonomy_and_feedback() {
    let coding = Profile::coding(["cargo test"]);
    let business = Profile::business(["every message has an answer"]);
    assert!(coding.tools.contains(&"shell".to_owned()));
    assert!(!business.tools.contains(&"shell".to_owned()));
    assert!(coding.autonomy > business.autonomy);
    let feedback = |profile: &Profile| profile.contract().map(|contract| contract.criteria);
    assert!(
        matches!(&feedback(&coding).unwrap()[..], [Criterion::Command { line }] if line == "cargo test")
    );
    assert!(matches!(
        &feedback(&business).unwrap()[..],
        [Criterion::Verdict { .. }]
    ));
    let bare = Profile::coding(Vec::<String>::new());
    assert_eq!(bare.contract(), None, "the contract can be left out");
    let toolbox = Toolbox::new().with(KeepPlan::new()).unwrap();
    let spec = coding.spec("mend it", &toolbox);
    let named = layercake_harness::ToolSelection::Only(vec!["plan".to_owned()]);
    assert_eq!(spec.tools, named);
}
