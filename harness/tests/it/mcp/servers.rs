//! The reference servers, driven by an agent: started, used, killed, started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use layercake_harness::approval::{Approver, Decision, MemoryInbox, StandingDecision};
use layercake_harness::mcp::{
    McpAddress, McpOffer, McpProgram, McpServer, McpSettings, McpTool, NoConsent,
};
use layercake_harness::sandbox::{Launcher, Policy, Sandbox};
use layercake_harness::tool::{Tool, ToolContext, ToolError};
use layercake_harness::{AgentOutcome, CallId, EffectClass, SessionId, Toolbox, Workspace};
use layercake_model::Secret;
use serde_json::{Value, json};

use super::peers::Peers;
use crate::support::{World, calls, text};

/// Makes a server of a program; its sandbox is the one that commands get, and it may read
/// nothing more than its own packages.
pub(super) fn server(peers: &Peers, name: &str, command: Vec<String>, folder: &Path) -> McpServer {
    McpServer::new(settings(peers, name, command, folder), Arc::new(NoConsent))
}

fn settings(peers: &Peers, name: &str, command: Vec<String>, folder: &Path) -> McpSettings {
    let mut policy = Policy::for_workspace(&Workspace::open(folder).unwrap());
    policy.readable.push(peers.modules.clone());
    policy.readable.push(super::peers::folder());
    let sandbox = Sandbox::confined(policy).unwrap_or(Sandbox::Unconfined);
    let program = McpProgram {
        command,
        folder: folder.to_owned(),
        variables: BTreeMap::from([("GREETING".to_owned(), Secret::new("hello there"))]),
        sandbox,
        launcher: Launcher::at(env!("CARGO_BIN_EXE_layercake-supervise")),
    };
    McpSettings::new(name, McpAddress::Program(program))
}

fn everything(peers: &Peers, folder: &Path) -> McpServer {
    let program = peers.program("@modelcontextprotocol/server-everything");
    let command = vec![peers.node(), program, "stdio".to_owned()];
    server(peers, "everything", command, folder)
}

fn filesystem(peers: &Peers, folder: &Path) -> McpServer {
    let program = peers.program("@modelcontextprotocol/server-filesystem");
    let path = folder.to_string_lossy().into_owned();
    server(peers, "files", vec![peers.node(), program, path], folder)
}

pub(super) fn approver() -> Arc<dyn Approver> {
    Arc::new(StandingDecision::approve("somebody", ""))
}

fn toolbox(tools: Vec<McpTool>) -> Toolbox {
    tools
        .into_iter()
        .try_fold(Toolbox::new(), Toolbox::with)
        .unwrap()
}

pub(super) fn find<'a>(tools: &'a [McpTool], name: &str) -> &'a McpTool {
    let found = tools.iter().find(|tool| tool.spec().name == name);
    found.unwrap_or_else(|| panic!("no tool {name}"))
}

pub(super) fn context() -> ToolContext {
    ToolContext::alone(SessionId::new("s").unwrap(), CallId { turn: 1, index: 0 })
}

async fn called(tools: &[McpTool], name: &str, arguments: Value) -> String {
    let output = find(tools, name).call(arguments, context()).await.unwrap();
    output.content
}

/// Waits until no process of a session of processes is left.
async fn ends(session: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if !Path::new(&format!("/proc/{session}")).exists() && members(session) == 0 {
            return true;
        }
        // There is no sign to wait for but the process table.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Counts the processes whose session is led by a process.
fn members(session: u32) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| {
            let fields = stat.rsplit(')').next().unwrap_or_default();
            fields.split_whitespace().nth(3) == Some(&session.to_string())
        })
        .count()
}

/// Says whether every request showed the model the same tools.
fn prefix_stays(world: &World) -> bool {
    let requests = world.model.requests.lock().unwrap();
    let tools = requests
        .iter()
        .map(|it| serde_json::to_string(&it.tools).unwrap());
    let tools: Vec<String> = tools.collect();
    tools.windows(2).all(|pair| pair[0] == pair[1])
}

fn kill(process: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn an_agent_works_with_the_reference_servers() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let (echo, files) = (everything(&peers, &path), filesystem(&peers, &path));
    let mut tools = echo.tools(&echo.offer().await.unwrap(), "tester", &approver());
    tools.extend(files.tools(&files.offer().await.unwrap(), "tester", &approver()));
    let note = path.join("note.txt");
    let mut world = World::new(vec![
        calls(&[("everything__echo", json!({"message": "are you there?"}))]),
        calls(&[(
            "files__write_file",
            json!({"path": note, "content": "kept"}),
        )]),
        text("done"),
    ]);
    world.toolbox = toolbox(tools);
    let report = world.run().await.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    assert_eq!(std::fs::read_to_string(note).unwrap(), "kept");
    assert!(world.last_request().contains("Echo: are you there?"));
    echo.close().await;
    files.close().await;
}

#[tokio::test]
async fn a_server_that_is_killed_in_a_call_costs_only_that_call() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = everything(&peers, folder.path());
    let offer = server.offer().await.unwrap();
    let first = server.process_id().await.unwrap();
    let long = json!({"duration": 60, "steps": 60});
    let mut world = World::new(vec![
        calls(&[("everything__trigger-long-running-operation", long)]),
        calls(&[("everything__echo", json!({"message": "again"}))]),
        text("done"),
    ]);
    world.toolbox = toolbox(server.tools(&offer, "tester", &approver()));
    let killing = async {
        let mut asked = world.model.requests.lock().unwrap().len();
        while asked == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            asked = world.model.requests.lock().unwrap().len();
        }
        // The call is on its way or will be in a moment; killed earlier, it fails instead.
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill(first);
    };
    let (report, ()) = tokio::join!(world.run(), killing);
    let report = report.unwrap();
    assert!(
        matches!(report.outcome, AgentOutcome::Finished { .. }),
        "{report:?}"
    );
    let kinds = world.kinds().await;
    assert!(
        kinds.iter().any(|kind| kind.contains("unknown")),
        "{kinds:?}"
    );
    assert!(world.last_request().contains("Echo: again"));
    assert_ne!(
        server.process_id().await,
        Some(first),
        "another process answers now"
    );
    assert!(prefix_stays(&world), "the tools change between turns");
    assert!(ends(first).await, "nothing of the killed server is left");
    server.close().await;
}

#[tokio::test]
async fn an_offer_makes_the_same_tools_in_a_process_that_never_asked() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = everything(&peers, folder.path());
    let offer = server.offer().await.unwrap();
    server.close().await;
    let kept: McpOffer = serde_json::from_str(&serde_json::to_string(&offer).unwrap()).unwrap();
    let later = everything(&peers, folder.path());
    let tools = later.tools(&kept, "tester", &approver());
    assert_eq!(later.process_id().await, None, "nothing was started for it");
    let said = called(&tools, "everything__echo", json!({"message": "hi"})).await;
    assert_eq!(said, "Echo: hi");
    later.close().await;
}

#[tokio::test]
async fn a_server_sees_no_variable_that_it_was_not_given() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = everything(&peers, folder.path());
    let tools = server.tools(&server.offer().await.unwrap(), "tester", &approver());
    let seen = called(&tools, "everything__get-env", json!({})).await;
    assert!(seen.contains("hello there"), "{seen}");
    // This process has it, whoever runs the tests.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!seen.contains("CARGO"), "{seen}");
    server.close().await;
}

#[tokio::test]
async fn a_server_ends_with_its_connection() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let closed = everything(&peers, folder.path());
    closed.offer().await.unwrap();
    let process = closed.process_id().await.unwrap();
    closed.close().await;
    assert!(ends(process).await, "closing ends it");
    let dropped = everything(&peers, folder.path());
    dropped.offer().await.unwrap();
    let process = dropped.process_id().await.unwrap();
    drop(dropped);
    assert!(ends(process).await, "dropping ends it");
}

#[tokio::test]
async fn what_a_server_asks_is_put_to_a_person() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = everything(&peers, folder.path());
    let inbox = Arc::new(MemoryInbox::new());
    let people: Arc<dyn Approver> = inbox.clone();
    let tools = server.tools(&server.offer().await.unwrap(), "tester", &people);
    let asking = find(&tools, "everything__trigger-elicitation-request");
    let deciding = async {
        let question = loop {
            match inbox.open().pop() {
                Some(question) => break question,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        assert!(question.title.contains("`everything`"), "{question:?}");
        let decision = Decision::Rejected {
            by: "ann".to_owned(),
            why: "none of its business".to_owned(),
        };
        assert!(inbox.settle(question.id, decision));
    };
    let (output, ()) = tokio::join!(asking.call(json!({}), context()), deciding);
    let said = output.unwrap().content;
    assert!(said.contains("declined"), "{said}");
    server.close().await;
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let Some(peers) = Peers::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "console.error('no licence key'); process.exit(3)";
    let command = [peers.node(), "-e".to_owned(), script.to_owned()];
    let server = server(&peers, "broken", command.to_vec(), folder.path());
    let error = server.offer().await.unwrap_err().to_string();
    assert!(error.contains("no licence key"), "{error}");
    // A session that had its tools goes on: the call fails, and that is true.
    let offer = McpOffer {
        server: "broken".to_owned(),
        revision: String::new(),
        tools: vec![layercake_harness::mcp::OfferedTool {
            name: "broken__act".to_owned(),
            remote: "act".to_owned(),
            description: String::new(),
            input_schema: json!({"type": "object"}),
            class: EffectClass::Unsafe,
        }],
        left_out: Vec::new(),
    };
    let tools = server.tools(&offer, "tester", &approver());
    let error = tools[0].call(json!({}), context()).await.unwrap_err();
    assert!(
        matches!(&error, ToolError::Failed(why) if why.starts_with("the call was not made")),
        "{error:?}"
    );
}
