//! What programs rely on: the JSON documents, the exit codes, and quiet streams.

use serde_json::{Value, json};

use crate::world::{Project, QUESTION};

const GREETING: &str = "\
document:
  dsl: '1.0.3'
  namespace: test
  name: greeting
  version: '1.0.0'
input:
  schema:
    document: { type: object, required: [name], properties: { name: { type: string } } }
do:
  - greet:
      set: { text: '${ \"Hello \" + .name }' }
";

/// Makes a project with one message and runs the bundled routine until it asks.
fn asked() -> Project {
    let project = Project::with_example();
    project.write("one/a.eml", QUESTION);
    let done = project.run(&["run", "inbox.yaml", "-i", r#"{"folder":"one"}"#, "--json"]);
    assert_eq!(done.code, 4, "{done:?}");
    project
}

#[test]
fn a_run_is_one_document() {
    let project = Project::empty();
    project.write("greeting.yaml", GREETING);
    let done = project.run(&["run", "greeting.yaml", "-i", r#"{"name":"Ann"}"#, "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run = done.json();
    assert_eq!(run["schema"], "layercake.run/1");
    assert_eq!(run["kind"], "routine");
    assert_eq!(run["name"], "test/greeting@1.0.0");
    assert_eq!(run["status"], "completed");
    assert_eq!(run["input"], json!({"name": "Ann"}));
    assert_eq!(run["output"], json!({"text": "Hello Ann"}));
    assert_eq!(
        (&run["error"], &run["parent"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&run["model_calls"], &run["tool_calls"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(
        (&run["cost"]["usd"], &run["cost"]["exact"]),
        (&json!("0"), &json!(true))
    );
    assert_eq!(run["waiting_for"], json!([]));
    assert!(run["started_at"].as_str().unwrap().ends_with('Z'), "{run}");
    assert_eq!(project.run(&["show", "--json"]).json(), run);
    assert_eq!(
        project
            .run(&["show", &run["run"].as_str().unwrap()[..20], "--json"])
            .json(),
        run
    );
}

#[test]
fn the_input_comes_from_a_file_or_from_standard_input_too() {
    let project = Project::empty();
    project.write("greeting.yaml", GREETING);
    project.write("input.json", r#"{"name":"File"}"#);
    let done = project.run(&["run", "greeting.yaml", "-i", "@input.json", "--json"]);
    assert_eq!(done.json()["output"]["text"], "Hello File");
    let mut command = project.command(&["run", "greeting.yaml", "-i", "-", "--json"]);
    command.stdin(std::fs::File::open(project.path("input.json")).unwrap());
    let done = crate::world::Done::of(&command.output().unwrap());
    assert_eq!(done.json()["output"]["text"], "Hello File");
}

#[test]
fn a_waiting_run_says_what_it_waits_for_and_the_inbox_has_it() {
    let project = asked();
    let run = project.run(&["show", "--json"]).json();
    assert_eq!(run["status"], "waiting");
    assert_eq!(run["waiting_for"][0]["kind"], "approval");
    let inbox = project.run(&["inbox", "--json"]).json();
    assert_eq!(inbox["schema"], "layercake.inbox/1");
    let item = &inbox["items"][0];
    assert_eq!(item["id"], run["waiting_for"][0]["id"]);
    assert_eq!(item["run"], run["run"]);
    assert_eq!(item["kind"], "approval");
    assert_eq!(item["title"], "Send 1 replies?");
    assert_eq!(item["shown"][0]["to"], "ann@example.org");
    assert!(
        item["shown_hash"].as_str().unwrap().starts_with("sha256:"),
        "{item}"
    );
    assert_eq!(item["expires_at"], Value::Null);
}

#[test]
fn a_rejection_and_an_edit_reach_the_run() {
    let project = asked();
    let done = project.run(&["inbox", "reject", "--comment", "not today", "--json"]);
    assert_eq!(done.json()["verdict"], "reject");
    let run = project.run(&["resume", "--json"]).json();
    assert_eq!(run["output"]["refused"]["comment"], "not today");
    assert_eq!(run["output"]["answered"], json!([]));
    assert!(!project.path("outbox").exists(), "nothing was sent");

    let project = asked();
    let mut shown = project.run(&["inbox", "--json"]).json()["items"][0]["shown"].take();
    shown[0]["text"] = json!("My own words.");
    project.write("edited.json", &shown.to_string());
    assert_eq!(
        project
            .run(&["inbox", "approve", "--edit", "edited.json"])
            .code,
        0
    );
    assert_eq!(project.run(&["resume"]).code, 0);
    let name = crate::world::names(&project.path("outbox")).remove(0);
    let reply = std::fs::read_to_string(project.path("outbox").join(name)).unwrap();
    assert!(reply.ends_with("\n\nMy own words.\n"), "{reply}");
}

#[test]
fn records_are_one_document_a_line() {
    let project = asked();
    let log = project.run(&["log", "--json"]);
    let records: Vec<Value> = log
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<u64> = records
        .iter()
        .map(|it| it["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=records.len() as u64).collect::<Vec<_>>());
    assert_eq!(records[0]["kind"], "run-started");
    let decided = records.iter().find(|it| it["cost"] != Value::Null).unwrap();
    assert_eq!(decided["kind"], "effect-finished");
    assert_eq!(decided["task"], "triage/classify[0]");
    assert_eq!(decided["cost"]["cause"], "productive");
    assert!(decided["cost"]["usd"].is_string(), "{decided}");
    assert_eq!(decided["attempt"], 1);
    for field in [
        "at",
        "reads",
        "caused_by",
        "output",
        "actor",
        "definition",
        "versions",
    ] {
        assert!(!decided[field].is_null(), "{field}: {decided}");
    }
}

#[test]
fn the_list_has_what_somebody_started_and_with_all_the_rest() {
    let project = asked();
    let list = project.run(&["ls", "--json"]).json();
    assert_eq!(list["schema"], "layercake.runs/1");
    assert_eq!(list["runs"].as_array().unwrap().len(), 1);
    let all = project.run(&["ls", "--all", "--json"]).json();
    assert_eq!(
        all["runs"].as_array().unwrap().len(),
        2,
        "the draft is a run of an agent"
    );
    assert_eq!(
        project.run(&["ls", "--status", "faulted", "--json"]).json()["runs"],
        json!([])
    );
    assert_eq!(project.run(&["ls", "--status", "wild"]).code, 2);
}

#[test]
fn the_same_key_is_the_same_run() {
    let project = Project::empty();
    project.write("greeting.yaml", GREETING);
    let start = |name: &str| {
        let input = json!({"name": name}).to_string();
        project
            .run(&["run", "greeting.yaml", "-i", &input, "--key", "k", "--json"])
            .json()
    };
    let first = start("Ann");
    assert_eq!(start("Bob"), first);
}

#[test]
fn a_cancelled_run_stays_cancelled() {
    let project = asked();
    assert_eq!(project.run(&["cancel", "@last"]).code, 0);
    let resumed = project.run(&["resume", "--json"]);
    assert_eq!(resumed.code, 1, "{resumed:?}");
    assert_eq!(resumed.json()["status"], "cancelled");
    assert_eq!(project.run(&["inbox", "--json"]).json()["items"], json!([]));
}

#[test]
fn a_budget_stops_a_run_with_its_own_code() {
    let project = Project::with_example();
    let run = [
        "run",
        "inbox.yaml",
        "-i",
        r#"{"folder":"messages"}"#,
        "--budget",
        "0.001",
    ];
    project.run(&run).check_error(5, "LC0706", &["budget"]);
    let view = project.run(&["show", "--json"]).json();
    let spent: f64 = view["cost"]["usd"].as_str().unwrap().parse().unwrap();
    assert!(spent <= 0.001, "{spent}");
}

#[test]
fn an_agent_calls_a_published_routine_by_name() {
    let project = Project::with_example();
    assert_eq!(project.run(&["routine", "publish", "inbox.yaml"]).code, 0);
    project.write("one/a.eml", QUESTION);
    let folder = json!({"folder": project.path("one")});
    let goal = format!("Answer the mail: {folder}");
    let done = project.run(&["agent", &goal, "--autonomy", "approve", "--json"]);
    assert_eq!(done.code, 4, "the routine asks a person: {done:?}");
    assert_eq!(done.json()["kind"], "agent");
    assert_eq!(project.run(&["inbox", "approve"]).code, 0);
    let done = project.run(&["resume", "@last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let text = done.json()["output"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("answered 1"), "{text}");
    let routines = project.run(&["routine", "ls", "--json"]).json();
    assert_eq!(routines["routines"][0]["tool"], "office_inbox-replies");
}

#[test]
fn an_agent_asks_before_it_does_what_it_may_not_do_alone() {
    let project = Project::with_example();
    assert_eq!(project.run(&["routine", "publish", "inbox.yaml"]).code, 0);
    let goal = format!(
        "Answer the mail: {}",
        json!({"folder": project.path("messages")})
    );
    let done = project.run(&["agent", &goal, "--json"]);
    assert_eq!(done.code, 4, "{done:?}");
    let inbox = project.run(&["inbox", "--json"]).json();
    assert_eq!(inbox["items"][0]["shown"]["tool"], "office_inbox-replies");
    assert_eq!(project.run(&["inbox", "reject", "--comment", "no"]).code, 0);
    let done = project.run(&["resume", "--json"]);
    assert_eq!(done.code, 0, "the agent lives with a no: {done:?}");
    let runs = project.run(&["ls", "--all", "--json"]).json();
    assert_eq!(
        runs["runs"].as_array().unwrap().len(),
        1,
        "the routine was not started"
    );
}

#[test]
fn streams_are_plain_when_nobody_looks() {
    let project = asked();
    for arguments in [
        &["show"][..],
        &["ls"][..],
        &["inbox"][..],
        &["log"][..],
        &["doctor"][..],
    ] {
        let done = project.run(arguments);
        assert!(!done.out.contains('\u{1b}'), "{arguments:?}: {done:?}");
        assert!(!done.err.contains('\u{1b}'), "{arguments:?}: {done:?}");
        assert_eq!(
            project.run(&[arguments, &["-q"]].concat()).err,
            "",
            "{arguments:?}"
        );
    }
}

#[test]
fn the_environment_names_the_store_and_a_flag_overrides_it() {
    let project = Project::empty();
    project.write("greeting.yaml", GREETING);
    let run = ["run", "greeting.yaml", "-i", r#"{"name":"Ann"}"#, "--json"];
    let mut command = project.command(&run);
    command.env("LAYERCAKE_STORE", project.path("by-env"));
    assert!(command.output().unwrap().status.success());
    let mut command = project.command(&[&run[..], &["--store", "by-flag"]].concat());
    command.env("LAYERCAKE_STORE", project.path("by-env"));
    assert!(command.output().unwrap().status.success());
    for store in ["by-env", "by-flag"] {
        let list = project.run(&["ls", "--json", "--store", store]).json();
        assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{store}");
    }
}

#[test]
fn a_project_that_was_just_made_runs_at_once() {
    let project = Project::empty();
    assert_eq!(
        project.run(&["init", "app", "--json"]).json()["schema"],
        "layercake.init/1"
    );
    project
        .run(&["init", "app"])
        .check_error(2, "LC1001", &["app"]);
    let mut command = project.command(&["run", "inbox.yaml", "-i", r#"{"folder":"messages"}"#]);
    let output = command.current_dir(project.path("app")).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

#[test]
fn the_doctor_tries_everything_out() {
    let project = Project::with_example();
    let done = project.run(&["doctor", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(names_of(&done.json()).contains(&"model default".to_owned()));
    project.write("rules.yaml", "rules: nonsense");
    let done = project.run(&["doctor", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let document = done.json();
    let failed = document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["ok"] == false);
    assert!(failed.unwrap()["fix"].is_string(), "{document}");
}

fn names_of(doctor: &Value) -> Vec<String> {
    let checks = doctor["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}
