//! Goes through seeds of the simulation on all cores, and says which one fails.
//!
//! `cargo run --release -p layercake-engine --no-default-features --features sim --example
//! simulate -- [--seeds N] [--from SEED] [--minutes M]`

#![expect(clippy::print_stdout, reason = "the result is what the program is for")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use layercake_engine::sim::{Failure, Summary, simulate};

/// How many seeds are gone through when nothing is said.
const SEEDS: u64 = 10_000;

/// After how many seeds it is said how far it has come.
const REPORT_SEEDS: u64 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let from = value("--from").unwrap_or(0);
    let seeds = value("--seeds").unwrap_or(SEEDS);
    let minutes = value("--minutes").unwrap_or(u64::from(u32::MAX));
    let (done, failure) = go_through(from, seeds, Duration::from_secs(minutes * 60));
    println!("{} of {seeds} seeds from {from}: {done:?}", done.seeds);
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            println!("FAILED {failure}");
            println!("to repeat it: --from {} --seeds 1", failure.seed);
            ExitCode::FAILURE
        }
    }
}

/// What all seeds together went through.
#[derive(Debug, Default)]
struct Done {
    seeds: u64,
    all: Summary,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program is bounded by time, the simulation is not"
)]
fn go_through(from: u64, seeds: u64, most: Duration) -> (Done, Option<Failure>) {
    let begin = Instant::now();
    let next = AtomicU64::new(from);
    let stop = AtomicBool::new(false);
    let done = Mutex::new(Done::default());
    let failure = Mutex::new(None);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) && begin.elapsed() < most {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from.saturating_add(seeds) {
                        break;
                    }
                    match simulate(seed) {
                        Ok(summary) => {
                            let mut done = done.lock().expect("no thread panics with it");
                            done.seeds += 1;
                            done.all += summary;
                            if done.seeds % REPORT_SEEDS == 0 {
                                println!("{} seeds after {:?}", done.seeds, begin.elapsed());
                            }
                        }
                        Err(found) => {
                            *failure.lock().expect("no thread panics with it") = Some(found);
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let done = done.into_inner().expect("no thread panics with it");
    let failure = failure.into_inner().expect("no thread panics with it");
    (done, failure)
}
