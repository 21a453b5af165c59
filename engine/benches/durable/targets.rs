//! The figures that the engine is held to, each measured in turn with the disk's own rate, and
//! printed as a table. `engine/docs/speed.md` keeps the last one.

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use layercake_engine::journal::{Batch, Journal, RedbJournal, Scan};
use layercake_engine::{
    Actor, Digest, Payload, RECORD_FORMAT, Record, RecordKind, Run, RunId, RunKind, TaskKey,
    Timestamp,
};
use serde_json::{Value, json};

use crate::stage::{Stage, now};
use crate::{flush, median, time, zeroed_file};

/// How often each figure is taken; the best counts, because others use the machine, too.
const ROUNDS: usize = 5;

/// Steps of the one run.
const STEPS: u64 = 1_000;

/// Runs that are under way at once, and their steps.
const RUNS: u64 = 64;
const STEPS_OF_EACH: u64 = 10;

/// Measures and prints everything.
#[expect(clippy::print_stderr, reason = "the table is the result")]
pub(crate) fn print() {
    let mut file = zeroed_file();
    sequence(&mut file);
    side_by_side();
    let replayed = replay();
    eprintln!("| replay of a 20,000-step run | ≤ 25 ms | {replayed:.1?} |");
    let (opened, progress) = first_progress();
    eprintln!(
        "| first progress after a crash, 10,000 waiting runs | ≤ 300 ms | {progress:.1?} (open {opened:.1?}) |"
    );
    let (payload, stored) = transcript();
    eprintln!(
        "| transcripts of 200 turns on disk | ≤ 1.3 × payload | {:.2} ({payload} bytes of payload) |",
        stored as f64 / payload as f64
    );
    curve();
}

#[expect(clippy::print_stderr, reason = "the table is the result")]
fn sequence(file: &mut File) {
    let stage = Stage::on_disk();
    let (mut raws, mut rates) = (Vec::new(), Vec::new());
    let mut latencies = Vec::new();
    for _ in 0..ROUNDS {
        let flushes = 500;
        let took = time(|| (0..flushes).for_each(|_| flush(file)));
        raws.push(f64::from(flushes) / took.as_secs_f64());
        stage.forget_touches();
        let took = time(|| stage.complete(&stage.sequence, json!({ "steps": STEPS }), 1));
        rates.push(STEPS as f64 / took.as_secs_f64());
        latencies.push(stage.gaps());
    }
    let (raw, rate) = (best(&raws), best(&rates));
    eprintln!("| figure | target | measured |\n|---|---|---|");
    eprintln!(
        "| raw flushes of 4 KiB | – | {raw:.0}/s (median {:.0}/s) |",
        median(raws)
    );
    eprintln!(
        "| one run, {STEPS} steps | ≥ 4,500/s, ≥ 0.5 of raw | {rate:.0}/s, {:.2} of raw |",
        rate / raw
    );
    let quantile = |q: f64| {
        let of_round = |gaps: &Vec<Duration>| gaps[(gaps.len() as f64 * q) as usize];
        latencies.iter().map(of_round).min().unwrap_or_default()
    };
    eprintln!("| step, median | ≤ 0.22 ms | {:.2?} |", quantile(0.5));
    eprintln!("| step, 99 of 100 | ≤ 0.8 ms | {:.2?} |", quantile(0.99));
}

#[expect(clippy::print_stderr, reason = "the table is the result")]
fn side_by_side() {
    let stage = Stage::on_disk();
    let rounds = |work: &dyn Fn()| {
        let took: Vec<Duration> = (0..ROUNDS).map(|_| time(work)).collect();
        took.into_iter().min().unwrap_or_default()
    };
    let input = json!({ "steps": STEPS_OF_EACH });
    for (runs, target) in [(RUNS, "28,000"), (1_000, "20,000")] {
        let took = rounds(&|| stage.complete(&stage.sequence, input.clone(), runs));
        let rate = (runs * STEPS_OF_EACH) as f64 / took.as_secs_f64();
        eprintln!("| {runs} runs × {STEPS_OF_EACH} steps | ≥ {target}/s | {rate:.0}/s |");
    }
    let items: Vec<u64> = (0..1_000).collect();
    let took = rounds(&|| stage.complete(&stage.spread, json!({ "items": items }), 1));
    eprintln!("| fan of 1,000 steps in one run | ≤ 45 ms | {took:.1?} |");
    let took = rounds(&|| stage.complete_with_children(&stage.fan, json!({ "children": 1_000 })));
    eprintln!("| fan of 1,000 child runs | – | {took:.1?} |");
}

/// How long the machine takes for a history of 20,000 steps that is in memory.
fn replay() -> Duration {
    let stage = Stage::on_disk();
    stage.complete(&stage.sequence, json!({ "steps": 20_000 }), 1);
    let journal = stage.engine.journal();
    let row = journal.scan(&Scan::newest(1)).expect("rows").remove(0);
    let records = journal.records(row.run, 1, usize::MAX).expect("records");
    let once = || {
        let (definition, records) = (stage.sequence.clone(), records.clone());
        time(|| {
            Run::replay(definition, records).expect("it replays");
        })
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

/// How long until the engine is open, and until a run that the crash cut off goes on.
fn first_progress() -> (Duration, Duration) {
    let stage = Stage::on_disk();
    stage.start_sleepers(10_000);
    let image = stage.crashed(1);
    let recoveries = (0..ROUNDS).map(|_| stage.recover(&image, 1));
    let best = recoveries.min_by_key(|recovery| recovery.progress);
    let best = best.expect("there are rounds");
    (best.opened, best.progress)
}

/// Ten transcripts of 200 turns of 4 KB, as the harness writes them: what was said and what
/// the copy of the store takes, in bytes.
fn transcript() -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let journal = RedbJournal::open(&folder.path().join("journal.redb")).expect("a store");
    let epoch = journal.claim().expect("a claim");
    let mut payload = 0;
    for n in 0..10_u64 {
        let id = RunId::from_parts(Timestamp::from_millis(n), u128::from(n));
        for turn in 0..200_u64 {
            let text = format!("{n} {turn} ").repeat(4_000 / 6);
            payload += text.len() as u64;
            let record = said(id, turn + 1, json!({ "text": text }));
            let mut batch = Batch::of_records(id, vec![record]);
            if turn == 0 {
                batch.row = Some(row(id));
            }
            journal.append(epoch, &[batch.into()]).expect("an append");
        }
    }
    let copy = folder.path().join("copy.redb");
    journal.copy_to(&copy).expect("a copy");
    let stored = std::fs::metadata(&copy).expect("the copy").len();
    (payload, stored)
}

fn said(run: RunId, seq: u64, body: Value) -> Record {
    Record {
        format: RECORD_FORMAT,
        run,
        seq,
        at: Timestamp::from_millis(seq),
        task: TaskKey::root(),
        attempt: 1,
        kind: RecordKind::Session {
            event: "model-settled".to_owned(),
            body: Payload::Inline(body),
        },
        reads: Vec::new(),
        caused_by: vec![seq - 1],
        output: None,
        definition: Digest::of_bytes(b"an agent"),
        versions: [("engine".to_owned(), "1".to_owned())].into(),
        actor: Actor::Agent("mara".to_owned()),
        costs: Vec::new(),
    }
}

fn row(run: RunId) -> layercake_engine::journal::RunRow {
    layercake_engine::journal::RunRow {
        run,
        kind: RunKind::Agent,
        name: "mara".to_owned(),
        definition: Digest::of_bytes(b"an agent"),
        phase: layercake_engine::Phase::Waiting,
        active: false,
        due: None,
        trouble: None,
        started_at: Timestamp::from_millis(1),
        ended_at: None,
        parent: None,
        key: None,
        unstarted: Vec::new(),
        waiting_for: Vec::new(),
        model_calls: 0,
        tool_calls: 0,
        cost: layercake_engine::journal::CostSummary::default(),
        attributes: std::collections::BTreeMap::new(),
        last_seq: 1,
    }
}

/// What a step costs with so many runs stored.
#[expect(clippy::print_stderr, reason = "the table is the result")]
fn curve() {
    let stage = Stage::on_disk();
    let mut stored = 0;
    for runs in [10, 1_000, 10_000, 100_000] {
        stage.start_sleepers(runs - stored);
        stored = runs;
        let once = || time(|| stage.complete(&stage.sequence, json!({ "steps": 200 }), 1));
        let took = (0..ROUNDS).map(|_| once()).min().unwrap_or_default();
        eprintln!(
            "| a step with {runs} runs stored | flat | {:.1?} |",
            took / 200
        );
    }
}

/// When something was done, in order.
pub(crate) type Touches = Arc<Mutex<Vec<std::time::Instant>>>;

impl Stage {
    fn forget_touches(&self) {
        self.touches.lock().expect("nobody panics with it").clear();
    }

    /// Returns how long it took from step to step, sorted.
    fn gaps(&self) -> Vec<Duration> {
        let touches = self.touches.lock().expect("nobody panics with it");
        let mut gaps: Vec<_> = touches.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort();
        gaps
    }
}

/// Notes that a step was done.
pub(crate) fn touch(touches: &Touches) {
    touches.lock().expect("nobody panics with it").push(now());
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}
