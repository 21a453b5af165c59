//! The conformance kit of the Open Workflow Specification, as far as it needs no network:
//! HTTP calls are answered by hand, as the real hosts would.
//!
//! The feature files are read where they lie; nothing of them is copied into the project.

use std::path::{Path, PathBuf};

use layercake_engine::{
    Call, Definition, EffectRequest, Outcome, Phase, Problem, ProblemKind, Record, RecordKind,
};
use serde_json::{Value, json};

use super::trial::{Trial, catalog, outdent};

/// Returns the scenarios of the kit, or says loudly that there is no kit.
#[expect(clippy::print_stderr, reason = "a skipped test says so loudly")]
pub(crate) fn all() -> Option<Vec<Scenario>> {
    let folder = std::env::var_os("LAYERCAKE_CTK").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/ctk"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!(
            "SKIPPED: no conformance kit at {}; set LAYERCAKE_CTK to a checkout's feature folder",
            folder.display()
        );
        return None;
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "feature"))
        .collect();
    files.sort();
    let texts = files
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a feature file is text"));
    Some(texts.flat_map(|text| scenarios(&text)).collect())
}

#[test]
fn the_scenarios_of_the_kit_hold() {
    let Some(scenarios) = all() else { return };
    for scenario in &scenarios {
        scenario.check_alone();
    }
    assert_eq!(scenarios.len(), 21, "the kit has 21 scenarios");
}

/// One scenario: its steps, each with the text below it.
pub(crate) struct Scenario {
    pub(crate) name: String,
    steps: Vec<(String, String)>,
}

/// What became of a run, however it was driven.
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    pub(crate) output: Option<Value>,
    pub(crate) problem: Option<Problem>,
    pub(crate) records: Vec<Record>,
}

fn scenarios(feature: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut block: Option<String> = None;
    for line in feature.lines() {
        let trimmed = line.trim();
        if let Some(text) = &mut block {
            if trimmed == "\"\"\"" {
                let text = block.take().unwrap_or_default();
                if let Some(step) = scenarios.last_mut().and_then(|s| s.steps.last_mut()) {
                    step.1 = text;
                }
            } else {
                text.push_str(line);
                text.push('\n');
            }
        } else if trimmed.starts_with("\"\"\"") {
            block = Some(String::new());
        } else if let Some(name) = trimmed.strip_prefix("Scenario:") {
            scenarios.push(Scenario {
                name: name.trim().to_owned(),
                steps: Vec::new(),
            });
        } else if let (Some(scenario), Some((word, rest))) =
            (scenarios.last_mut(), trimmed.split_once(' '))
            && ["Given", "When", "Then", "And"].contains(&word)
        {
            scenario.steps.push((rest.to_owned(), String::new()));
        }
    }
    scenarios
}

impl Scenario {
    fn block(&self, step: &str) -> Option<&str> {
        let found = self.steps.iter().find(|(text, _)| text.contains(step));
        found.map(|(_, block)| block.as_str())
    }

    /// The text of the definition.
    pub(crate) fn definition(&self) -> String {
        outdent(self.block("a workflow with definition").unwrap_or_default())
    }

    /// The input.
    pub(crate) fn input(&self) -> Value {
        self.block("the workflow input is").map_or(json!({}), value)
    }

    /// Runs the machine alone, and answers calls by hand.
    fn check_alone(&self) {
        let definition = match Definition::read(&self.definition(), &catalog()) {
            Ok(checked) => checked.definition,
            Err(diagnostics) => panic!("{}: {diagnostics:#?}", self.name),
        };
        let mut trial = Trial::start_definition(definition, self.input());
        while !trial.run.phase().is_final() {
            let effect = trial.run.pending().next().expect("it waits for a call");
            let EffectRequest::Call(call) = &effect.request else {
                panic!("{}: only calls are answered", self.name);
            };
            let (task, outcome) = (effect.task.as_str().to_owned(), answer(call));
            trial.settle(&task, outcome);
        }
        trial.verify();
        self.check(&Seen {
            phase: trial.run.phase(),
            output: trial.run.output().cloned(),
            problem: trial.run.problem().cloned(),
            records: trial.records,
        });
    }

    /// Checks what the scenario says about the end of its run.
    pub(crate) fn check(&self, seen: &Seen) {
        for (step, block) in &self.steps {
            self.check_step(seen, step, block);
        }
    }

    fn check_step(&self, seen: &Seen, step: &str, block: &str) {
        let name = &self.name;
        let output = seen.output.as_ref();
        let words: Vec<&str> = step.split('\'').collect();
        match step {
            "the workflow should complete" => {
                assert_eq!(seen.phase, Phase::Completed, "{name}: {:?}", seen.problem);
            }
            "the workflow should fault" => assert_eq!(seen.phase, Phase::Faulted, "{name}"),
            "the workflow should complete with output:" => {
                assert_eq!(output, Some(&value(block)), "{name}: {:?}", seen.problem);
            }
            "the workflow should fault with error:" => {
                let problem = json!(seen.problem);
                for (key, expected) in value(block).as_object().expect("an error is an object") {
                    assert_eq!(problem.get(key), Some(expected), "{name}");
                }
            }
            _ if step.starts_with("the workflow output should have properties") => {
                for path in words.iter().skip(1).step_by(2) {
                    assert!(at(output, path).is_some(), "{name}: {path} in {output:?}");
                }
            }
            _ if step.ends_with("property with value:") => {
                assert_eq!(at(output, words[1]), Some(&value(block)), "{name}");
            }
            _ if step.contains("property containing") => {
                let count = step.split_whitespace().rev().nth(1).unwrap_or_default();
                let items = at(output, words[1]).and_then(Value::as_array).map(Vec::len);
                assert_eq!(
                    items.map(|n| n.to_string()).as_deref(),
                    Some(count),
                    "{name}"
                );
            }
            _ if step.contains(" should run ") => check_order(seen, step),
            _ => {
                let known = [
                    "a workflow with definition",
                    "workflow input is",
                    "is executed",
                ];
                assert!(
                    known.iter().any(|k| step.contains(k)),
                    "{name}: unknown step {step}"
                );
            }
        }
    }
}

fn check_order(seen: &Seen, step: &str) {
    let started: Vec<&str> = seen
        .records
        .iter()
        .filter(|record| matches!(record.kind, RecordKind::TaskStarted))
        .map(|record| record.task.as_str())
        .collect();
    let place = |name: &str| started.iter().position(|key| *key == name);
    let words: Vec<&str> = step.split_whitespace().collect();
    match words.as_slice() {
        [name, "should", "run", "first"] => assert_eq!(started.first(), Some(name)),
        [name, "should", "run", "last"] => assert_eq!(started.last(), Some(name)),
        [name, "should", "run", "after", other] => {
            assert!(place(name) > place(other), "{step}: {started:?}");
            assert!(place(other).is_some());
        }
        other => panic!("unknown order {other:?}"),
    }
}

fn at<'v>(output: Option<&'v Value>, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(output?, |value, key| value.get(key))
}

/// Reads a value by way of a routine that gives it.
fn value(block: &str) -> Value {
    let indent = |line: &str| format!("        {line}\n");
    let lines: String = outdent(block).lines().map(indent).collect();
    let routine = format!(
        "do:\n  - a:\n      set:\n        value:\n  {}",
        lines.replace('\n', "\n  ")
    );
    let trial = Trial::start(&routine, json!({}));
    let output = trial.run.output().and_then(|output| output.get("value"));
    output.cloned().expect("it is a value")
}

/// Answers as the kit's hosts do.
fn answer(call: &Call) -> Outcome {
    if call.function == "emit" {
        return Outcome::completed(Value::Null);
    }
    let endpoint = call.arguments.get("endpoint");
    let uri = endpoint
        .and_then(|endpoint| endpoint.get("uri").or(Some(endpoint)))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let pet = |id: u64| json!({ "id": id, "name": "Rex", "status": "available" });
    let operation = call.arguments.get("operationId").and_then(Value::as_str);
    let uri = match operation {
        Some("findPetsByStatus") => "findByStatus?status=available",
        Some("getPetById") => "1",
        _ => uri,
    };
    let content = match uri.rsplit('/').next().unwrap_or_default() {
        "1" => pet(1),
        "2" => pet(2),
        "findByStatus?status=available" => json!([pet(1), pet(2)]),
        "conformance-test" => json!({ "authenticated": true }),
        "Milou" => {
            let problem = Problem::standard(ProblemKind::Communication, "Not Found");
            return Outcome::failed(problem.with_status(404));
        }
        other => panic!("nothing is known of {other} ({uri})"),
    };
    Outcome::completed(
        if call.arguments.get("output") == Some(&json!("response")) {
            json!({
                "request": { "method": "get", "uri": uri, "headers": {} },
                "headers": {},
                "statusCode": 200,
                "content": content,
            })
        } else {
            content
        },
    )
}
