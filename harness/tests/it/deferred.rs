//! Many tools in a small request: they are found when they are needed, and judged as themselves.

use layercake_harness::sandbox::{Launcher, Sandbox};
use layercake_harness::tool::{
    Edit, KeepPlan, List, Read, Search, SharedTool, Shell, TakeNote, Write,
};
use layercake_harness::{Autonomy, EffectClass, Toolbox, Workspace};
use serde_json::json;
use std::sync::Arc;

use crate::support::{Deed, World, calls, text};

/// The eight tools that a working agent always has.
fn core(folder: &std::path::Path) -> Toolbox {
    let space = Workspace::open(folder).unwrap();
    let launcher = Launcher::at(env!("CARGO_BIN_EXE_layercake-supervise"));
    let shell = Shell::new(space.clone(), launcher, Sandbox::Unconfined);
    Toolbox::new()
        .with(Read::new(space.clone()))
        .and_then(|it| it.with(List::new(space.clone())))
        .and_then(|it| it.with(Search::new(space.clone())))
        .and_then(|it| it.with(Write::new(space.clone())))
        .and_then(|it| it.with(Edit::new(space)))
        .and_then(|it| it.with(shell))
        .and_then(|it| it.with(KeepPlan::new()))
        .and_then(|it| it.with(TakeNote::new()))
        .unwrap()
}

/// Adds two hundred tools in two namespaces.
fn with_many(world: &World, toolbox: Toolbox) -> Toolbox {
    let tools = |class: EffectClass, prefix: &str| -> Vec<SharedTool> {
        let names = (0..100).map(|number| format!("{prefix}_{number}"));
        let deeds = names.map(|name| Deed::new(&name, class, &world.outside));
        deeds.map(|deed| Arc::new(deed) as SharedTool).collect()
    };
    toolbox
        .with_namespace(
            "crm",
            "customers and orders",
            tools(EffectClass::Read, "order"),
        )
        .unwrap()
        .with_namespace("bank", "money", tools(EffectClass::Unsafe, "transfer"))
        .unwrap()
}

fn world(lines: Vec<crate::support::Say>, folder: &std::path::Path) -> World {
    let mut world = World::new(lines);
    world.toolbox = with_many(&world, core(folder));
    world
}

#[tokio::test]
async fn the_first_request_stays_below_eight_kilobytes() {
    let folder = tempfile::tempdir().unwrap();
    let many = world(vec![text("done")], folder.path());
    for toolbox in [core(folder.path()), many.toolbox.clone()] {
        let mut world = World::new(vec![text("done")]);
        world.toolbox = toolbox;
        world.run().await.unwrap();
        let bytes = world.last_request().len();
        assert!(bytes < 8 * 1024, "{bytes}");
    }
    let names: Vec<_> = many.toolbox.for_model();
    assert_eq!(names.len(), 8 + 2, "the core, the search and the call");
}

#[tokio::test]
async fn a_tool_is_found_called_and_judged_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let call = |name: &str, what: &str| {
        let wrapped = json!({"name": name, "arguments": {"what": what}});
        ("tool_call", wrapped)
    };
    let lines = vec![
        calls(&[("tool_search", json!({"query": "transfer 42"}))]),
        calls(&[call("order_7", "seven"), call("transfer_42", "rent")]),
        calls(&[("tool_call", json!({"name": "order_7", "arguments": {}}))]),
        calls(&[call("order_700", "none")]),
        text("done"),
    ];
    let mut world = world(lines, folder.path());
    world.spec.autonomy = Autonomy::Approve;
    world.run().await.unwrap();
    let seen = world.last_request();
    assert!(
        seen.contains("transfer_42: does something"),
        "the search shows it"
    );
    assert!(seen.contains("did seven"), "reading needs nobody");
    assert!(seen.contains("nobody said no"), "money needs a person");
    assert!(seen.contains("do not fit the schema of `order_7`"));
    assert!(seen.contains("There is no tool `order_700`"));
    let effects = world.outside.effects.lock().unwrap().clone();
    assert_eq!(effects.keys().collect::<Vec<_>>(), ["seven"]);
    let requests = world.model.requests.lock().unwrap();
    assert!(
        requests
            .iter()
            .all(|request| request.tools == requests[0].tools)
    );
}

#[tokio::test]
async fn searches_name_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let lines = vec![
        calls(&[("tool_search", json!({"namespace": "bank"}))]),
        calls(&[("tool_search", json!({"query": "zebra"}))]),
        text("done"),
    ];
    let world = world(lines, folder.path());
    world.run().await.unwrap();
    let seen = world.last_request();
    assert!(seen.contains("transfer_0, transfer_1,") && !seen.contains("order_1,"));
    assert!(seen.contains("No tool fits"));
}
