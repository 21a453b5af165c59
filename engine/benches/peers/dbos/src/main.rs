//! DBOS for Rust as a contestant, on the PostgreSQL that `postgres.sh` started.

use std::time::Instant;

use dbos::{Config, DBOS, WorkflowRef};
use serde_json::json;
use tokio::io::AsyncBufReadExt;

/// Steps in one run and side by side need no more connections than this.
const CONNECTIONS: u32 = 32;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn steps(count: u64) -> dbos::Result<u64> {
    for n in 0..count {
        dbos::step("step", move || async move { dbos::Result::Ok(n) }).await?;
    }
    Ok(count)
}

async fn fan(width: u64) -> dbos::Result<u64> {
    // The numbers of steps are given when they are made, so all are made before any is awaited.
    let steps: Vec<_> = (0..width)
        .map(|n| dbos::step("step", move || async move { dbos::Result::Ok(n) }))
        .collect();
    let results = futures::future::join_all(steps.into_iter().map(IntoFuture::into_future)).await;
    let mut sum = 0;
    for result in results {
        sum += result?;
    }
    Ok(sum)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let dbos = DBOS::new(Config {
        app_version: Some("1".into()),
        max_connections: CONNECTIONS,
        ..Config::new("contestant", std::env::var("PEER_DATABASE")?)
    });
    let sequence = dbos.register_workflow("steps", steps)?;
    let fan = dbos.register_workflow("fan", fan)?;
    dbos.launch().await?;
    println!(
        "{}",
        json!({ "ready": "DBOS 0.5.0 for Rust on PostgreSQL" })
    );
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (scenario, count) = line.split_once(' ').ok_or("a scenario and a count")?;
        println!(
            "{}",
            measure(&sequence, &fan, scenario, count.parse()?).await?
        );
    }
    dbos.shutdown().await;
    Ok(())
}

async fn measure(
    sequence: &WorkflowRef<u64, u64>,
    fan: &WorkflowRef<u64, u64>,
    scenario: &str,
    count: u64,
) -> Result<serde_json::Value, Failure> {
    let began = Instant::now();
    let value = match scenario {
        "sequential" => {
            sequence.run(count).await?;
            count as f64 / began.elapsed().as_secs_f64()
        }
        "single" => {
            let mut times = Vec::new();
            for _ in 0..count {
                let began = Instant::now();
                sequence.run(1).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        }
        "together" => {
            let runs = (0..count).map(|_| sequence.run(10).into_future());
            for result in futures::future::join_all(runs).await {
                result?;
            }
            (count * 10) as f64 / began.elapsed().as_secs_f64()
        }
        "fan" => {
            fan.run(count).await?;
            began.elapsed().as_secs_f64() * 1e3
        }
        other => return Ok(json!({ "unsupported": format!("no `{other}`") })),
    };
    Ok(json!({ "value": value }))
}
