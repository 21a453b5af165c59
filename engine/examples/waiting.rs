//! Starts many runs that wait for a day, and says how much memory they take.
//!
//! `cargo run --release -p layercake-engine --example waiting [RUNS]`

#![expect(
    clippy::print_stdout,
    reason = "the numbers are what the program is for"
)]

use std::sync::Arc;
use std::time::Duration;

use layercake_engine::Functions;
use layercake_engine::journal::{JournalReads, RedbJournal};
use layercake_engine::runtime::{Engine, EngineOptions, Routine, StartRequest};
use serde_json::json;

const SLEEPER: &str = "
document: { dsl: '1.0.3', namespace: example, name: sleeper, version: '1.0.0' }
do:
  - sleep: { wait: { days: 1 } }
";

/// The memory that the target allows for 100,000 runs, in megabytes.
const TARGET_MB: u64 = 60;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs: u64 = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let journal = Arc::new(RedbJournal::open(&folder.path().join("journal.redb"))?);
    let functions = Functions::new();
    let catalog = functions.catalog();
    let options = EngineOptions::standard();
    let engine = Engine::open(journal, Arc::new(functions), catalog, options)?;
    let sleeper = engine.publish(SLEEPER).await?;
    let before = resident_mb()?;
    let mut starts = tokio::task::JoinSet::new();
    for n in 0..runs {
        // A bounded number of starts at once, as a server has.
        if starts.len() >= 256
            && let Some(started) = starts.join_next().await
        {
            started??;
        }
        let request = StartRequest::new(Routine::Definition(sleeper.clone()), json!({ "n": n }));
        let engine = engine.clone();
        starts.spawn(async move { engine.start(request).await });
    }
    while let Some(started) = starts.join_next().await {
        started??;
    }
    let facts = engine.journal().facts()?;
    let after = resident_mb()?;
    println!(
        "{} runs wait; the store has {} MB",
        facts.runs,
        facts.size_bytes >> 20
    );
    println!("resident: {before} MB before, {after} MB with them (target {TARGET_MB} MB)");
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// Returns the resident memory of this process, in megabytes.
///
/// Source: proc(5), `/proc/self/statm`, second field, in pages of 4096 bytes.
fn resident_mb() -> Result<u64, Box<dyn std::error::Error>> {
    let facts = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = facts.split(' ').nth(1).ok_or("no second field")?.parse()?;
    Ok((pages * 4096) >> 20)
}
