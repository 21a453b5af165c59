//! This engine as a contestant beside its peers: reads `SCENARIO COUNT` from standard input, does
//! that work durably and answers with one figure as a line of JSON.
//!
//! `cargo xtask bench --peers engine` starts it; with the word `disk` it measures how often the
//! disk flushes at all.

#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(
    clippy::disallowed_methods,
    reason = "it reads a clock to measure time"
)]

use std::io::{BufRead, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use layercake_engine::journal::RedbJournal;
use layercake_engine::runtime::{Engine, EngineOptions, Routine, StartRequest, Until};
use layercake_engine::{Catalog, Definition, EffectClass, Functions, Phase};
use serde_json::{Value, json};

/// A run of as many steps as its input says.
const STEPS: &str = "
document: { dsl: '1.0.3', namespace: contest, name: steps, version: '1.0.0' }
do:
  - loop:
      for: { each: n, in: '${ [range(.steps)] }' }
      do:
        - step: { call: 'touch:1.0.0@default', with: { n: '${ $n }' } }
";

/// As many pieces of work side by side as its input says.
const FAN: &str = "
document: { dsl: '1.0.3', namespace: contest, name: fan, version: '1.0.0' }
use:
  functions:
    touch-it: { call: 'touch:1.0.0@default', with: { n: '${ . }' } }
do:
  - all:
      call: 'for-each:1.0.0@default'
      with: { in: '${ [range(.width)] }', do: touch-it, concurrency: 10000 }
";

/// Steps of each run, where many runs are measured together.
const STEPS_OF_EACH: u64 = 10;

/// What one flush writes, in bytes: about what one step does.
const FLUSH_BYTES: usize = 4096;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let scratch = std::env::var_os("PEER_SCRATCH").map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&scratch)?;
    if std::env::args().nth(1).as_deref() == Some("disk") {
        return disk(scratch);
    }
    let stage = Stage::open(scratch).await?;
    let name = format!("layercake-engine {}", env!("CARGO_PKG_VERSION"));
    println!("{}", json!({ "ready": name }));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (scenario, count) = line.split_once(' ').ok_or("a scenario and a count")?;
        println!("{}", stage.measure(scenario, count.parse()?).await?);
    }
    Ok(())
}

#[derive(Clone)]
struct Stage {
    engine: Engine,
    steps: Definition,
    fan: Definition,
}

impl Stage {
    async fn open(folder: PathBuf) -> Result<Self, Failure> {
        let journal = RedbJournal::open(&folder.join("contest.redb"))?;
        let functions =
            Functions::new().function("touch", EffectClass::Pure, async |arguments| Ok(arguments));
        let mut catalog = functions.catalog();
        let standard = Catalog::standard();
        let for_each = standard.function("for-each", "1.0.0").ok_or("for-each")?;
        catalog = catalog.with(for_each.clone());
        let options = EngineOptions::standard();
        let engine = Engine::open(Arc::new(journal), Arc::new(functions), catalog, options)?;
        let steps = engine.publish(STEPS).await?;
        let fan = engine.publish(FAN).await?;
        Ok(Self { engine, steps, fan })
    }

    async fn run(&self, definition: &Definition, input: Value) -> Result<(), Failure> {
        let request = StartRequest::new(Routine::Definition(definition.clone()), input);
        let run = self.engine.start(request).await?;
        let report = self.engine.wait(run, Until::Ended).await?;
        if report.row.phase != Phase::Completed {
            return Err(format!("a run ended as {:?}", report.row.phase).into());
        }
        Ok(())
    }

    async fn run_steps(&self, steps: u64) -> Result<(), Failure> {
        self.run(&self.steps, json!({ "steps": steps })).await
    }

    async fn measure(&self, scenario: &str, count: u64) -> Result<Value, Failure> {
        let began = Instant::now();
        let value = match scenario {
            "sequential" => {
                self.run_steps(count).await?;
                rate(count, began)
            }
            "single" => {
                let mut times = Vec::new();
                for _ in 0..count {
                    let began = Instant::now();
                    self.run_steps(1).await?;
                    times.push(milliseconds(began));
                }
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            }
            "together" => {
                let mut runs = Vec::new();
                for _ in 0..count {
                    let stage = self.clone();
                    runs.push(tokio::spawn(
                        async move { stage.run_steps(STEPS_OF_EACH).await },
                    ));
                }
                for run in runs {
                    run.await??;
                }
                rate(count * STEPS_OF_EACH, began)
            }
            "fan" => {
                self.run(&self.fan, json!({ "width": count })).await?;
                milliseconds(began)
            }
            other => return Ok(json!({ "unsupported": format!("no `{other}`") })),
        };
        Ok(json!({ "value": value }))
    }
}

/// Measures the disk alone: as many flushes as a run of so many steps needs at least.
fn disk(scratch: PathBuf) -> Result<(), Failure> {
    let mut file = std::fs::File::create(scratch.join("flushes"))?;
    file.write_all(&vec![0; 16 << 20])?;
    file.sync_all()?;
    println!("{}", json!({ "ready": "4 KiB, written and flushed" }));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (scenario, count) = line.split_once(' ').ok_or("a scenario and a count")?;
        if scenario != "sequential" {
            println!("{}", json!({ "unsupported": "one writer alone" }));
            continue;
        }
        let count: u64 = count.parse()?;
        let began = Instant::now();
        for n in 0..count {
            file.seek(SeekFrom::Start((n % 4096) * 4096))?;
            file.write_all(&[7; FLUSH_BYTES])?;
            file.sync_data()?;
        }
        println!("{}", json!({ "value": rate(count, began) }));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn rate(count: u64, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
