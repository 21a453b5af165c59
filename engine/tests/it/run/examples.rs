//! The standard's published examples, run to their end: what they need from outside is
//! answered by hand.

use std::path::{Path, PathBuf};

use layercake_engine::{Definition, EffectRequest, Input, Phase};
use serde_json::{Value, json};

use super::trial::{Trial, catalog, person};

/// Examples that use what is refused: `asyncapi`, `grpc`, and functions from afar.
const REFUSED: [&str; 7] = [
    "call-asyncapi-publish",
    "call-asyncapi-subscribe-consume-amount",
    "call-asyncapi-subscribe-consume-forever-foreach",
    "call-asyncapi-subscribe-consume-until",
    "call-asyncapi-subscribe-consume-while",
    "call-custom-function-cataloged",
    "call-grpc",
];

/// How many inputs an example may need until it counts as stuck.
const INPUTS_MAX: usize = 200;

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn examples() -> Vec<(String, String)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/ctk");
    let folder = std::env::var_os("LAYERCAKE_CTK").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(folder.join("examples")) else {
        println!(
            "SKIPPED: no examples in {}; set LAYERCAKE_CTK",
            folder.display()
        );
        return Vec::new();
    };
    let mut examples: Vec<(String, String)> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("an example is text");
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            (name.into_owned(), text)
        })
        .collect();
    examples.sort();
    examples
}

/// An input with what the examples look for.
fn input(definition: &Definition) -> Value {
    let on = definition
        .schedule()
        .and_then(|schedule| schedule.on.as_ref());
    if on.is_some() {
        return json!([event("it.happened", json!({ "patient": { "id": 1 } }))]);
    }
    json!({
        "id": 1, "petId": 1, "shouldCallA": true, "orderType": "physical", "order": { "id": 1 },
        "token": "t", "pets": [{ "id": 1 }, { "id": 2 }], "items": [1, 2], "colors": ["red"],
        "searchQuery": "q", "userId": "1", "shape": "circle", "size": { "width": 1, "height": 1 },
    })
}

fn event(kind: &str, data: Value) -> Value {
    json!({ "specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": data })
}

/// Answers whatever is asked next; `false` when nothing is.
fn answer(trial: &mut Trial) -> bool {
    let next = trial.run.pending().next().cloned();
    match next.map(|effect| (effect.task.to_string(), effect.request)) {
        Some((task, EffectRequest::Call(call))) => {
            let output = match call.function.as_str() {
                "script" | "shell" | "container" => {
                    json!({ "code": 0, "stdout": "out", "stderr": "" })
                }
                _ => json!({ "id": 1, "content": { "homeworld": "https://example.com/1" } }),
            };
            trial.finish(&task, output);
        }
        Some((task, EffectRequest::Run { .. })) => {
            trial.finish(&task, json!({}));
        }
        Some((_, EffectRequest::Timer { due })) => {
            trial.pass(due.as_millis() - trial.now().as_millis());
        }
        Some((_, EffectRequest::Approval(_))) => panic!("the standard knows no approvals"),
        None => return false,
    }
    true
}

#[test]
fn the_published_examples_run() {
    let examples = examples();
    let (mut ended, mut listening, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (name, text) in &examples {
        let definition = match Definition::read(text, &catalog()) {
            Ok(checked) => checked.definition,
            Err(remarks) => {
                assert!(
                    remarks.iter().any(|remark| remark.code == "LC0150"),
                    "{name}: {remarks:#?}"
                );
                refused.push(name.as_str());
                continue;
            }
        };
        let input = input(&definition);
        let mut trial = Trial::start_definition(definition, input);
        for _ in 0..INPUTS_MAX {
            if trial.run.phase().is_final() || !answer(&mut trial) {
                break;
            }
        }
        trial.verify();
        match trial.run.is_listening() {
            true => listening.push(name.as_str()),
            false => {
                assert!(trial.run.phase().is_final(), "{name} is stuck");
                ended.push((name.as_str(), trial.run.phase()));
            }
        }
    }
    if examples.is_empty() {
        return;
    }
    assert_eq!(refused, REFUSED);
    let completed = ended
        .iter()
        .filter(|(_, phase)| *phase == Phase::Completed)
        .count();
    assert!(completed >= 40, "{completed} completed: {ended:?}");
    assert_eq!(listening.len(), 9, "{listening:?}");
}

#[test]
fn an_example_that_needs_nothing_outside_has_its_output() {
    let Some((_, text)) = examples().into_iter().find(|(name, _)| name == "set") else {
        return;
    };
    let definition = Definition::read(&text, &catalog())
        .expect("it is read")
        .definition;
    let input = input(&definition);
    let event = input[0].clone();
    Trial::start_definition(definition, input).expect_output(&json!({ "startEvent": event }));
}

#[test]
fn an_example_that_listens_goes_on_with_its_event() {
    let Some((_, text)) = examples()
        .into_iter()
        .find(|(name, _)| name == "listen-to-one")
    else {
        return;
    };
    let definition = Definition::read(&text, &catalog())
        .expect("it is read")
        .definition;
    let mut trial = Trial::start_definition(definition, json!({}));
    let wanted = "com.virtual-wf-powered-race.events.race.started.v1";
    assert!(!trial.run.is_listening_for(&event("another", json!({}))));
    assert!(trial.run.is_listening_for(&event(wanted, json!({}))));
    trial.apply(Input::Signalled {
        signal: wanted.to_owned(),
        data: event(wanted, json!({ "carId": 7 })),
        by: person("ada"),
    });
    assert!(!trial.run.is_listening());
    trial.verify();
}
