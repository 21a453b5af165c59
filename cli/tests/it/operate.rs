//! What an operator sees: why a run failed, its records, its calls, its tree; and steering.

use serde_json::{Value, json};

use crate::world::Project;

const FAILING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: failing, version: '1.0.0' }
do:
  - prepare: { set: { text: '${ .name }' } }
  - break:
      raise: { error: { type: 'https://example.org/errors/broken', status: 500, title: it broke, detail: '${ \"for \" + .text }' } }
";

const LISTENING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: listening, version: '1.0.0' }
do:
  - wait: { listen: { to: { one: { with: { type: go } } } } }
  - done: { set: { heard: '${ . }' } }
";

const DECIDING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: deciding, version: '1.0.0' }
do:
  - choose:
      call: decide:1.0.0@default
      with:
        question: Which of these words is a fruit?
        material: '${ . }'
        answer: { type: object, required: [word], properties: { word: { type: string, enum: [apple, chair] } } }
";

/// Starts a run that listens and waits until it does; the process goes on with it.
fn listening() -> (Project, String, crate::world::Background) {
    let project = Project::empty();
    project.write("listening.yaml", LISTENING);
    let background = project.start(&["run", "listening.yaml", "-i", r#"{"a":1}"#, "--json"]);
    for _ in 0..1_000 {
        let list = project.run(&["ls", "--status", "waiting", "--json"]);
        if list.code == 0
            && let Some(run) = list.json()["runs"][0]["run"].as_str()
        {
            return (project, run.to_owned(), background);
        }
    }
    panic!("the run does not come to its event");
}

fn failed() -> (Project, String) {
    let project = Project::empty();
    project.write("failing.yaml", FAILING);
    let done = project.run(&["run", "failing.yaml", "-i", r#"{"name":"Ann"}"#, "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let run = done.json()["run"].as_str().unwrap().to_owned();
    (project, run)
}

#[test]
fn a_failure_is_one_sentence_with_its_record() {
    let (project, run) = failed();
    let view = project.run(&["show", "@last-failed", "--json"]).json();
    let failure = &view["failure"];
    assert_eq!(failure["sentence"], "it broke: for Ann");
    assert_eq!(
        (&failure["run"], &failure["task"]),
        (&json!(run), &json!("break"))
    );
    let seq = failure["record"].as_u64().unwrap().to_string();
    let shown = project.run(&["show"]);
    assert!(
        shown.out.contains("why it failed: it broke: for Ann"),
        "{shown:?}"
    );
    assert!(shown.out.contains(&format!("record {seq}")), "{shown:?}");
    let record = project.run(&["log", &run, "--at", &seq, "--json"]).json();
    assert_eq!(record["kind"], "task-faulted");
    assert_eq!(record["task"], "break");
}

#[test]
fn records_are_filtered_by_task_kind_text_and_number() {
    let (project, run) = failed();
    let seqs = |filter: &[&str]| -> Vec<u64> {
        let done = project.run(&[&["log", &run, "--json"], filter].concat());
        assert_eq!(done.code, 0, "{done:?}");
        let lines = done.out.lines();
        lines
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["seq"]
                    .as_u64()
                    .unwrap()
            })
            .collect()
    };
    let all = seqs(&[]);
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(seqs(&["--from", "2", "--to", "3"]), [2, 3]);
    assert!(!seqs(&["--task", "prepare"]).is_empty());
    assert!(seqs(&["--task", "prep"]).is_empty());
    assert_eq!(
        seqs(&["--kind", "run-started,run-finished"]),
        [1, *all.last().unwrap()]
    );
    assert!(seqs(&["--grep", "it broke"]).len() < all.len());
    assert!(seqs(&["--grep", "no such text"]).is_empty());
}

#[test]
fn the_state_is_shown_at_any_record() {
    let (project, run) = failed();
    let start = project.run(&["show", &run, "--at", "1", "--json"]).json();
    assert_eq!(start["schema"], "layercake.state/1");
    assert_eq!(start["run"]["status"], "pending");
    assert_eq!(start["run"]["error"], Value::Null);
    let unknown = project.run(&["show", &run, "--at", "0"]);
    unknown.check_error(2, "LC0203", &["no record 0"]);
    let (waiting, run, _background) = listening();
    let state = waiting.run(&["show", &run, "--at", "3", "--json"]).json();
    assert_eq!(
        state["open"][1],
        json!({"task": "wait", "input": {"a": 1}}),
        "{state}"
    );
}

#[test]
fn a_question_to_a_model_is_shown_with_request_reply_and_price() {
    let project = Project::empty();
    project.write("deciding.yaml", DECIDING);
    project.write("script.toml", "");
    let done = project.run(&["run", "deciding.yaml", "--json"]);
    let run = done.json()["run"].as_str().unwrap().to_owned();
    let document = project
        .run(&["show", &format!("{run}:choose"), "--json"])
        .json();
    let call = &document["calls"][0];
    assert_eq!(
        (&call["kind"], &call["name"]),
        (&json!("model"), &json!("decide"))
    );
    assert_eq!(
        call["request"]["question"],
        "Which of these words is a fruit?"
    );
    assert!(call["evidence"]["request"]["system"].is_string(), "{call}");
    assert!(call["latency_ms"].is_u64(), "{call}");
    assert!(call["billed"].as_u64().unwrap() > 0, "{call}");
    let words = project.run(&["show", &run, "--calls"]);
    assert!(words.out.contains("Which of these words"), "{words:?}");
}

#[test]
fn an_agents_prompts_name_their_layers() {
    let project = Project::with_example();
    let done = project.run(&["agent", "say hello", "--json"]);
    let run = done.json()["run"].as_str().unwrap().to_owned();
    let document = project
        .run(&["show", &format!("{run}:turn-1"), "--json"])
        .json();
    let shown = document["calls"][0]["request"]["shown"].as_array().unwrap();
    let layers: Vec<&str> = shown
        .iter()
        .map(|part| part["layer"].as_str().unwrap())
        .collect();
    assert_eq!(layers[..2], ["system", "opening"]);
    assert!(
        document["calls"][0]["reply"]["replied"].is_object(),
        "{document}"
    );
    let tree = project.run(&["tree", &run, "--json"]).json();
    assert_eq!(tree["root"]["children"][0]["kind"], "turn");
}

#[test]
fn the_tree_has_runs_and_tasks() {
    let (project, run) = failed();
    let tree = project.run(&["tree", &run, "--json"]).json();
    assert_eq!(tree["schema"], "layercake.tree/1");
    assert_eq!(tree["root"]["name"], "test/failing@1.0.0");
    let names: Vec<&str> = tree["root"]["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["prepare", "break"]);
    assert!(project.run(&["tree"]).out.contains("└ break  faulted"));
}

#[test]
fn an_event_is_sent_and_taken_once() {
    let (project, run, background) = listening();
    let sent = project.run(&["signal", &run, "go", r#"{"n":7}"#, "--key", "k"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let done = background.finish();
    assert_eq!(
        (done.code, &done.json()["output"]["heard"]),
        (0, &json!([{"n": 7}])),
        "{done:?}"
    );
    project
        .run(&["signal", &run, "go"])
        .check_error(2, "LC0704", &["already ended"]);
}

#[test]
fn a_run_is_suspended_and_goes_on() {
    let (project, run, mut background) = listening();
    assert_eq!(project.run(&["suspend", &run]).code, 0);
    let status = || project.run(&["show", &run, "--json"]).json()["status"].clone();
    assert_eq!(status(), "suspended");
    background.kill();
    assert_eq!(status(), "suspended");
    assert_eq!(project.run(&["signal", &run, "go"]).code, 0);
    let done = project.run(&["resume", &run, "--json"]);
    assert_eq!(done.json()["status"], "completed", "{done:?}");
}

#[test]
fn a_failed_run_is_tried_again_as_a_new_run() {
    let (project, run) = failed();
    let done = project.run(&["retry", &run, "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let again = done.json();
    assert_ne!(again["run"], json!(run));
    assert_eq!(again["input"], json!({"name": "Ann"}));
    assert_eq!(again["error"]["title"], "it broke");
}

#[test]
fn lists_are_narrowed() {
    let (project, run) = failed();
    let runs = |filter: &[&str]| {
        let done = project.run(&[&["ls", "--json"], filter].concat());
        done.json()["runs"].as_array().unwrap().len()
    };
    assert_eq!(runs(&["--name", "test/"]), 1, "{run}");
    assert_eq!(runs(&["--name", "other/"]), 0);
    assert_eq!(runs(&["--kind", "agent"]), 0);
    assert_eq!(runs(&["--since", "2020-01-01"]), 1);
    assert_eq!(runs(&["--since", "2999"]), 0);
}

#[test]
fn a_routine_is_drawn_and_its_input_described() {
    let project = Project::with_example();
    let graph = project.run(&["routine", "graph", "inbox.yaml"]);
    assert!(
        graph.out.starts_with("flowchart") || graph.out.starts_with("graph"),
        "{graph:?}"
    );
    let schema = project.run(&["routine", "schema", "inbox.yaml"]).json();
    assert_eq!(schema["type"], "object");
}
