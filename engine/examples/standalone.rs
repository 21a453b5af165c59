//! A program that needs nothing but this crate: it opens a store, registers functions,
//! publishes a routine, starts runs, asks a person, signals, cancels and lists.
//!
//! `cargo run -p layercake-engine --example standalone [FOLDER]`
//!
//! Run it twice with the same folder, or kill it in the middle: the invoice is billed once.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{JournalReads, RedbJournal, Scan};
use layercake_engine::runtime::{Engine, EngineOptions, Routine, StartRequest, Until};
use layercake_engine::{
    Actor, Catalog, Decision, EffectClass, Functions, Problem, ProblemKind, Verdict,
};
use serde_json::{Value, json};

const ROUTINE: &str = "
document: { dsl: '1.0.3', namespace: shop, name: invoice, version: '1.0.0' }
do:
  - price: { call: 'price:1.0.0@default', with: { items: '${ .items }' } }
  - ask:
      if: '${ .total > 100 }'
      call: 'approval:1.0.0@default'
      with: { title: 'Send a large invoice?', show: { total: '${ .total }' } }
      export: { as: '${ $context + { decision: .decision } }' }
      output: { as: '${ $input }' }
  - send: { call: 'send:1.0.0@default', with: { total: '${ .total }' } }
";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let engine = open(folder.join("standalone.redb"))?;
    engine.publish(ROUTINE).await?;

    // A run. The same key would return the same run, also after a crash.
    let small = start(&engine, "invoice-1", json!({ "items": [10, 20] })).await?;
    let report = engine.wait(small, Until::Ended).await?;
    println!(
        "{small}: {:?}, {}",
        report.row.phase,
        report.output.unwrap_or_default()
    );

    // A run that asks a person. It waits on disk, for as long as it takes.
    let large = start(&engine, "invoice-2", json!({ "items": [500, 700] })).await?;
    engine.wait(large, Until::Settled).await?;
    decide(&engine, large, "ada").await?;
    let report = engine.wait(large, Until::Ended).await?;
    println!(
        "{large}: {:?}, {}",
        report.row.phase,
        report.output.unwrap_or_default()
    );

    // A run that nobody wants any more.
    let other = start(&engine, "invoice-3", json!({ "items": [900] })).await?;
    if !engine
        .wait(other, Until::Settled)
        .await?
        .row
        .phase
        .is_final()
    {
        let by = Actor::Person("ada".to_owned());
        engine
            .signal(other, "note", json!("a mistake"), by.clone())
            .await?;
        engine.cancel(other, by).await?;
    }

    for row in engine.journal().scan(&Scan::newest(10))? {
        println!(
            "{} {:?} {} (tool calls: {})",
            row.run, row.phase, row.name, row.tool_calls
        );
    }
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

fn open(path: PathBuf) -> Result<Engine, Failure> {
    let functions = Functions::new()
        .function("price", EffectClass::Pure, async |with| price(&with))
        .function("send", EffectClass::Idempotent, async |with| {
            // A real one passes the idempotency key on; see `Functions::with`.
            Ok(json!({ "sent": with["total"] }))
        });
    let mut catalog = functions.catalog();
    if let Some(approval) = Catalog::standard().function("approval", "1.0.0") {
        catalog = catalog.with(approval.clone());
    }
    let journal = Arc::new(RedbJournal::open(&path)?);
    let options = EngineOptions::standard();
    Ok(Engine::open(
        journal,
        Arc::new(functions),
        catalog,
        options,
    )?)
}

fn price(with: &Value) -> Result<Value, Problem> {
    let items = with["items"]
        .as_array()
        .ok_or_else(|| Problem::standard(ProblemKind::Validation, "an invoice needs items"))?;
    let total: i64 = items.iter().filter_map(Value::as_i64).sum();
    Ok(json!({ "total": total }))
}

async fn start(
    engine: &Engine,
    key: &str,
    input: Value,
) -> Result<layercake_engine::RunId, Failure> {
    let mut request = StartRequest::new(Routine::Published("shop/invoice".to_owned()), input);
    request.key = Some(key.to_owned());
    Ok(engine.start(request).await?)
}

async fn decide(engine: &Engine, run: layercake_engine::RunId, by: &str) -> Result<(), Failure> {
    for question in engine.journal().inbox(Some(run), 10)? {
        println!("{}: {} {}", question.run, question.title, question.shown);
        let decision = Decision {
            verdict: Verdict::Approve,
            by: by.to_owned(),
            at: question.asked_at,
            comment: None,
            edited: None,
            shown_hash: question.shown_hash,
            roles: Vec::new(),
        };
        engine.decide(question.id, decision).await?;
    }
    Ok(())
}
