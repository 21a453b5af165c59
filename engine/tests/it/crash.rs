//! A real process, killed with SIGKILL again and again, and what an outsider saw of it.
//!
//! This binary starts itself: [`the_process_that_is_killed`] works on a store and tells every
//! step as it becomes durable; the other test listens, and kills it after a random number of
//! steps. At the end nothing that was told may be missing or different, nothing may be recorded
//! twice, and the world may have seen everything once. `LAYERCAKE_KILLS` says how often;
//! `cargo xtask torture` sets it.

#![expect(clippy::print_stdout, reason = "`cargo xtask torture` shows it")]

mod worker;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use layercake_engine::journal::{Journal, RedbJournal, Scan};
use layercake_engine::{Digest, EffectId, Phase, RecordKind, RunId};

/// How often processes are killed, unless a variable says otherwise.
const KILLS: u32 = 1_000;

/// The variable that says how often.
const KILLS_VARIABLE: &str = "LAYERCAKE_KILLS";

/// How many worlds are tortured side by side, each with its own store.
const WORLDS: u32 = 3;

/// How many durable records are heard at most before the process is killed.
const HEARD_MAX: u64 = 24;

/// What the process told: the digest of every durable record.
type Told = BTreeMap<(RunId, u64), Digest>;

#[test]
fn nothing_told_is_lost_and_nothing_happens_twice() {
    let asked = std::env::var_os(KILLS_VARIABLE).and_then(|text| text.into_string().ok());
    let kills = asked.map_or(KILLS, |text| text.parse().expect("a number of kills"));
    std::thread::scope(|scope| {
        for world in 0..WORLDS {
            let kills = kills / WORLDS + u32::from(world < kills % WORLDS);
            scope.spawn(move || torture(kills, 20_261_120 + u64::from(world)));
        }
    });
}

/// Kills the process of one world so many times, lets the last one finish, and checks.
fn torture(kills: u32, seed: u64) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut told = Told::new();
    let mut chance = Chance(seed);
    for _ in 0..kills {
        let mut process = spawn(folder.path(), false);
        let steps = 1 + chance.below(HEARD_MAX);
        let finished = listen(&mut process, Some(steps), &mut told);
        process.kill().expect("it can be killed");
        process.wait().expect("it is gone");
        assert!(!finished, "there is always more to do");
    }
    let mut process = spawn(folder.path(), true);
    assert!(
        listen(&mut process, None, &mut told),
        "the last process finishes"
    );
    assert!(process.wait().expect("it ends").success());
    let runs = check_journal(folder.path(), &told);
    check_world(folder.path(), runs);
    println!(
        "seed {seed}: {kills} kills, {runs} runs, {} records told",
        told.len()
    );
}

#[test]
fn the_process_that_is_killed() {
    worker::work_if_asked();
}

fn spawn(folder: &Path, is_last: bool) -> Child {
    let own = std::env::current_exe().expect("this binary");
    let finish = is_last.then_some((worker::FINISH, "1"));
    Command::new(own)
        .args([
            "--exact",
            "crash::the_process_that_is_killed",
            "--nocapture",
        ])
        .env(worker::FOLDER, folder)
        .envs(finish)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the process starts")
}

/// Listens to so many steps; says whether all work was done.
fn listen(process: &mut Child, steps: Option<u64>, told: &mut Told) -> bool {
    let pipe = process.stdout.take().expect("it is piped");
    let mut heard = 0;
    let mut done = false;
    for line in BufReader::new(pipe).lines() {
        let line = line.expect("text");
        done |= line == worker::DONE;
        let Some(rest) = line.strip_prefix(worker::DURABLE) else {
            continue;
        };
        let mut parts = rest.split(' ');
        let mut part = || parts.next().expect("three parts");
        let key = (
            part().parse().expect("a run"),
            part().parse().expect("a number"),
        );
        let digest = part().parse().expect("a digest");
        let before = told.insert(key, digest);
        assert!(
            before.is_none_or(|before| before == digest),
            "{key:?} was told otherwise before"
        );
        heard += 1;
        if steps.is_some_and(|steps| heard >= steps) {
            break;
        }
    }
    done
}

/// Checks the store; returns how many runs nobody but the process asked for.
fn check_journal(folder: &Path, told: &Told) -> usize {
    let journal = RedbJournal::open(&folder.join(worker::STORE)).expect("the store opens");
    assert_eq!(journal.check().expect("a check"), []);
    let rows = journal.scan(&Scan::newest(usize::MAX)).expect("rows");
    let roots = rows.iter().filter(|row| row.parent.is_none()).count();
    assert_eq!(rows.len(), 2 * roots, "every run has one child");
    let mut stored = Told::new();
    for row in rows {
        assert_eq!(row.phase, Phase::Completed, "{row:?}");
        let records = journal.records(row.run, 1, usize::MAX).expect("records");
        let mut outcomes: BTreeMap<EffectId, u32> = BTreeMap::new();
        for (record, seq) in records.iter().zip(1..) {
            assert_eq!(record.seq, seq);
            stored.insert((row.run, seq), worker::digest_of(record));
            if let RecordKind::EffectFinished { effect, .. } = record.kind {
                *outcomes.entry(effect).or_default() += 1;
            }
        }
        assert!(
            outcomes.values().all(|count| *count == 1),
            "an outcome was recorded twice"
        );
    }
    for (key, digest) in told {
        assert_eq!(
            stored.get(key),
            Some(digest),
            "{key:?} was told, and is gone"
        );
    }
    roots
}

/// The world applies each key once; payments are never even tried twice.
fn check_world(folder: &Path, runs: usize) {
    let seen = worker::world(folder);
    let count = |what: &str| {
        let of_kind = seen.iter().filter(|(key, _)| key.starts_with(what));
        of_kind.map(|(_, times)| *times).collect::<Vec<u32>>()
    };
    assert_eq!(count("pay "), vec![1; runs], "every payment happens once");
    let posts = count("post ");
    assert_eq!(posts.len(), runs * worker::POSTS, "every post arrives");
}

/// Repeatable chance: a linear congruential generator, after Knuth's MMIX.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
