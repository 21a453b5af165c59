//! The harness's own time: turns with a tool call each, in memory and durable, and the resume
//! of a long session. The model and the tool take no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::stream;
use layercake_harness::approval::StandingDecision;
use layercake_harness::session::{FolderSessions, MemorySessions, SessionStore};
use layercake_harness::tool::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use layercake_harness::{
    Agent, AgentSpec, Autonomy, EffectClass, NoSink, SessionId, SystemClock, Toolbox,
};
use layercake_model::event::PartKind;
use layercake_model::{
    CallContext, Event, EventStream, Model, ModelDescriptor, ModelError, Request, Role, StopReason,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Asks for a call each turn, then answers.
struct Rounds {
    descriptor: ModelDescriptor,
    rounds: usize,
}

#[async_trait]
impl Model for Rounds {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(&self, request: Request, _: CallContext) -> Result<EventStream, ModelError> {
        let roles = request.messages.iter().map(|message| message.role);
        let turn = roles.filter(|role| *role == Role::Assistant).count();
        let (part, text, reason) = if turn < self.rounds {
            let kind = PartKind::ToolCall {
                id: format!("call-{turn}"),
                name: "add".to_owned(),
            };
            (
                kind,
                format!("{{\"a\":{turn},\"b\":2}}"),
                StopReason::ToolCalls,
            )
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

struct Add(ToolSpec);

#[async_trait]
impl Tool for Add {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, arguments: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let sum = arguments["a"].as_i64().unwrap_or(0) + arguments["b"].as_i64().unwrap_or(0);
        Ok(ToolOutput::text(sum.to_string()))
    }
}

fn agent(rounds: usize, store: Arc<dyn SessionStore>) -> Agent {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"]
    });
    let add = Add(ToolSpec::new("add", "adds", schema).class(EffectClass::Unsafe));
    Agent::new(
        Arc::new(Rounds {
            descriptor: ModelDescriptor::new("bench", "rounds", "none"),
            rounds,
        }),
        Toolbox::new().with(add).expect("one tool with a schema"),
        store,
        Arc::new(StandingDecision::approve("bench", "")),
        Arc::new(NoSink),
        Arc::new(SystemClock),
    )
}

fn spec(turns_max: u32) -> AgentSpec {
    let mut spec = AgentSpec::new("bench", "add");
    spec.autonomy = Autonomy::Full;
    spec.budget.turns_max = turns_max;
    spec.budget.tool_calls_max = turns_max;
    spec
}

/// Runs a fresh session of a number of rounds.
fn run(runtime: &Runtime, rounds: usize, store: &Arc<dyn SessionStore>) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let session = SessionId::new(format!("bench-{number}")).expect("a short name");
    let agent = agent(rounds, Arc::clone(store));
    let report = runtime.block_on(agent.run(&session, &spec(10_000)));
    assert_eq!(report.expect("the store works").tool_calls as usize, rounds);
}

fn rounds(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let memory: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    criterion.bench_function("20 rounds in memory", |bencher| {
        bencher.iter(|| run(&runtime, 20, &memory));
    });
    let folder = tempfile::tempdir().expect("a folder");
    let durable: Arc<dyn SessionStore> =
        Arc::new(FolderSessions::open(folder.path()).expect("a folder that can be written"));
    criterion.bench_function("20 rounds, durable", |bencher| {
        bencher.iter(|| run(&runtime, 20, &durable));
    });
    // 2,000 rounds leave five records each.
    let long = SessionId::new("long").expect("a short name");
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    let first = agent(3_000, Arc::clone(&store));
    let report = runtime.block_on(first.run(&long, &spec(2_000)));
    assert_eq!(report.expect("the store works").turns, 2_000);
    let records = runtime
        .block_on(store.load(&long))
        .expect("the store works");
    criterion.bench_function(&format!("resume of {} records", records.len()), |bencher| {
        bencher.iter(|| {
            let again = agent(3_000, Arc::clone(&store));
            runtime
                .block_on(again.run(&long, &spec(2_000)))
                .expect("the store works")
        });
    });
}

criterion_group!(benches, rounds);
criterion_main!(benches);
