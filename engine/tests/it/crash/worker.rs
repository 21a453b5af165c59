//! The process that is killed: several runs of posts, a payment and waits.

#![expect(clippy::print_stdout, reason = "the other process listens to it")]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{InboxKind, JournalReads, RedbJournal};
use layercake_engine::runtime::{
    Clock, Engine, EngineOptions, Progress, Routine, StartRequest, Until,
};
use layercake_engine::{
    Decision, Digest, Effect, EffectClass, FunctionSpec, Functions, Outcome, Record, RunId, Verdict,
};
use serde_json::{Value, json};

/// The variable that names the folder to work in.
pub(crate) const FOLDER: &str = "LAYERCAKE_CRASH_FOLDER";
/// The store in that folder.
pub(crate) const STORE: &str = "journal.redb";
/// How a line begins that tells of a durable record.
pub(crate) const DURABLE: &str = "durable ";
/// The line that says that all work is done.
pub(crate) const DONE: &str = "all done";
/// How many runs there are.
pub(crate) const RUNS: usize = 5;
/// How many posts each run makes.
pub(crate) const POSTS: usize = 20;

const ROUTINE: &str = "
document: { dsl: '1.0.3', namespace: test, name: torture, version: '1.0.0' }
do:
  - pay:
      try:
        - now: { call: 'pay:1.0.0@default', with: { sum: 100 } }
      catch: {}
  - posts:
      for: { each: n, in: '${ [range(20)] }' }
      do:
        - post: { call: 'post:1.0.0@default', with: { n: '${ $n }', text: '${ \"long text \" * 80 }' } }
        - breathe: { wait: { milliseconds: 1 } }
";

/// Works when this process was started to be killed; otherwise there is nothing to do.
pub(crate) fn work_if_asked() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(work(&folder));
}

async fn work(folder: &Path) {
    let journal = Arc::new(RedbJournal::open(&folder.join(STORE)).expect("the store opens"));
    let functions = Functions::new()
        .with(
            spec("post", EffectClass::Idempotent),
            acting("post", folder),
        )
        .with(spec("pay", EffectClass::Unsafe), acting("pay", folder));
    let catalog = functions.catalog();
    let options = EngineOptions::standard();
    let engine = Engine::open(journal, Arc::new(functions), catalog, options).expect("it opens");
    let mut feed = engine.subscribe();
    tokio::spawn(async move {
        while let Some(Progress::Step(records)) = feed.next().await {
            for record in records.iter() {
                tell(record);
            }
        }
    });
    let definition = engine.publish(ROUTINE).await.expect("the routine is sound");
    let mut runs = Vec::new();
    for n in 0..RUNS {
        let routine = Routine::Definition(definition.clone());
        let mut request = StartRequest::new(routine, json!({}));
        request.key = Some(format!("torture-{n}"));
        runs.push(engine.start(request).await.expect("a run"));
    }
    for run in runs {
        finish(&engine, run, folder).await;
    }
    engine.shutdown(Duration::from_secs(5)).await;
    println!("{DONE}");
}

/// Waits for the end of a run; decides its doubts by looking at the world.
async fn finish(engine: &Engine, run: RunId, folder: &Path) {
    loop {
        let report = engine.wait(run, Until::Settled).await.expect("it settles");
        if report.row.phase.is_final() {
            return;
        }
        for item in engine.journal().inbox(Some(run), 10).expect("the inbox") {
            assert_eq!(item.kind, InboxKind::Doubt);
            let happened = world(folder).contains_key(&format!("pay {run}"));
            let decision = Decision {
                verdict: if happened {
                    Verdict::Reject
                } else {
                    Verdict::Approve
                },
                by: "auditor".to_owned(),
                at: Clock::system().now(),
                comment: None,
                edited: None,
                shown_hash: item.shown_hash,
                roles: Vec::new(),
            };
            engine
                .decide(item.id, decision)
                .await
                .expect("the decision is taken");
        }
    }
}

fn tell(record: &Record) {
    println!(
        "{DURABLE}{} {} {}",
        record.run,
        record.seq,
        digest_of(record)
    );
}

/// The digest of everything in a record.
pub(crate) fn digest_of(record: &Record) -> Digest {
    Digest::of_value(&serde_json::to_value(record).expect("records are data"))
}

fn spec(name: &str, class: EffectClass) -> FunctionSpec {
    FunctionSpec {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        summary: String::new(),
        input: Value::Bool(true),
        output: Value::Bool(true),
        class,
    }
}

type Acting = std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Makes a function that does something to the world: it appends a line to a file.
fn acting(what: &'static str, folder: &Path) -> impl Fn(Effect) -> Acting + use<> {
    let path = folder.join("world");
    move |effect| {
        let key = match what {
            "pay" => effect.run.to_string(),
            _ => effect.idempotency_key.as_str().to_owned(),
        };
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .expect("the world is there");
        // One write of one line: the kernel takes it whole or not at all.
        file.write_all(format!("{what} {key}\n").as_bytes())
            .expect("a line");
        Box::pin(async { Outcome::completed(json!({ "done": true })) })
    }
}

/// What happened to the world, and how often.
pub(crate) fn world(folder: &Path) -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(folder.join("world")).unwrap_or_default();
    let mut seen = BTreeMap::new();
    for line in text.lines() {
        *seen.entry(line.to_owned()).or_default() += 1;
    }
    seen
}
