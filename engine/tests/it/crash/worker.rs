//! The process that is killed: several runs at a time, of every kind of task.

#![expect(clippy::print_stdout, reason = "the other process listens to it")]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{InboxKind, JournalReads, Parent, RedbJournal, Scan};
use layercake_engine::runtime::{
    Clock, Engine, EngineError, EngineOptions, Progress, Routine, StartRequest, Until,
};
use layercake_engine::{
    Actor, Catalog, Decision, Definition, Digest, Effect, EffectClass, FunctionSpec, Functions,
    Outcome, Problem, ProblemKind, Record, RunId, Verdict,
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
/// The variable that says that no new runs are to be begun.
pub(crate) const FINISH: &str = "LAYERCAKE_CRASH_FINISH";
/// How many runs are at work at a time.
const RUNS_AT_ONCE: usize = 4;
/// How many posts each run makes, with its child.
pub(crate) const POSTS: usize = 12;

/// Every kind of task, and every class of effect.
const ROUTINE: &str = "
document: { dsl: '1.0.3', namespace: test, name: torture, version: '1.0.0' }
use:
  functions:
    send: { call: 'post:1.0.0@default', with: { item: '${ $item }' } }
    recall: { call: 'post:1.0.0@default', with: { recall: '${ $item }' } }
do:
  - pay:
      try:
        - now: { call: 'pay:1.0.0@default', with: { sum: 100 } }
      catch: {}
  - note: { set: { n: 3 } }
  - choose:
      switch:
        - many: { when: '${ .n > 2 }', then: posts }
        - few: { then: end }
  - posts:
      for: { each: n, in: '${ [range(3)] }' }
      do:
        - post: { call: 'post:1.0.0@default', with: { n: '${ $n }', text: '${ \"long text \" * 80 }' } }
        - breathe: { wait: { milliseconds: 1 } }
  - both:
      fork:
        branches:
          - left: { call: 'post:1.0.0@default', with: { side: left } }
          - right:
              do:
                - one: { call: 'post:1.0.0@default', with: { side: right } }
                - pause: { wait: { milliseconds: 1 } }
  - race:
      fork:
        compete: true
        branches:
          - slow: { wait: { hours: 1 } }
          - quick: { call: 'look:1.0.0@default', with: {} }
  - stumble:
      try:
        - fall: { call: 'fall:1.0.0@default', with: {} }
      catch:
        retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 2 } } }
        do:
          - complain:
              try:
                - loudly: { raise: { error: { type: 'https://example.com/fell', status: 500 } } }
              catch: {}
  - child: { run: { workflow: { namespace: test, name: torture-child, version: '1.0.0', input: {} } } }
  - each:
      call: 'for-each:1.0.0@default'
      with: { in: [a, b, c], concurrency: 2, key: '${ $item }', do: send, undo: recall }
  - undo: { call: 'compensate:1.0.0@default', with: { scope: each } }
  - ask: { call: 'approval:1.0.0@default', with: { title: 'Go on?', show: { n: 1 } } }
  - hear: { listen: { to: { one: { with: { type: go } } } } }
";

const CHILD: &str = "
document: { dsl: '1.0.3', namespace: test, name: torture-child, version: '1.0.0' }
do:
  - post: { call: 'post:1.0.0@default', with: { from: child } }
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
    let mut functions = Functions::new();
    for (name, class) in [
        ("post", EffectClass::Idempotent),
        ("pay", EffectClass::Unsafe),
        ("look", EffectClass::Read),
        ("fall", EffectClass::Pure),
    ] {
        functions = functions.with(spec(name, class), acting(name, folder));
    }
    let standard = Catalog::standard();
    let mut catalog = functions.catalog();
    for name in ["approval", "for-each", "compensate"] {
        let spec = standard.function(name, "1.0.0").expect("it is standard");
        catalog = catalog.with(spec.clone());
    }
    let options = EngineOptions::standard();
    let engine = Engine::open(journal, Arc::new(functions), catalog, options).expect("it opens");
    let mut feed = engine.subscribe();
    tokio::spawn(async move {
        while let Some(progress) = feed.next().await {
            if let Progress::Step(records) = progress {
                tell(&records);
            }
        }
    });
    engine.publish(CHILD).await.expect("the routine is sound");
    let definition = engine.publish(ROUTINE).await.expect("the routine is sound");
    work_on(&engine, &definition, folder).await;
    engine.shutdown(Duration::from_secs(5)).await;
    println!("{DONE}");
}

/// Finishes what was begun; begins more, unless it is time to finish.
async fn work_on(engine: &Engine, definition: &Definition, folder: &Path) {
    let roots = Scan {
        parent: Parent::None,
        ..Scan::newest(usize::MAX)
    };
    let rows = engine.journal().scan(&roots).expect("rows");
    let begun = rows.len();
    // Runs end in any order, and two that began together may have changed places: asking again
    // for one that has ended finds it, and it is done.
    let oldest = rows.iter().rposition(|row| !row.phase.is_final());
    let mut number = oldest.map_or(begun, |age| begun - 1 - age);
    number = number.saturating_sub(RUNS_AT_ONCE);
    let is_last = std::env::var_os(FINISH).is_some();
    let mut at_work = tokio::task::JoinSet::new();
    loop {
        let more = !is_last || number < begun;
        if more && at_work.len() < RUNS_AT_ONCE {
            let routine = Routine::Definition(definition.clone());
            let mut request = StartRequest::new(routine, json!({}));
            request.key = Some(format!("torture-{number}"));
            number += 1;
            let run = engine.start(request).await.expect("a run");
            let (engine, folder) = (engine.clone(), folder.to_owned());
            at_work.spawn(async move { finish(&engine, run, &folder).await });
        } else if at_work.join_next().await.is_none() {
            return;
        }
    }
}

/// Waits for the end of a run; decides its doubts by looking at the world.
async fn finish(engine: &Engine, run: RunId, folder: &Path) {
    // The same id is taken in once, however often the process comes back.
    let heard = engine.signal_once(run, "go", "go", json!({}), Actor::Engine);
    if let Err(error) = heard.await {
        assert!(matches!(error, EngineError::Refused(_)), "{error}");
    }
    loop {
        let report = engine.wait(run, Until::Settled).await.expect("it settles");
        if report.row.phase.is_final() {
            return;
        }
        for item in engine.journal().inbox(Some(run), 10).expect("the inbox") {
            let verdict = match item.kind {
                InboxKind::Approval => Verdict::Approve,
                InboxKind::Doubt if world(folder).contains_key(&format!("pay {run}")) => {
                    Verdict::Reject
                }
                InboxKind::Doubt => Verdict::Approve,
            };
            let decision = decision(verdict, item.shown_hash);
            match engine.decide(item.id, decision).await {
                // Somebody else of this process was faster, or the row lagged behind.
                Ok(()) | Err(EngineError::NotOpen(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Tells what has become durable, in one write.
fn tell(records: &[Record]) {
    let lines = records.iter().map(|record| {
        format!(
            "{DURABLE}{} {} {}\n",
            record.run,
            record.seq,
            digest_of(record)
        )
    });
    print!("{}", lines.collect::<String>());
}
fn decision(verdict: Verdict, shown_hash: Digest) -> Decision {
    Decision {
        verdict,
        by: "auditor".to_owned(),
        at: Clock::system().now(),
        comment: None,
        edited: None,
        roles: Vec::new(),
        shown_hash,
    }
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
            "fall" => return Box::pin(async { fell() }) as Acting,
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

fn fell() -> Outcome {
    let problem = Problem::standard(ProblemKind::Communication, "it fell");
    Outcome::failed(problem)
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
