//! Two terminals on one store: two real processes, of which one has the store open.

use std::process::Command;

use serde_json::Value;

use crate::world::{Background, Project, QUESTION, names};

const RUN: [&str; 5] = ["run", "inbox.yaml", "-i", r#"{"folder":"one"}"#, "--wait"];

/// Starts the bundled routine in the background, and waits until it asks.
fn asking() -> (Project, Background, Value) {
    let project = Project::with_example();
    project.write("one/a.eml", QUESTION);
    let first = project.start(&[&RUN[..], &["--json"]].concat());
    let item = question(&project);
    (project, first, item)
}

/// Asks from a terminal of its own until a question is open.
fn question(project: &Project) -> Value {
    loop {
        let inbox = project.run(&["inbox", "--json"]);
        if inbox.code == 0
            && let Some(item) = inbox.json()["items"].as_array_mut().and_then(Vec::pop)
        {
            return item;
        }
    }
}

#[test]
fn a_second_terminal_decides_while_the_first_waits() {
    let (project, first, item) = asking();
    let run = item["run"].as_str().unwrap();
    assert_eq!(
        project.run(&["show", run, "--json"]).json()["status"],
        "waiting"
    );
    let decided = project.run(&["inbox", "approve", item["id"].as_str().unwrap()]);
    assert_eq!(decided.code, 0, "{decided:?}");
    assert!(decided.err.contains("goes on with the run"), "{decided:?}");
    let done = first.finish();
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["status"], "completed");
    assert_eq!(names(&project.path("outbox")).len(), 1);
    assert!(
        !project.path(".layercake/host.sock").exists(),
        "the socket is gone"
    );
}

#[test]
fn a_question_is_decided_once() {
    let (project, first, item) = asking();
    let id = item["id"].as_str().unwrap();
    assert_eq!(project.run(&["inbox", "reject", id]).code, 0);
    project
        .run(&["inbox", "approve", id])
        .check_error(2, "LC0801", &["layercake inbox"]);
    assert!(first.finish().json()["output"]["refused"].is_object());
}

#[test]
fn a_second_terminal_starts_and_lists_runs_through_the_first() {
    let (project, mut first, _) = asking();
    project.write(
        "two/a.eml",
        &QUESTION.replace("q1", "q2").replace("Ann", "Bob"),
    );
    let second = project.run(&["run", "inbox.yaml", "-i", r#"{"folder":"two"}"#, "--json"]);
    assert_eq!(second.code, 4, "{second:?}");
    let list = project.run(&["ls", "--json"]).json();
    assert_eq!(list["runs"].as_array().unwrap().len(), 2);
    first.kill();
    let list = project.run(&["ls", "--json"]).json();
    assert_eq!(
        list["runs"].as_array().unwrap().len(),
        2,
        "both are on disk"
    );
    let other = project.run(&["run", "inbox.yaml", "--model", "default=scripted"]);
    assert_eq!(other.code, 2, "no folder: {other:?}");
}

#[test]
fn a_second_terminal_takes_over_when_the_first_is_killed() {
    let (project, mut first, item) = asking();
    let run = item["run"].as_str().unwrap();
    let second = project.start(&["resume", run, "--wait", "--json"]);
    // The second terminal is a guest as long as the first lives; it must not hold the store.
    let inbox = project.run(&["inbox", "--json"]);
    assert_eq!(inbox.json()["items"].as_array().unwrap().len(), 1);
    first.kill();
    let approved = project.run(&["inbox", "approve"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    let done = second.finish();
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["status"], "completed");
}

#[test]
fn a_stale_socket_stands_in_nobodys_way() {
    let (project, mut first, _) = asking();
    first.kill();
    assert!(
        project.path(".layercake/host.sock").exists(),
        "SIGKILL leaves it behind"
    );
    assert_eq!(project.run(&["ls"]).code, 0);
    assert_eq!(project.run(&["inbox", "approve"]).code, 0);
    assert_eq!(project.run(&["resume"]).code, 0);
}

#[test]
fn a_store_with_a_long_path_can_be_shared_too() {
    let project = Project::with_example();
    project.write("one/a.eml", QUESTION);
    let store = format!("deep/{}/store", "d".repeat(120));
    let first = project.start(&[&RUN[..], &["--json", "--store", &store]].concat());
    let item = loop {
        let inbox = project.run(&["inbox", "--json", "--store", &store]);
        if inbox.code == 0
            && let Some(item) = inbox.json()["items"].as_array_mut().and_then(Vec::pop)
        {
            break item;
        }
    };
    let id = item["id"].as_str().unwrap();
    assert_eq!(
        project
            .run(&["inbox", "approve", id, "--store", &store])
            .code,
        0
    );
    assert_eq!(first.finish().code, 0);
}

#[test]
fn ctrl_c_keeps_everything_and_says_how_to_go_on() {
    let (project, mut first, item) = asking();
    let pid = first.child().id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let done = first.finish();
    let run = item["run"].as_str().unwrap();
    done.check_error(130, "LC0708", &[&format!("layercake resume {run}")]);
    assert_eq!(project.run(&["inbox", "approve"]).code, 0);
    assert_eq!(project.run(&["resume", run]).code, 0);
}
