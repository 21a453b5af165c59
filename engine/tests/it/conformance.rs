//! The conformance kit on a whole engine: journal, runtime, and requests over the network to
//! doubles of the kit's hosts in this process. `cargo xtask conformance` prints what comes of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use layercake_engine::journal::{Journal, MemoryJournal};
use layercake_engine::runtime::{Clock, Engine, EngineOptions, Routine, StartRequest, Until};
use layercake_engine::{Functions, Http};
use serde_json::{Value, json};

use crate::http::server::{Answer, Request, Server};
use crate::run::kit::{Scenario, Seen, all};

/// How many scenarios the kit has; a kit with fewer is not the kit.
const SCENARIOS: usize = 21;

#[test]
fn every_scenario_of_the_kit_holds_on_a_whole_engine() {
    let Some(scenarios) = all() else { return };
    let mut failed = Vec::new();
    for scenario in &scenarios {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let run = AssertUnwindSafe(|| runtime.block_on(check(scenario)));
        let held = std::panic::catch_unwind(run).is_ok();
        println!(
            "conformance: {} {}",
            if held { "passed" } else { "FAILED" },
            scenario.name
        );
        if !held {
            failed.push(scenario.name.as_str());
        }
    }
    let held = scenarios.len() - failed.len();
    println!("conformance: {held} of {} scenarios hold", scenarios.len());
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(scenarios.len(), SCENARIOS);
}

async fn check(scenario: &Scenario) {
    let (petstore, httpbin) = (Server::with(petstore).await, Server::with(httpbin).await);
    let http = Http::new(Clock::system())
        .with_detour("https://petstore.swagger.io", petstore.address(""))
        .with_detour("https://httpbin.org", httpbin.address(""));
    let functions = Functions::new().with_http(http);
    let catalog = functions.catalog();
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = EngineOptions::standard();
    let engine = Engine::open(Arc::clone(&journal), Arc::new(functions), catalog, options);
    let engine = engine.expect("the engine opens");
    let definition = engine.read(&scenario.definition());
    let definition = definition.expect("the definition is sound");
    let request = StartRequest::new(Routine::Definition(definition), scenario.input());
    let run = engine.start(request).await.expect("the run starts");
    let report = engine.wait(run, Until::Ended).await.expect("the run ends");
    scenario.check(&Seen {
        phase: report.row.phase,
        output: report.output,
        problem: report.problem,
        records: journal.records(run, 1, usize::MAX).expect("records"),
    });
}

fn pet(id: u64) -> Value {
    json!({ "id": id, "name": "Rex", "status": "available" })
}

/// Answers as the pet store does, as far as the kit asks it.
fn petstore(request: &Request) -> Answer {
    let target = request.line.split(' ').nth(1).unwrap_or_default();
    let body = match target {
        "/v2/swagger.json" => description(),
        "/v2/pet/findByStatus?status=available" => json!([pet(1), pet(2)]),
        "/v2/pet/1" => pet(1),
        "/v2/pet/2" => pet(2),
        _ => {
            let body = json!({ "code": 1, "type": "error", "message": "Pet not found" });
            return Answer::json("404 Not Found", &body.to_string());
        }
    };
    Answer::json("200 OK", &body.to_string())
}

/// What the pet store says of itself, as far as the kit asks for it.
fn description() -> Value {
    let status = json!({ "name": "status", "in": "query", "required": true, "type": "array",
        "items": { "type": "string" }, "collectionFormat": "multi" });
    let id = json!({ "name": "petId", "in": "path", "required": true, "type": "integer" });
    json!({
        "swagger": "2.0", "host": "petstore.swagger.io", "basePath": "/v2",
        "schemes": ["https", "http"],
        "paths": {
            "/pet/findByStatus": { "get": { "operationId": "findPetsByStatus", "parameters": [status] } },
            "/pet/{petId}": { "get": { "operationId": "getPetById", "parameters": [id] } },
        },
    })
}

/// Lets in whoever says the name and the password that stand in the path.
fn httpbin(request: &Request) -> Answer {
    let expected = "Basic c2VydmVybGVzcy13b3JrZmxvdzpjb25mb3JtYW5jZS10ZXN0";
    let path = "GET /basic-auth/serverless-workflow/conformance-test HTTP/1.1";
    match request.header("authorization") {
        Some(told) if told == expected && request.line == path => {
            Answer::json("200 OK", r#"{"authenticated":true}"#)
        }
        _ => Answer::text("401 Unauthorized", ""),
    }
}

/// A routine that uses a secret, against a service that repeats what it is told: nothing of the
/// value may be found in anything that is stored.
#[tokio::test]
async fn a_planted_secret_is_in_no_record() {
    const PLANTED: &str = "pl4nted/s3cret";
    let echo = Server::with(|request| {
        let told = request.header("x-key").unwrap_or("nothing").to_owned();
        Answer::json("200 OK", &json!({ "told": told }).to_string())
    })
    .await;
    let secrets = |name: &str| (name == "key").then(|| PLANTED.to_owned());
    let functions = Functions::new().with_http(Http::new(Clock::system()).with_secrets(secrets));
    let catalog = functions.catalog();
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = EngineOptions::standard();
    let engine = Engine::open(Arc::clone(&journal), Arc::new(functions), catalog, options);
    let engine = engine.expect("the engine opens");
    let text = format!(
        "
document: {{ dsl: '1.0.3', namespace: test, name: secret, version: '1.0.0' }}
use: {{ secrets: [key] }}
do:
  - ask:
      call: http
      with: {{ method: get, endpoint: '{}', headers: {{ x-key: '${{ $secrets.key }}' }}, output: response }}
",
        echo.address("/")
    );
    let definition = engine.read(&text).expect("the definition is sound");
    let request = StartRequest::new(Routine::Definition(definition), json!({}));
    let run = engine.start(request).await.expect("the run starts");
    let report = engine.wait(run, Until::Ended).await.expect("the run ends");
    assert_eq!(
        echo.request().header("x-key"),
        Some(PLANTED),
        "the service gets it"
    );
    let output = report.output.expect("an output");
    assert_eq!(output["content"]["told"], json!("[secret]"));
    let records = journal.records(run, 1, usize::MAX).expect("records");
    let stored = format!("{records:?}{:?}", report.row);
    assert!(!stored.contains(PLANTED), "{stored}");
}
