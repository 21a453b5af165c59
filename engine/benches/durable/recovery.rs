//! How long it takes until 10,000 runs that a crash cut off have ended.

use std::time::Duration;

use criterion::{Criterion, Throughput};

use crate::stage::Stage;

/// Runs that the crash cuts off.
const RUNS: u64 = 10_000;

/// Measures from opening the crashed store to the end of the last run.
#[expect(
    clippy::print_stderr,
    reason = "the parts of the time are results, too"
)]
pub(crate) fn recovery(criterion: &mut Criterion) {
    let stage = Stage::on_disk();
    let image = stage.crashed(RUNS);
    let mut group = criterion.benchmark_group("recovery");
    group.throughput(Throughput::Elements(RUNS)).sample_size(10);
    let mut last = None;
    group.bench_function("10000 unfinished runs", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut whole = Duration::ZERO;
            for _ in 0..rounds {
                let recovery = stage.recover(&image, RUNS);
                whole += recovery.ended;
                last = Some(recovery);
            }
            whole
        });
    });
    group.finish();
    if let Some(recovery) = last {
        eprintln!(
            "after a crash      open {:?}, first progress {:?}, all ended {:?}",
            recovery.opened, recovery.progress, recovery.ended
        );
    }
}
