//! How fast steps become durable: one run, a thousand runs, a fan of a thousand, against the
//! rate at which the same disk flushes at all. Each benchmark writes to a file on disk.

mod recovery;
mod stage;
mod targets;

use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use serde_json::json;

use stage::Stage;

/// Steps of the run that is measured alone.
const STEPS: u64 = 500;

/// Runs that are measured together, and their steps.
const RUNS: u64 = 1_000;
const STEPS_OF_EACH: u64 = 10;

/// What one flush writes: about what one step does.
const FLUSH_BYTES: usize = 4096;

fn raw_flushes(criterion: &mut Criterion) {
    let mut file = zeroed_file();
    let mut group = criterion.benchmark_group("raw");
    group.throughput(Throughput::Elements(1));
    group.bench_function("flush", |bencher| bencher.iter(|| flush(&mut file)));
    group.finish();
}

fn one_run(criterion: &mut Criterion) {
    let stage = Stage::on_disk();
    let mut group = criterion.benchmark_group("steps");
    group
        .throughput(Throughput::Elements(STEPS))
        .sample_size(10);
    group.bench_function("one run", |bencher| {
        bencher.iter(|| stage.complete(&stage.sequence, json!({ "steps": STEPS }), 1));
    });
    group.finish();
}

fn thousand_runs(criterion: &mut Criterion) {
    let stage = Stage::on_disk();
    let mut group = criterion.benchmark_group("steps");
    group
        .throughput(Throughput::Elements(RUNS * STEPS_OF_EACH))
        .sample_size(10);
    group.bench_function("1000 runs at once", |bencher| {
        bencher.iter(|| stage.complete(&stage.sequence, json!({ "steps": STEPS_OF_EACH }), RUNS));
    });
    group.finish();
}

fn fan(criterion: &mut Criterion) {
    let stage = Stage::on_disk();
    let mut group = criterion.benchmark_group("fan");
    group.throughput(Throughput::Elements(RUNS)).sample_size(10);
    group.bench_function("1000 children", |bencher| {
        bencher.iter(|| stage.complete_with_children(&stage.fan, json!({ "children": RUNS })));
    });
    group.finish();
}

/// A file whose blocks exist, so that a flush writes data and nothing else.
fn zeroed_file() -> File {
    let mut file = tempfile::tempfile().expect("a scratch file");
    file.write_all(&vec![0; 16 << 20]).expect("room");
    file.sync_all().expect("a flush");
    file
}

fn flush(file: &mut File) {
    file.seek(SeekFrom::Start(black_box(4096)))
        .expect("a place");
    file.write_all(&[7; FLUSH_BYTES]).expect("a write");
    file.sync_data().expect("a flush");
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads a clock")]
fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(5))
        .warm_up_time(Duration::from_secs(1));
    targets = raw_flushes, one_run, thousand_runs, fan, recovery::recovery
}

fn main() {
    benches();
    // A filter asks for something in particular: `targets` for the table alone.
    let filter = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    if filter.is_none_or(|filter| filter == "targets" || filter.parse::<f64>().is_ok()) {
        targets::print();
    }
    Criterion::default().configure_from_args().final_summary();
}
