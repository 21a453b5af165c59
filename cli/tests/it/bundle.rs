//! Bundles by the real binary: the same bytes, no secret, still replayable, and with sockets
//! forbidden.

use std::process::Command;

use serde_json::json;

use crate::world::{Done, Project};

const NOTING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: noting, version: '1.0.0' }
do:
  - files: { call: 'files-list:1.0.0@default', with: { folder: '${ .folder }', parse: text } }
  - keep: { set: { seen: '${ . }' } }
";
const SECRET: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

fn noted() -> (Project, String) {
    let project = Project::empty();
    project.write("noting.yaml", NOTING);
    project.write("files/a.txt", &format!("the token is {SECRET}, keep it"));
    let input = json!({ "folder": project.path("files"), "password": "hunter2-and-more" });
    let done = project.run(&["run", "noting.yaml", "-i", &input.to_string(), "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run = done.json()["run"].as_str().unwrap().to_owned();
    (project, run)
}

#[test]
fn a_bundle_is_deterministic_redacted_and_replayable() {
    let (project, run) = noted();
    let done = project.run(&["export", &run, "-o", "one.lcrun", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.json()["replaced"].is_object(), "{done:?}");
    assert_eq!(project.run(&["export", &run, "-o", "two.lcrun"]).code, 0);
    let bytes = |name: &str| std::fs::read(project.path(name)).unwrap();
    assert_eq!(
        bytes("one.lcrun"),
        bytes("two.lcrun"),
        "the same run is the same file"
    );
    let opened = project.run(&["open", "one.lcrun", "--json"]);
    assert!(
        !opened.out.contains(SECRET) && !opened.out.contains("hunter2"),
        "{opened:?}"
    );
    assert!(opened.out.contains("[redacted:"), "{opened:?}");
    let replayed = project.run(&["replay", "one.lcrun", "--json"]);
    assert_eq!(
        (replayed.code, &replayed.json()["verdict"]),
        (0, &json!("exact")),
        "{replayed:?}"
    );
    let whole = project.run(&["export", &run, "-o", "whole.lcrun", "--unredacted"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let same = project.run(&["diff", "whole.lcrun", &run, "--json"]);
    assert_eq!(same.json()["verdict"], "same", "{same:?}");
    let gate = project.run(&["replay", "--all", "."]);
    assert_eq!(gate.code, 0, "{gate:?}");
}

#[test]
fn a_changed_bundle_is_refused() {
    let (project, run) = noted();
    assert_eq!(project.run(&["export", &run, "-o", "one.lcrun"]).code, 0);
    let mut bytes = std::fs::read(project.path("one.lcrun")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(project.path("bad.lcrun"), &bytes).unwrap();
    project
        .run(&["open", "bad.lcrun"])
        .check_error(2, "LC0711", &[]);
    std::fs::write(project.path("cut.lcrun"), &bytes[..middle]).unwrap();
    project
        .run(&["replay", "cut.lcrun"])
        .check_error(2, "LC0711", &[]);
}

#[test]
fn an_agents_run_can_be_carried_too() {
    let project = Project::with_example();
    let done = project.run(&["agent", &format!("say {SECRET}"), "--json"]);
    let run = done.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(project.run(&["export", &run, "-o", "a.lcrun"]).code, 0);
    let opened = project.run(&["open", "a.lcrun", "--json"]);
    assert!(!opened.out.contains(SECRET), "{opened:?}");
    let replayed = project.run(&["replay", "a.lcrun", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert_eq!(replayed.json()["runs"][0]["outcome"], "kept");
}

#[test]
fn a_replay_needs_no_network_and_no_settings() {
    let (project, run) = noted();
    assert_eq!(project.run(&["export", &run, "-o", "one.lcrun"]).code, 0);
    // A namespace without any network; the same check as a filter on `socket` would make.
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(env!("CARGO_BIN_EXE_layercake"))
        .args(["replay", "one.lcrun", "--json"])
        .current_dir(project.path("."));
    let Ok(output) = command.output() else {
        assert!(std::env::var_os("CI").is_none(), "unshare is missing");
        eprintln!("SKIPPED: there is no `unshare` here");
        return;
    };
    let done = Done::of(&output);
    if done.err.contains("unshare") && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED: no network namespaces here: {}", done.err);
        return;
    }
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (0, &json!("exact")),
        "{done:?}"
    );
}
