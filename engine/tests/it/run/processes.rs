//! `run: script|shell|container`.

use layercake_engine::{EffectClass, EffectRequest, Problem, ProblemKind, StandardCall};
use serde_json::{Value, json};

use super::trial::Trial;

fn shell(more: &str) -> Trial {
    let routine = format!(
        "do:\n  - go: {{ run: {{ shell: {{ command: 'ls \"$1\"', arguments: ['${{ .folder }}'] }}{more} }} }}"
    );
    Trial::start(&routine, json!({ "folder": "/tmp" }))
}

fn ended(code: i64) -> Value {
    json!({ "code": code, "stdout": "out", "stderr": "err" })
}

#[test]
fn a_process_is_a_call_of_the_standard() {
    let trial = shell("");
    let EffectRequest::Call(call) = trial.effect("go").request else {
        panic!("it is a call");
    };
    assert_eq!(StandardCall::of(&call), Some(StandardCall::Shell));
    assert_eq!(call.class, EffectClass::Unsafe);
    assert_eq!(
        call.arguments,
        json!({ "command": "ls \"$1\"", "arguments": ["/tmp"], "await": true })
    );
}

#[test]
fn return_says_what_of_it_is_the_output() {
    for (more, output) in [
        ("", json!("out")),
        (", return: stdout", json!("out")),
        (", return: stderr", json!("err")),
        (", return: code", json!(0)),
        (", return: none", Value::Null),
        (", return: all", ended(0)),
    ] {
        shell(more).finish("go", ended(0)).expect_output(&output);
    }
}

#[test]
fn a_code_is_a_failure_unless_it_is_asked_for() {
    for more in ["", ", return: none"] {
        let mut trial = shell(more);
        trial
            .finish("go", ended(3))
            .expect_problem("runtime", "/do/0/go");
        let problem = trial.run.problem().expect("it failed");
        assert_eq!(problem.detail.as_deref(), Some("err"));
    }
    shell(", return: code")
        .finish("go", ended(3))
        .expect_output(&json!(3));
    shell(", return: all")
        .finish("go", ended(3))
        .expect_output(&ended(3));
    let problem = Problem::standard(ProblemKind::Runtime, "no sandbox");
    shell("")
        .fail("go", problem)
        .expect_problem("runtime", "/do/0/go");
    shell("")
        .finish("go", json!({}))
        .expect_problem("runtime", "/do/0/go");
}

#[test]
fn a_process_that_nobody_waits_for_leaves_the_data_alone() {
    shell(", await: false")
        .finish("go", Value::Null)
        .expect_output(&json!({ "folder": "/tmp" }));
}
