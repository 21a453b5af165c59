//! Forks by the real binary: the beginning is shared, the original is untouched, what did not
//! change is served from the record.

use serde_json::{Value, json};

use crate::world::Project;

const LISTING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: listing, version: '1.0.0' }
do:
  - files: { call: 'files-list:1.0.0@default', with: { folder: '${ .folder }' }, output: { as: '${ { count: (.files | length), name: $input.name } }' } }
  - ask: { call: 'approval:1.0.0@default', with: { title: go on?, show: '${ . }' }, output: { as: '${ { decision: .decision } }' } }
  - done: { set: { decision: '${ .decision }' } }
";

fn listed() -> (Project, String, Value) {
    let project = Project::empty();
    project.write("listing.yaml", LISTING);
    project.write("files/a.txt", "a");
    let folder = project.path("files");
    let input = json!({ "folder": folder, "name": "one" }).to_string();
    let done = project.run(&["run", "listing.yaml", "-i", &input, "--json"]);
    assert_eq!(done.code, 4, "{done:?}");
    let run = done.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(project.run(&["inbox", "approve"]).code, 0);
    let done = project.run(&["resume", &run, "--json"]);
    assert_eq!(
        done.json()["output"],
        json!({"decision": "approve"}),
        "{done:?}"
    );
    let log = project.run(&["log", &run, "--json"]);
    (project, run, json!(log.out))
}

fn log_of(project: &Project, run: &str) -> Value {
    json!(project.run(&["log", run, "--json"]).out)
}

#[test]
fn a_fork_before_a_decision_asks_again() {
    let (project, run, before) = listed();
    // What the prefix read is not read again.
    std::fs::remove_dir_all(project.path("files")).unwrap();
    let done = project.run(&["fork", &run, "--at", "ask", "--json"]);
    assert_eq!(done.code, 4, "{done:?}");
    let fork = done.json()["run"].as_str().unwrap().to_owned();
    assert_ne!(fork, run);
    assert_eq!(project.run(&["inbox", "reject"]).code, 0);
    let done = project.run(&["resume", &fork, "--json"]);
    assert_eq!(
        done.json()["output"],
        json!({"decision": "reject"}),
        "{done:?}"
    );
    assert_eq!(log_of(&project, &run), before, "the original is untouched");
    let diff = project.run(&["diff", &run, &fork, "--json"]).json();
    assert_eq!(diff["origins"][0]["cause"], "human", "{diff}");
    assert_eq!(diff["origins"][0]["task"], "ask");
    assert_eq!(project.run(&["replay", &fork]).code, 0);
}

#[test]
fn a_dry_run_says_what_would_be_live_and_changes_nothing() {
    let (project, run, _) = listed();
    let plan = project.run(&["fork", &run, "--at", "ask", "--dry-run", "--json"]);
    let plan = plan.json();
    assert_eq!(plan["schema"], "layercake.fork-plan/1");
    assert_eq!(plan["live"], json!([{"task": "ask", "what": "go on?"}]));
    assert_eq!(
        project.run(&["ls", "--json"]).json()["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_a_change_does_not_reach_is_served_from_the_record() {
    let (project, run, _) = listed();
    std::fs::remove_dir_all(project.path("files")).unwrap();
    let set = ["fork", &run, "--at", "ask", "--set", "name=two", "--json"];
    let plan = project.run(&[&set[..], &["--dry-run"]].concat()).json();
    assert_eq!(
        (&plan["served"], &plan["live"][0]["task"]),
        (&json!(1), &json!("ask")),
        "{plan}"
    );
    let done = project.run(&set);
    assert_eq!(done.code, 4, "{done:?}");
    let item = &project.run(&["inbox", "--json"]).json()["items"][0];
    assert_eq!(item["shown"], json!({"count": 1, "name": "two"}), "{item}");
}

#[test]
fn a_point_that_is_not_there_is_refused() {
    let (project, run, _) = listed();
    let done = project.run(&["fork", &run, "--at", "nowhere"]);
    done.check_error(3, "LC0710", &["no task `nowhere`"]);
}
