//! From the arguments of `run: container` to a command line that is compatible with Docker's.
//!
//! Source: the Open Workflow Specification, DSL reference, "Container Process".

use serde_json::{Value, json};

use super::request::{environment, stdin, text, texts};
use super::{Program, configuration};
use crate::{EffectId, Problem};

/// How many letters of an effect's id are enough for a name.
const NAME_LETTERS: usize = 24;

/// Makes the command line that runs a container to its end. Values of the environment do not
/// stand in it: who lists the processes of a machine sees command lines.
pub(super) fn program(command: &str, with: &Value, effect: EffectId) -> Result<Program, Problem> {
    let image = with["image"].as_str();
    let image = image.ok_or_else(|| configuration("the container has no image"))?;
    if image.starts_with('-') {
        return Err(configuration("the image has the form of an option"));
    }
    let environment = environment(with);
    let mut arguments = vec!["run".to_owned(), format!("--name={}", name(with, effect))];
    match with.pointer("/lifetime/cleanup").and_then(Value::as_str) {
        None | Some("always") => arguments.push("--rm".to_owned()),
        Some("never") => {}
        Some(other) => {
            let title = format!("containers are cleaned up at once or never here, not `{other}`");
            return Err(configuration(&title));
        }
    }
    arguments.push(match with["pullPolicy"].as_str() {
        Some("always") => "--pull=always".to_owned(),
        Some("never") => "--pull=never".to_owned(),
        _ => "--pull=missing".to_owned(),
    });
    let stdin = stdin(with);
    if stdin.is_some() {
        arguments.push("--interactive".to_owned());
    }
    arguments.extend(environment.keys().map(|name| format!("--env={name}")));
    for (key, option) in [("ports", "--publish"), ("volumes", "--volume")] {
        let pairs = with[key].as_object().into_iter().flatten();
        arguments.extend(pairs.map(|(host, inner)| format!("{option}={host}:{}", text(inner))));
    }
    let command_line = with["command"].as_str().filter(|text| !text.is_empty());
    if let Some(command_line) = command_line {
        arguments.push("--entrypoint=sh".to_owned());
        arguments.push(image.to_owned());
        arguments.extend(["-c", command_line, "sh"].map(str::to_owned));
    } else {
        arguments.push(image.to_owned());
    }
    arguments.extend(texts(with.get("arguments")));
    Ok(Program {
        name: command.to_owned(),
        arguments,
        environment,
        stdin,
        effect,
    })
}

/// The name is that of the effect: who runs the same one again meets the first.
fn name(with: &Value, effect: EffectId) -> String {
    let given = with["name"].as_str().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "_.-".contains(*c);
    let given: String = given.chars().filter(plain).collect();
    if !given.is_empty() && json!(given) == with["name"] {
        return given;
    }
    let letters: String = effect
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    format!("layercake-{}", &letters[..letters.len().min(NAME_LETTERS)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::program;
    use crate::{EffectId, RunId, TaskKey, Timestamp};

    fn effect() -> EffectId {
        let run = RunId::from_parts(Timestamp::from_millis(1), 1);
        EffectId::derive(run, &TaskKey::root(), 1)
    }

    #[test]
    fn a_container_becomes_a_command_line_without_what_is_secret() {
        let with = json!({
            "image": "alpine:3", "name": "job", "command": "echo $1", "arguments": ["a b"],
            "environment": { "KEY": "s3cret" }, "ports": { "8080": 80 }, "volumes": { "/data": "/in" },
            "stdin": { "n": 1 }, "pullPolicy": "never", "lifetime": { "cleanup": "never" },
        });
        let made = program("podman", &with, effect()).expect("a program");
        assert_eq!(made.name, "podman");
        assert_eq!(
            made.arguments.join("|"),
            "run|--name=job|--pull=never|--interactive|--env=KEY|--publish=8080:80|\
             --volume=/data:/in|--entrypoint=sh|alpine:3|-c|echo $1|sh|a b"
        );
        assert_eq!(made.environment["KEY"], "s3cret");
        assert_eq!(made.stdin.as_deref(), Some(r#"{"n":1}"#));
    }

    #[test]
    fn a_container_without_a_name_has_that_of_its_effect() {
        let made = program("docker", &json!({ "image": "alpine" }), effect()).expect("a program");
        assert!(
            made.arguments[1].starts_with("--name=layercake-"),
            "{:?}",
            made.arguments
        );
        assert_eq!(made.arguments[2], "--rm");
        let again = program("docker", &json!({ "image": "alpine" }), effect());
        assert_eq!(again, Ok(made));
    }

    #[test]
    fn what_cannot_be_run_is_a_mistake_of_the_definition() {
        for with in [
            json!({}),
            json!({ "image": "--privileged" }),
            json!({ "image": "a", "lifetime": { "cleanup": "eventually", "after": { "days": 1 } } }),
        ] {
            assert!(program("docker", &with, effect()).is_err(), "{with}");
        }
    }
}
