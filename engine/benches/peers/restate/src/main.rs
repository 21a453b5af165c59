//! Restate as a contestant: starts its server and its endpoint, and drives runs over HTTP as its
//! users do. Packets are not delayed on the endpoint's side, or the comparison would be unfair.

use std::net::TcpListener as Probe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use restate_sdk::context::RequestTarget;
use restate_sdk::endpoint::Endpoint;
use restate_sdk::hyper::HyperEndpoint;
use restate_sdk::prelude::*;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const SERVER: &str = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server";

/// The endpoint's window; the stock one stalls on long journals.
const WINDOW: u32 = 64 << 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Steps;

#[service]
impl Steps {
    #[handler]
    async fn run(&self, ctx: Context<'_>, steps: u64) -> Result<u64, TerminalError> {
        for n in 0..steps {
            ctx.run(|| async move { Ok(n) }).name("step").await?;
        }
        Ok(steps)
    }
}

struct Leaf;

#[service]
impl Leaf {
    #[handler]
    async fn step(&self, _ctx: Context<'_>, n: u64) -> Result<u64, TerminalError> {
        Ok(n)
    }
}

struct Fan;

#[service]
impl Fan {
    #[handler]
    async fn run(&self, ctx: Context<'_>, width: u64) -> Result<u64, TerminalError> {
        let mut futures = DurableFuturesUnordered::new();
        for n in 0..width {
            let target = RequestTarget::service("Leaf", "step");
            futures.push(ctx.request::<u64, u64>(target, n).call());
        }
        let mut sum = 0;
        while let Some((_, result)) = futures.next().await? {
            sum += result?;
        }
        Ok(sum)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let endpoint = TcpListener::bind("127.0.0.1:0").await?;
    let address = endpoint.local_addr()?;
    tokio::spawn(serve(endpoint));
    let (mut server, ingress) = start(&format!("http://{address}")).await?;
    println!("{}", json!({ "ready": "Restate 1.7.12, Rust SDK 0.13.0" }));
    let client = reqwest::Client::new();
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (scenario, count) = line.split_once(' ').ok_or("a scenario and a count")?;
        println!(
            "{}",
            measure(&client, &ingress, scenario, count.parse()?).await?
        );
    }
    server.kill().await?;
    Ok(())
}

async fn serve(listener: TcpListener) {
    let endpoint = Endpoint::builder().bind(Steps).bind(Leaf).bind(Fan).build();
    let endpoint = HyperEndpoint::new(endpoint);
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a socket takes the option");
        let connection = http2::Builder::new(TokioExecutor::new())
            .initial_connection_window_size(WINDOW)
            .initial_stream_window_size(WINDOW)
            .serve_connection(TokioIo::new(stream), endpoint.clone());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

fn free() -> Result<String, Failure> {
    Ok(Probe::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Starts the server and makes the endpoint known to it.
async fn start(endpoint: &str) -> Result<(Child, String), Failure> {
    let scratch = PathBuf::from(std::env::var("PEER_SCRATCH")?);
    let (ingress, admin, node) = (free()?, free()?, free()?);
    let log = std::fs::File::create(scratch.join("server.log"))?;
    let server = Command::new(SERVER)
        .args([
            "--no-logo",
            "--node-name",
            "n1",
            "--cluster-name",
            "one",
            "--listen-mode",
            "tcp",
        ])
        .arg("--base-dir")
        .arg(scratch.join("data"))
        .args([
            "--bind-address",
            &node,
            "--advertised-address",
            &format!("http://{node}"),
        ])
        .env("DO_NOT_TRACK", "1")
        .env("RESTATE_INGRESS__BIND_ADDRESS", &ingress)
        .env("RESTATE_ADMIN__BIND_ADDRESS", &admin)
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let client = reqwest::Client::new();
    let deployment = json!({ "uri": endpoint });
    for _ in 0..300 {
        let url = format!("http://{admin}/deployments");
        let answer = client.post(url).json(&deployment).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            let ingress = format!("http://{ingress}");
            while call(&client, &ingress, "Steps", 1).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return Ok((server, ingress));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the server did not take the endpoint".into())
}

async fn call(
    client: &reqwest::Client,
    ingress: &str,
    service: &str,
    n: u64,
) -> Result<(), Failure> {
    let answer = client
        .post(format!("{ingress}/{service}/run"))
        .json(&n)
        .send()
        .await?;
    answer.error_for_status()?.text().await?;
    Ok(())
}

async fn measure(
    client: &reqwest::Client,
    ingress: &str,
    scenario: &str,
    count: u64,
) -> Result<serde_json::Value, Failure> {
    let began = Instant::now();
    let value = match scenario {
        "sequential" => {
            call(client, ingress, "Steps", count).await?;
            count as f64 / began.elapsed().as_secs_f64()
        }
        "single" => {
            let mut times = Vec::new();
            for _ in 0..count {
                let began = Instant::now();
                call(client, ingress, "Steps", 1).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        }
        "together" => {
            let tasks: Vec<_> = (0..count)
                .map(|_| {
                    let (client, ingress) = (client.clone(), ingress.to_owned());
                    tokio::spawn(async move { call(&client, &ingress, "Steps", 10).await })
                })
                .collect();
            for task in tasks {
                task.await??;
            }
            (count * 10) as f64 / began.elapsed().as_secs_f64()
        }
        "fan" => {
            call(client, ingress, "Fan", count).await?;
            began.elapsed().as_secs_f64() * 1e3
        }
        other => return Ok(json!({ "unsupported": format!("no `{other}`") })),
    };
    Ok(json!({ "value": value }))
}
