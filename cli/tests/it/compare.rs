//! Two runs compared by the real binary: verdicts, causes, exit codes and the page.

use serde_json::{Value, json};

use crate::world::Project;

const GREETING: &str = "\
document: { dsl: '1.0.3', namespace: test, name: greeting, version: 'VERSION' }
do:
  - first: { set: { text: '${ .name }', more: NUMBER } }
  - second: { set: { text: '${ .text + \"!\" }' } }
";

fn greet(project: &Project, version: &str, number: &str, name: &str) -> String {
    let text = GREETING
        .replace("VERSION", version)
        .replace("NUMBER", number);
    project.write("greeting.yaml", &text);
    let input = json!({ "name": name }).to_string();
    let done = project.run(&["run", "greeting.yaml", "-i", &input, "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    done.json()["run"].as_str().unwrap().to_owned()
}

fn origins(document: &Value) -> Vec<(String, String)> {
    let origins = document["origins"].as_array().unwrap();
    origins
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            (text("cause"), text("task"))
        })
        .collect()
}

#[test]
fn the_same_is_the_same() {
    let project = Project::empty();
    let a = greet(&project, "1.0.0", "1", "Ann");
    let b = greet(&project, "1.0.0", "1", "Ann");
    let done = project.run(&["diff", &a, &b, "--json"]);
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (0, &json!("same")),
        "{done:?}"
    );
}

#[test]
fn another_input_and_another_definition_are_named() {
    let project = Project::empty();
    let a = greet(&project, "1.0.0", "1", "Ann");
    let b = greet(&project, "1.0.0", "1", "<Bob & \u{1b}[2J>");
    let done = project.run(&["diff", &a, &b, "--json", "--html", "page.html"]);
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (1, &json!("diverged")),
        "{done:?}"
    );
    assert_eq!(origins(&done.json()), [("input".to_owned(), String::new())]);
    let page = std::fs::read_to_string(project.path("page.html")).unwrap();
    assert!(page.contains("&lt;") && !page.contains("<Bob"), "escaped");
    assert!(
        !page.contains("<script") && !page.contains("http://"),
        "self-contained"
    );
    let words = project.run(&["diff", &a, &b]);
    assert!(words.out.contains("run input changed"), "{words:?}");
    assert!(
        !words.out.contains('\u{1b}'),
        "text from outside moves no cursor"
    );
    let c = greet(&project, "1.0.1", "2", "Ann");
    let done = project.run(&["diff", &a, &c, "--json"]);
    assert_eq!(
        origins(&done.json()),
        [("definition".to_owned(), "first".to_owned())]
    );
    let stat = project.run(&["diff", &a, &c, "--stat"]);
    assert!(stat.out.contains("! origin"), "{stat:?}");
}

#[test]
fn different_things_are_not_comparable() {
    let project = Project::empty();
    let a = greet(&project, "1.0.0", "1", "Ann");
    project.write(
        "other.yaml",
        "document: { dsl: '1.0.3', namespace: test, name: other, version: '1.0.0' }\ndo:\n  - x: { set: { y: 1 } }\n",
    );
    let b = project.run(&["run", "other.yaml", "--json"]).json()["run"].clone();
    let done = project.run(&["diff", &a, b.as_str().unwrap(), "--json"]);
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (3, &json!("not-comparable"))
    );
}

#[test]
fn two_agents_are_compared_turn_by_turn() {
    let project = Project::with_example();
    let agent = |goal: &str| -> String {
        let done = project.run(&["agent", goal, "--json"]);
        done.json()["run"].as_str().unwrap().to_owned()
    };
    let (a, b, c) = (
        agent("say hello"),
        agent("say hello"),
        agent("say something else"),
    );
    let done = project.run(&["diff", &a, &b, "--json"]);
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (0, &json!("same")),
        "{done:?}"
    );
    let done = project.run(&["diff", &a, &c, "--json"]);
    assert_eq!(origins(&done.json()), [("input".to_owned(), String::new())]);
}

#[test]
fn a_run_replays_to_the_record_and_a_changed_one_is_caught() {
    let project = Project::empty();
    let run = greet(&project, "1.0.0", "1", "Ann");
    let done = project.run(&["replay", &run, "--json"]);
    assert_eq!(
        (done.code, &done.json()["verdict"]),
        (0, &json!("exact")),
        "{done:?}"
    );
    assert_eq!(done.json()["runs"][0]["outcome"], "exact");
    let empty = project.path("none");
    std::fs::create_dir(&empty).unwrap();
    let gate = project.run(&["replay", "--all", "none"]);
    gate.check_error(2, "LC0201", &["holds no bundle"]);
}

#[test]
fn what_a_run_cost_is_added_up_by_cause() {
    let project = Project::with_example();
    let done = project.run(&["agent", "say hello", "--json"]);
    let view = done.json();
    let run = view["run"].as_str().unwrap();
    let cost = project.run(&["cost", run, "--json"]).json();
    assert_eq!(cost["schema"], "layercake.cost/1");
    assert_eq!(cost["total"]["calls"], view["model_calls"]);
    let lines = cost["lines"].as_array().unwrap();
    let calls: u64 = lines
        .iter()
        .map(|line| line["calls"].as_u64().unwrap())
        .sum();
    assert_eq!(
        json!(calls),
        cost["total"]["calls"],
        "every call has a cause"
    );
    for axis in ["model", "task", "agent", "day"] {
        let cost = project.run(&["cost", "--by", axis, "--json"]);
        assert_eq!(cost.code, 0, "{cost:?}");
    }
    let csv = project.run(&["cost", run, "--csv"]);
    assert_eq!(csv.out.lines().count() as u64, calls + 1, "{csv:?}");
}
