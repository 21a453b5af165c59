//! Calls that a server carries out as tasks: found again by their id, asked about on the way.

use std::path::Path;
use std::sync::Arc;

use layercake_harness::approval::{Approver, Decision, MemoryInbox};
use layercake_harness::mcp::{McpOffer, McpServer};
use layercake_harness::tool::{Tool, ToolError};
use layercake_harness::{AgentOutcome, EffectClass, Toolbox};
use serde_json::json;

use super::peers::{Peers, folder};
use super::servers::{approver, context, find, server};
use crate::support::{World, calls, session, text};

fn travelling(peers: &Peers, home: &Path) -> McpServer {
    let script = folder().join("tasks.mjs").to_string_lossy().into_owned();
    let journal = home.join("journal").to_string_lossy().into_owned();
    server(peers, "agency", vec![peers.node(), script, journal], home)
}

/// The offer as an operator configured it: a task can be taken up by its id.
async fn offer(server: &McpServer) -> McpOffer {
    let mut offer = server.offer().await.unwrap();
    assert_eq!(offer.revision, "2026-07-28");
    for tool in &mut offer.tools {
        tool.class = EffectClass::Resumable;
    }
    offer
}

fn journal(home: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(home.join("journal")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Days may pass between the question and the answer, and the process may be another one: the
/// task goes on, and the effect happens once.
#[tokio::test]
async fn a_task_waits_for_a_person_and_is_taken_up_by_another_process() {
    let Some(peers) = Peers::find() else { return };
    let home = tempfile::tempdir().unwrap();
    let inbox = Arc::new(MemoryInbox::new());
    let people: Arc<dyn Approver> = inbox.clone();
    let mut world = World::new(vec![calls(&[("agency__travel", json!({}))]), text("done")]);
    world.approver = people.clone();

    let first = travelling(&peers, home.path());
    let offer = offer(&first).await;
    let boxed = |server: &McpServer| {
        let tools = server.tools(&offer, "tester", &people);
        tools
            .into_iter()
            .try_fold(Toolbox::new(), Toolbox::with)
            .unwrap()
    };
    world.toolbox = boxed(&first);
    let report = world.run().await.unwrap();
    let AgentOutcome::Waiting { questions, .. } = &report.outcome else {
        panic!("{report:?}")
    };
    assert!(questions[0].title.contains("Which city?"), "{questions:?}");
    first.close().await;

    let answer = Decision::Answered {
        by: "ann".to_owned(),
        text: "Turin".to_owned(),
    };
    assert!(inbox.settle(questions[0].id, answer));
    let second = travelling(&peers, home.path());
    world.toolbox = boxed(&second);
    let report = world.agent().run(&session(), &world.spec).await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert!(world.last_request().contains("arrived in Turin"));
    assert_eq!(journal(home.path()), ["begun task-s/1.0", "arrived Turin"]);
    second.close().await;
}

#[tokio::test]
async fn a_call_that_is_stopped_cancels_its_task_and_says_what_is_true() {
    let Some(peers) = Peers::find() else { return };
    let home = tempfile::tempdir().unwrap();
    let server = travelling(&peers, home.path());
    let inbox: Arc<dyn Approver> = Arc::new(MemoryInbox::new());
    let tools = server.tools(&server.offer().await.unwrap(), "tester", &inbox);
    let context = context();
    let stop = context.cancellation.clone();
    let stopping = async {
        while journal(home.path()).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    let tool = find(&tools, "agency__travel");
    let (result, ()) = tokio::join!(tool.call(json!({}), context), stopping);
    assert!(matches!(result, Err(ToolError::Unknown(_))), "{result:?}");
    let journal = journal(home.path());
    assert_eq!(journal, ["begun task-s/1.0", "cancelled task-s/1.0"]);
    server.close().await;
}

#[tokio::test]
async fn a_server_does_not_get_to_use_our_model() {
    let Some(peers) = Peers::find() else { return };
    let home = tempfile::tempdir().unwrap();
    let server = travelling(&peers, home.path());
    let tools = server.tools(&server.offer().await.unwrap(), "tester", &approver());
    let result = find(&tools, "agency__think")
        .call(json!({}), context())
        .await;
    let why = result.unwrap_err().to_string();
    assert!(why.contains("which it may not"), "{why}");
    server.close().await;
}
