//! Prints what an agent takes of a machine: time for a round, time until the first byte to the
//! model, time to open a long session, and memory for one agent and for 10,000 that wait.
//!
//! `cargo run --release -p layercake-harness --example footprint`; the folder for durable
//! sessions is the system's temporary one, or the first argument.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::stream;
use layercake_harness::approval::MemoryInbox;
use layercake_harness::session::{FolderSessions, MemorySessions, SessionStore};
use layercake_harness::tool::FunctionTool;
use layercake_harness::{
    Agent, AgentSpec, Autonomy, HarnessError, NoSink, SessionId, SystemClock, Toolbox,
};
use layercake_model::event::PartKind;
use layercake_model::{
    CallContext, Event, EventStream, Model, ModelDescriptor, ModelError, Request, Role, StopReason,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Tool rounds of one measured session.
const ROUNDS: usize = 20;
/// Sessions, processes and resumes that are measured; the best counts on a machine at work.
const SAMPLES: usize = 15;
/// Agents that wait.
const WAITING: usize = 10_000;
/// Rounds that leave 10,000 records.
const LONG_ROUNDS: usize = 2_000;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Asks for a number of calls, one in each turn, then answers.
struct Rounds {
    descriptor: ModelDescriptor,
    rounds: usize,
    /// Where the first byte is to arrive.
    address: Option<String>,
}

#[async_trait]
impl Model for Rounds {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(&self, request: Request, _: CallContext) -> Result<EventStream, ModelError> {
        if let Some(address) = &self.address {
            let sent = TcpStream::connect(address).and_then(|mut it| it.write_all(b"."));
            drop(sent);
        }
        let roles = request.messages.iter().map(|message| message.role);
        let turn = roles.filter(|role| *role == Role::Assistant).count();
        let (part, text, reason) = if turn < self.rounds {
            let id = format!("call-{turn}");
            let name = "add".to_owned();
            let text = format!("{{\"a\":{turn},\"b\":2}}");
            (PartKind::ToolCall { id, name }, text, StopReason::ToolCalls)
        } else {
            (PartKind::Text, "done".to_owned(), StopReason::End)
        };
        let events = vec![
            Event::Start {
                model: "rounds".to_owned(),
                response_id: String::new(),
            },
            Event::PartStart { index: 0, part },
            Event::Delta { index: 0, text },
            Event::PartEnd { index: 0 },
            Event::Finish {
                reason,
                raw_reason: String::new(),
            },
        ];
        Ok(Box::pin(stream::iter(events.into_iter().map(Ok))))
    }
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    a: i64,
    b: i64,
}

async fn add(sum: Sum) -> Result<i64, String> {
    Ok(sum.a + sum.b)
}

fn agent(rounds: usize, store: &Arc<dyn SessionStore>, address: Option<String>) -> Agent {
    let toolbox = Toolbox::new().with(FunctionTool::new("add", "Adds.", add));
    Agent::new(
        Arc::new(Rounds {
            descriptor: ModelDescriptor::new("bench", "rounds", "none"),
            rounds,
            address,
        }),
        toolbox.expect("one tool with a schema"),
        Arc::clone(store),
        Arc::new(MemoryInbox::new()),
        Arc::new(NoSink),
        Arc::new(SystemClock),
    )
}

fn spec(autonomy: Autonomy) -> AgentSpec {
    let mut spec = AgentSpec::new("bench", "add");
    spec.autonomy = autonomy;
    spec.budget.turns_max = u32::MAX;
    spec.budget.tool_calls_max = u32::MAX;
    spec
}

fn named(name: String) -> SessionId {
    SessionId::new(name).expect("a short name")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if let (Some("--child"), Some(address)) = (first.as_deref(), arguments.next()) {
        return child(address).await;
    }
    let folder = first.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("footprint-{}", std::process::id()));
    let measured = measure(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

/// Is the process whose first byte is waited for.
async fn child(address: String) -> Outcome {
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    let agent = agent(0, &store, Some(address));
    agent
        .run(&named("child".to_owned()), &spec(Autonomy::Full))
        .await?;
    Ok(())
}

async fn measure(folder: &Path) -> Outcome {
    let mut out = std::io::stdout().lock();
    let memory: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    let durable: Arc<dyn SessionStore> = Arc::new(FolderSessions::open(folder)?);
    let in_memory = rounds(&memory).await?;
    let on_disk = rounds(&durable).await?;
    writeln!(out, "one round, in memory      {in_memory:8.3} ms")?;
    writeln!(out, "one round, durable        {on_disk:8.3} ms")?;
    writeln!(
        out,
        "one agent, at most        {:8.1} MB",
        megabytes("VmHWM")?
    )?;
    writeln!(out, "start to first byte       {:8.1} ms", first_byte()?)?;
    let (records, resume) = resume(&memory).await?;
    writeln!(out, "resume, {records} records {resume:8.1} ms")?;
    let waiting = agents_that_wait(&durable).await?;
    writeln!(out, "{WAITING} agents that wait   {waiting:8.1} MB")?;
    Ok(())
}

/// Returns the time of one round, in milliseconds: the best session's.
async fn rounds(store: &Arc<dyn SessionStore>) -> Result<f64, HarnessError> {
    let mut best = f64::INFINITY;
    for sample in 0..SAMPLES {
        let agent = agent(ROUNDS, store, None);
        let began = Instant::now();
        let session = named(format!("rounds-{sample}"));
        agent.run(&session, &spec(Autonomy::Full)).await?;
        best = best.min(began.elapsed().as_secs_f64() * 1_000.0 / ROUNDS as f64);
    }
    Ok(best)
}

/// Returns the time from the start of a process to the byte that it sends, in milliseconds.
fn first_byte() -> std::io::Result<f64> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?.to_string();
    let mut best = f64::INFINITY;
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--child", &address])
            .spawn()?;
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0])?;
        best = best.min(began.elapsed().as_secs_f64() * 1_000.0);
        child.wait()?;
    }
    Ok(best)
}

/// Returns the records of a long session and the time to open it, in milliseconds.
async fn resume(store: &Arc<dyn SessionStore>) -> Result<(usize, f64), HarnessError> {
    let session = named("long".to_owned());
    let mut spec = spec(Autonomy::Full);
    spec.budget.turns_max = u32::try_from(LONG_ROUNDS).unwrap_or(u32::MAX);
    agent(usize::MAX, store, None).run(&session, &spec).await?;
    let records = store.load(&session).await?.len();
    let mut best = f64::INFINITY;
    for _ in 0..SAMPLES {
        let agent = agent(usize::MAX, store, None);
        let began = Instant::now();
        agent.run(&session, &spec).await?;
        best = best.min(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok((records, best))
}

/// Returns the memory that agents take which wait for a person, in megabytes.
async fn agents_that_wait(
    store: &Arc<dyn SessionStore>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let before = megabytes("VmRSS")?;
    let first = agent(1, store, None);
    let mut waiting = Vec::with_capacity(WAITING);
    for number in 0..WAITING {
        let (agent, spec) = (first.clone(), spec(Autonomy::Suggest));
        let report = agent.run(&named(format!("waits-{number}")), &spec).await?;
        waiting.push((agent, spec, report));
    }
    let taken = megabytes("VmRSS")? - before;
    drop(waiting);
    Ok(taken)
}

/// Reads how much memory this process has, in megabytes.
fn megabytes(field: &str) -> std::io::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    Ok(kilobytes.unwrap_or(f64::NAN) / 1_024.0)
}
