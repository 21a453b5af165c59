//! The kill test: SIGKILL at random moments during the inbox job, a restart each time, and at the
//! end everything happened once, nothing recorded was lost, and nothing contradicts itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Ledger, Project, names};

/// How many processes are killed.
const KILLS: u32 = 200;
/// Moments are drawn up to here, counted from the start of a process, in microseconds. A process
/// is up after some ten milliseconds and needs a second or more for the whole job.
const MOMENT_US_MAX: u64 = 220_000;
/// The replies that the bundled messages need, and what becomes of the other files.
const ANSWERED: usize = 26;
const UNANSWERED: usize = 17;
const SKIPPED: usize = 3;

#[test]
fn two_hundred_kills_lose_nothing_and_repeat_nothing() {
    let seed = std::env::var("LAYERCAKE_KILL_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(0x1a7e_4cab_e5ee_d001);
    println!("LAYERCAKE_KILL_SEED={seed}");
    let mut moments = Moments(seed);
    let (mut kills, mut jobs) = (0, 0);
    while kills < KILLS {
        let mut job = Job::new();
        kills += job.run(&mut moments, KILLS - kills);
        jobs += 1;
        job.check();
    }
    println!("{kills} kills in {jobs} jobs");
}

/// Random moments: xorshift64*, enough for spreading kills over time.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        Duration::from_micros(drawn % MOMENT_US_MAX)
    }
}

/// One inbox job in a project of its own, with the ledger that its posts arrive at.
struct Job {
    project: Project,
    ledger: Ledger,
    input: String,
    /// The log as it was read last: records by number.
    recorded: BTreeMap<u64, Value>,
}

impl Job {
    fn new() -> Self {
        let ledger = Ledger::open();
        let input = json!({"folder": "messages", "endpoint": ledger.url}).to_string();
        Self {
            project: Project::with_example(),
            ledger,
            input,
            recorded: BTreeMap::new(),
        }
    }

    /// Works until the job is done, killing at most that often; returns how often it was.
    fn run(&mut self, moments: &mut Moments, kills_max: u32) -> u32 {
        let run = [
            "run",
            "inbox.yaml",
            "-i",
            &self.input.clone(),
            "--key",
            "job",
            "--wait",
        ];
        let mut kills = 0;
        loop {
            let is_asking = self.is_asking();
            let arguments: &[&str] = if is_asking {
                &["inbox", "approve"]
            } else {
                &run
            };
            let mut worker = self.project.start(arguments);
            if kills < kills_max {
                std::thread::sleep(moments.next());
                if worker.child().try_wait().unwrap().is_none() {
                    worker.kill();
                    kills += 1;
                    self.compare_log();
                    continue;
                }
            } else if !is_asking {
                self.answer_when_asked(&mut worker);
            }
            let done = worker.finish();
            assert_eq!(done.code, 0, "{done:?}");
            self.compare_log();
            if !is_asking {
                return kills;
            }
        }
    }

    /// Approves from a second terminal, unless the run ends without asking.
    fn answer_when_asked(&self, worker: &mut crate::world::Background) {
        while worker.child().try_wait().unwrap().is_none() {
            if self.is_asking() {
                let done = self.project.run(&["inbox", "approve"]);
                assert_eq!(done.code, 0, "{done:?}");
                return;
            }
        }
    }

    fn is_asking(&self) -> bool {
        let inbox = self.project.run(&["inbox", "--json"]);
        // Before the first run there is no store.
        inbox.code == 0 && !inbox.json()["items"].as_array().unwrap().is_empty()
    }

    /// Reads the log again: what was recorded before stands there unchanged.
    fn compare_log(&mut self) {
        let log = self.project.run(&["log", "--json"]);
        if log.code == 2 && self.recorded.is_empty() {
            return;
        }
        assert_eq!(log.code, 0, "the journal opens: {log:?}");
        let mut now = BTreeMap::new();
        for line in log.out.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            now.insert(record["seq"].as_u64().unwrap(), record);
        }
        for (seq, before) in &self.recorded {
            assert_eq!(
                now.get(seq),
                Some(before),
                "record {seq} was lost or changed"
            );
        }
        self.recorded = now;
    }

    fn check(&self) {
        self.check_posts();
        self.check_log();
        let run = self.project.run(&["show", "--json"]).json();
        assert_eq!(run["status"], "completed", "{run}");
        let count = |name: &str| run["output"][name].as_array().unwrap().len();
        assert_eq!(count("answered"), ANSWERED);
        assert_eq!(count("noReply"), UNANSWERED);
        assert_eq!(count("skipped"), SKIPPED);
        assert_eq!(
            names(&self.project.path("outbox")).len(),
            ANSWERED,
            "one file for each reply"
        );
        self.check_agents();
        self.check_memory();
        let doctor = self.project.run(&["doctor", "--json"]);
        assert_eq!(doctor.code, 0, "the store is sound: {doctor:?}");
    }

    /// Every message was posted under one key, and repeated posts say the same.
    fn check_posts(&self) {
        let applied = self.ledger.applied();
        assert_eq!(applied.len(), ANSWERED);
        for post in self.ledger.posts() {
            assert_eq!(
                post.key,
                format!("reply-{}", post.body["id"].as_str().unwrap())
            );
            assert_eq!(
                applied[&post.key], post.body,
                "a repetition says something else"
            );
        }
    }

    /// No effect has two outcomes, and none was performed without a recorded intent.
    fn check_log(&self) {
        let effects = |kind: &str, pointer: &str| -> Vec<String> {
            let of_kind = self
                .recorded
                .values()
                .filter(|record| record["kind"] == kind);
            of_kind
                .map(|record| record.pointer(pointer).unwrap().to_string())
                .collect()
        };
        let intended = effects("effect-intended", "/body/id");
        let finished = effects("effect-finished", "/body/effect");
        let unique: BTreeSet<&String> = finished.iter().collect();
        assert_eq!(unique.len(), finished.len(), "an effect has two outcomes");
        assert!(finished.iter().all(|effect| intended.contains(effect)));
        assert!(
            effects("effect-unknown", "/seq").is_empty(),
            "every effect can be repeated"
        );
    }

    /// Each draft was made by one agent, and each agent ended once.
    fn check_agents(&self) {
        let list = self
            .project
            .run(&["ls", "--all", "--json", "-n", "1000"])
            .json();
        let runs = list["runs"].as_array().unwrap();
        assert_eq!(
            runs.len(),
            1 + ANSWERED,
            "one run and one agent for each draft"
        );
        assert!(
            runs.iter().all(|run| run["status"] == "completed"),
            "{list}"
        );
    }

    /// Each answer was remembered once: a later run leaves all of them alone.
    fn check_memory(&self) {
        let later = self
            .project
            .run(&["run", "inbox.yaml", "-i", &self.input, "--json"]);
        assert_eq!(later.code, 0, "{later:?}");
        let output = &later.json()["output"];
        assert_eq!(output["answeredBefore"].as_array().unwrap().len(), ANSWERED);
        assert_eq!(output["answered"], json!([]));
        assert_eq!(
            self.ledger.applied().len(),
            ANSWERED,
            "nothing was sent again"
        );
    }
}
