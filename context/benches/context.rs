//! How fast the context writes and answers. The workload is fixed by a seed: facts over
//! skewed entities, 40 predicates, 14 words each, with valid times.
//!
//! `LAYERCAKE_BENCH_FACTS` sets the size; 100,000 facts when it is not set.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(
    clippy::print_stdout,
    reason = "the load is measured once, outside of criterion"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the bench chooses its size and counts its time"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use layercake_context::store::RedbStore;
use layercake_context::view::Walk;
use layercake_context::{
    Access, Actor, Authority, Commit, Context, EntityRef, FileVault, Interval, Moment, Op,
    Provenance, Recall, Scope, Statement,
};

const FACTS: usize = 100_000;
const PREDICATES: u64 = 40;
const WORDS: usize = 14;
const VOCABULARY: u64 = 20_000;
const BATCH: usize = 5_000;

/// A small generator of numbers (xorshift64*), the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Small numbers more often: the square of an even distribution.
    fn skewed(&mut self, limit: u64) -> u64 {
        let even = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (even * even * limit as f64) as u64
    }
}

fn facts() -> usize {
    let size = std::env::var("LAYERCAKE_BENCH_FACTS").ok();
    size.and_then(|size| size.parse().ok()).unwrap_or(FACTS)
}

fn access() -> Access {
    Access::new(Scope::tenant("bench").unwrap(), Authority::Routine)
}

fn commit(ops: Vec<Op>) -> Commit {
    Commit::new(Moment::from_millis(0), Provenance::of(Actor::Engine), ops)
}

/// One fact in three is an edge between entities; the others are sentences.
fn fact(dice: &mut Dice, entities: u64) -> Op {
    let subject = format!("entity {}", dice.skewed(entities));
    let predicate = format!("predicate {}", dice.below(PREDICATES));
    let from = Moment::from_millis(dice.below(1_000_000) as i64);
    let statement = if dice.below(3) == 0 {
        let object = format!("entity {}", dice.skewed(entities));
        Statement::new(subject, predicate, EntityRef::from(object))
    } else {
        let words: Vec<_> = (0..WORDS)
            .map(|_| format!("word{}", dice.skewed(VOCABULARY)))
            .collect();
        Statement::new(subject, predicate, words.join(" "))
    };
    Op::Assert(statement.valid(Interval::since(from)))
}

fn loaded(folder: &tempfile::TempDir) -> (Context, Duration) {
    let store = RedbStore::open(&folder.path().join("context.redb")).unwrap();
    let vault = FileVault::at(folder.path().join("context.key"));
    let context = Context::open(Arc::new(store), Arc::new(vault), [1; 32]).unwrap();
    let mut dice = Dice(42);
    let entities = facts() as u64 / 5;
    let begun = Instant::now();
    for _ in 0..facts().div_ceil(BATCH) {
        let ops = (0..BATCH).map(|_| fact(&mut dice, entities)).collect();
        context.commit(&access(), commit(ops)).unwrap();
    }
    (context, begun.elapsed())
}

fn questions(c: &mut Criterion, context: &Context) {
    let entities = facts() as u64 / 5;
    let mut dice = Dice(7);
    c.bench_function("as-of both axes, one subject", |b| {
        b.iter(|| {
            let view = context.latest(&access());
            let name = format!("entity {}", dice.skewed(entities));
            view.as_of(name, Moment::from_millis(500_000)).unwrap()
        });
    });
    c.bench_function("2 hops", |b| {
        b.iter(|| {
            let view = context.latest(&access());
            let name = format!("entity {}", dice.skewed(entities));
            view.neighbours(name, &Walk::hops(2).entities_max(1_000))
        });
    });
    c.bench_function("recall, two words, top 10", |b| {
        b.iter(|| {
            let view = context.latest(&access());
            let text = format!(
                "word{} word{}",
                dice.skewed(VOCABULARY),
                dice.skewed(VOCABULARY)
            );
            view.recall(&Recall::of(text)).unwrap()
        });
    });
}

fn commits(c: &mut Criterion, context: &Context) {
    let entities = facts() as u64 / 5;
    let mut dice = Dice(9);
    c.bench_function("durable commit of one fact", |b| {
        b.iter(|| {
            let op = fact(&mut dice, entities);
            context.commit(&access(), commit(vec![op])).unwrap()
        });
    });
    c.bench_function("64 writers, one fact each", |b| {
        b.iter_custom(|rounds| {
            let per_writer = rounds.div_ceil(64);
            let begun = Instant::now();
            std::thread::scope(|threads| {
                for writer in 0..64 {
                    let mut dice = Dice(1_000 + writer);
                    threads.spawn(move || {
                        for _ in 0..per_writer {
                            let op = fact(&mut dice, entities);
                            context.commit(&access(), commit(vec![op])).unwrap();
                        }
                    });
                }
            });
            begun
                .elapsed()
                .mul_f64(rounds as f64 / (per_writer * 64) as f64)
        });
    });
}

fn all(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (context, load) = loaded(&folder);
    let size = std::fs::metadata(folder.path().join("context.redb"))
        .unwrap()
        .len();
    println!(
        "loaded {} facts in {load:.2?}: {:.0} facts/s, {} bytes a fact",
        facts(),
        facts() as f64 / load.as_secs_f64(),
        size / facts() as u64
    );
    questions(c, &context);
    commits(c, &context);
    drop(context);
    c.bench_function("open", |b| {
        b.iter(|| Context::open_folder(folder.path(), [2; 32]).unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = all
}
criterion_main!(benches);
