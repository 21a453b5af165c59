//! `run: script` and `run: shell`, without a sandbox, and what happens where nobody runs
//! programs. Needs a POSIX shell; scripts in other languages only where they can be run.

use std::sync::Arc;

use layercake_engine::{
    Call, Effect, EffectClass, EffectId, EffectRequest, Executor, IdempotencyKey, Problem,
    Processes, Program, ProgramError, Programs, RunId, TaskKey, Timestamp, Unconfined,
};
use serde_json::{Value, json};

fn effect(function: &str, arguments: Value) -> Effect {
    let run = RunId::from_parts(Timestamp::from_millis(1), 1);
    let task = TaskKey::root().child("run", None, 1);
    let call = json!({
        "function": function, "version": "", "arguments": arguments, "class": "unsafe",
        "secrets": [],
    });
    let call: Call = serde_json::from_value(call).expect("a call");
    assert_eq!(call.class, EffectClass::Unsafe);
    Effect {
        id: EffectId::derive(run, &task, 1),
        run,
        attempt: 1,
        idempotency_key: IdempotencyKey::derive(run, &task),
        asked_at: Timestamp::from_millis(1),
        deadline: None,
        request: EffectRequest::Call(call),
        task,
    }
}

async fn run(processes: &Processes, function: &str, with: Value) -> Result<Value, Problem> {
    let outcome = processes.perform(&effect(function, with)).await;
    outcome.expect("the machinery works").result
}

fn processes() -> Processes {
    Processes::new().with_sandbox(Arc::new(Unconfined))
}

#[tokio::test]
async fn a_command_gets_its_input_its_arguments_and_its_environment() {
    let with = json!({
        "command": "read x; echo \"$x $1 $KEY\"; echo no >&2; exit 3",
        "stdin": "in", "arguments": ["a b"], "environment": { "KEY": 7 },
    });
    assert_eq!(
        run(&processes(), "shell", with).await,
        Ok(json!({ "code": 3, "stdout": "in a b 7\n", "stderr": "no\n" }))
    );
}

#[tokio::test]
async fn a_program_that_does_not_read_and_one_that_writes_much_both_end() {
    let deaf = json!({ "command": "exit 0", "stdin": "x".repeat(1 << 20) });
    assert_eq!(
        run(&processes(), "shell", deaf).await.expect("it ran")["code"],
        json!(0)
    );
    let loud = json!({ "command": "head -c 3000000 /dev/zero | tr '\\0' x" });
    let output = run(&processes(), "shell", loud).await.expect("it ran");
    assert_eq!(output["stdout"].as_str().map(str::len), Some(1 << 20));
}

#[tokio::test]
async fn scripts_speak_the_languages_of_the_standard() {
    let scripts = [
        (
            "python3",
            "python",
            "import sys; print(sys.stdin.read(), sys.argv[1])",
        ),
        (
            "node",
            "javascript",
            "import { readFileSync } from 'node:fs';
             console.log(readFileSync(0, 'utf8'), process.argv[2]);",
        ),
    ];
    for (program, language, code) in scripts {
        let version = Program {
            name: program.to_owned(),
            arguments: vec!["--version".to_owned()],
            environment: Default::default(),
            stdin: None,
            effect: effect("script", json!({})).id,
        };
        if let Err(error) = Unconfined.run(version).await {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            eprintln!("SKIPPED: {language}: {error}");
            continue;
        }
        let with = json!({ "language": language, "code": code, "stdin": "in", "arguments": ["a"] });
        let output = run(&processes(), "script", with).await.expect("it ran");
        assert_eq!(
            output,
            json!({ "code": 0, "stdout": "in a\n", "stderr": "" }),
            "{language}"
        );
    }
}

#[tokio::test]
async fn nothing_runs_where_nobody_runs_it() {
    let missing = Processes::new().with_containers("no-such-command-line", Arc::new(Unconfined));
    for (processes, function, with) in [
        (Processes::new(), "shell", json!({ "command": "true" })),
        (Processes::new(), "container", json!({ "image": "alpine" })),
        (missing, "container", json!({ "image": "alpine" })),
        (
            processes(),
            "script",
            json!({ "language": "cobol", "code": "x" }),
        ),
        (processes(), "script", json!({ "language": "python" })),
    ] {
        let problem = run(&processes, function, with)
            .await
            .expect_err("nobody runs it");
        assert!(problem.kind.ends_with("/configuration"), "{problem:?}");
    }
    let error = ProgramError::NotHere("x".to_owned());
    assert_eq!(error.to_string(), "the program `x` cannot be run here");
}
