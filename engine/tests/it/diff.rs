//! Two runs, one planted difference: the diff must name exactly that step and that cause.

mod world;

use std::collections::BTreeMap;

use layercake_engine::diff::{Cause, Comparison, Step, Verdict, compare};
use layercake_engine::{Record, RecordKind, RunTree};
use serde_json::{Value, json};

use world::{Dice, Plan, Plant, completed, run};

/// Pairs for each cause.
const PAIRS: u64 = 24;

fn no_sessions(_: &[Record], _: &RunTree) -> Vec<Step> {
    Vec::new()
}

fn diff(a: &RunTree, b: &RunTree) -> Comparison {
    compare(a, b, &no_sessions)
}

fn input() -> Value {
    json!({ "customer": "Ann", "lines": [1, 2, 3] })
}

/// How many pairs were judged right, and the first that was not.
#[derive(Default)]
struct Tally {
    right: usize,
    all: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn note(&mut self, seed: u64, comparison: &Comparison, cause: Cause, task: &str) {
        self.all += 1;
        let origins: Vec<_> = comparison
            .origins
            .iter()
            .map(|origin| (origin.cause, origin.task.as_str()))
            .collect();
        if origins == [(cause, task)] {
            self.right += 1;
        } else {
            self.wrong.push(format!(
                "seed {seed}: {cause:?} at `{task}` came out as {origins:?}"
            ));
        }
    }
}

/// A pair to be made: the world of the second run, its input and definition, and the answer.
struct Trial {
    plan: Plan,
    plant: Plant,
    input: Value,
    version: &'static str,
    /// The task that another engine computes differently.
    upgraded: Option<String>,
    task: String,
}

/// Plants one thing into a run of a seeded routine and compares.
fn planted(seed: u64, cause: Cause) -> (Comparison, String) {
    let mut dice = Dice::new(seed * 31 + cause as u64);
    let plan = Plan::draw(&mut dice);
    let a = run(
        &plan.source("trial", "1.0.0"),
        input(),
        1,
        &Plant::default(),
    );
    let trial = trial(seed, cause, plan, &mut dice);
    let source = trial.plan.source("trial", trial.version);
    let mut b = run(&source, trial.input, 2, &trial.plant);
    if let Some(task) = &trial.upgraded {
        upgrade(&mut b, task);
    }
    (diff(&a, &b), trial.task)
}

fn trial(seed: u64, cause: Cause, plan: Plan, dice: &mut Dice) -> Trial {
    let kind = match cause {
        Cause::Input | Cause::Definition => "set",
        Cause::Version if seed.is_multiple_of(2) => "tool",
        Cause::Version => "set",
        Cause::Model | Cause::Prompt | Cause::Sampling | Cause::Limit => "model",
        Cause::Tool => "tool",
        Cause::Timing => "race",
        Cause::Human => "human",
    };
    let place = dice.pick(&plan.places[kind]).clone();
    let mut trial = Trial {
        plan,
        plant: Plant::default(),
        input: input(),
        version: "1.0.0",
        upgraded: None,
        task: place.clone(),
    };
    let planted = Some(place.clone());
    match cause {
        Cause::Input => {
            trial.input = json!({ "customer": "Bob", "lines": [1, 2, seed] });
            trial.task = String::new();
        }
        Cause::Definition => {
            trial.version = "1.0.1";
            let in_place = seed.is_multiple_of(2);
            redefine(&mut trial.plan, &place, in_place);
            if !in_place {
                trial.task = "added".to_owned();
            }
        }
        Cause::Version if seed.is_multiple_of(2) => trial.plant.tool_version = planted,
        Cause::Version => trial.upgraded = planted,
        Cause::Model => trial.plant.model = Some((place, seed.is_multiple_of(2))),
        Cause::Prompt => trial.plant.prompt = planted,
        Cause::Sampling => trial.plant.sampling = planted,
        Cause::Tool => trial.plant.tool = planted,
        Cause::Timing => {
            trial.task = format!("{place}/left");
            trial.plant.race = planted;
        }
        Cause::Human if seed.is_multiple_of(3) => {
            trial.plant.event = true;
            trial.task = "event:go#1".to_owned();
        }
        Cause::Human => trial.plant.human = Some((place, seed % 3 == 1)),
        Cause::Limit => trial.plant.limit = planted,
    }
    trial
}

/// Changes a task of a plan, or adds one before it.
fn redefine(plan: &mut Plan, task: &str, in_place: bool) {
    let at = plan.tasks.iter().position(|it| it.get(task).is_some());
    let at = at.expect("the plan has the task");
    if in_place {
        plan.tasks[at][task]["set"]["number"] = json!(2);
    } else {
        plan.tasks
            .insert(at, json!({ "added": { "set": { "more": "${ . }" } } }));
    }
}

/// Makes a log that of another version of the engine, which computed one task differently.
fn upgrade(tree: &mut RunTree, task: &str) {
    let odd = layercake_engine::Digest::of_bytes(b"computed differently");
    for record in &mut tree.logs[0] {
        record
            .versions
            .insert("engine".to_owned(), "9.9.9".to_owned());
        let is_task = record.task.as_str() == task;
        if is_task && matches!(record.kind, RecordKind::TaskFinished) {
            record.output = Some(odd);
        }
    }
}

#[test]
fn every_cause_is_named_at_its_task() {
    let mut report = Vec::new();
    let mut failed = false;
    for cause in Cause::ALL {
        let mut tally = Tally::default();
        for seed in 0..PAIRS {
            let (comparison, task) = planted(seed, cause);
            tally.note(seed, &comparison, cause, &task);
        }
        failed |= tally.right * 100 < tally.all * 95;
        report.push(format!("{cause:?}: {} of {} exact", tally.right, tally.all));
        report.extend(tally.wrong.into_iter().take(3));
    }
    println!("{}", report.join("\n"));
    assert!(!failed, "{}", report.join("\n"));
}

#[test]
fn retries_are_absorbed_and_the_order_of_answers_is_no_difference() {
    for seed in 0..PAIRS {
        let mut dice = Dice::new(seed + 1_000);
        let plan = Plan::draw(&mut dice);
        let source = plan.source("trial", "1.0.0");
        let a = run(&source, input(), 1, &Plant::default());
        assert!(completed(&a));
        let place = dice.pick(&plan.places["retry"]).clone();
        let times = 1 + dice.below(3) as u32;
        let is_retried = place.ends_with("/call");
        let retried = Plant {
            retries: is_retried.then(|| (place.clone(), times)),
            ..Plant::default()
        };
        let comparison = diff(&a, &run(&source, input(), 2, &retried));
        assert_eq!(
            comparison.verdict,
            Verdict::Same,
            "seed {seed}: {:#?}",
            comparison.origins
        );
        let expected = if is_retried { times as usize } else { 0 };
        assert_eq!(comparison.absorbed_retries, expected, "seed {seed}");
        let reordered = Plant {
            is_reordered: true,
            ..Plant::default()
        };
        let comparison = diff(&a, &run(&source, input(), 3, &reordered));
        assert_eq!(
            comparison.verdict,
            Verdict::Same,
            "seed {seed}: {:#?}",
            comparison.origins
        );
    }
}

#[test]
fn runs_of_different_things_are_not_comparable() {
    for seed in 0..PAIRS {
        let plan = Plan::draw(&mut Dice::new(seed));
        let a = run(&plan.source("one", "1.0.0"), input(), 1, &Plant::default());
        let other = Plan {
            tasks: vec![json!({ "alone": { "set": { "x": 1 } } })],
            places: BTreeMap::new(),
        };
        let b = run(&other.source("two", "1.0.0"), input(), 2, &Plant::default());
        let comparison = diff(&a, &b);
        assert_eq!(comparison.verdict, Verdict::NotComparable, "seed {seed}");
        assert!(comparison.reason.is_some() && comparison.origins.is_empty());
    }
}

#[test]
fn a_run_is_the_same_as_itself() {
    let plan = Plan::draw(&mut Dice::new(5));
    let tree = run(&plan.source("one", "1.0.0"), input(), 1, &Plant::default());
    let comparison = diff(&tree, &tree);
    assert_eq!(
        (comparison.verdict, comparison.downstream),
        (Verdict::Same, 0)
    );
}

#[test]
fn one_call_among_ten_thousand_records_is_found() {
    let each = json!({ "each": { "call": "http", "with": {
        "method": "post", "endpoint": "http://each.test/", "body": "${ $item }" } } });
    let plan = Plan {
        tasks: vec![
            json!({ "all": { "for": { "each": "item", "in": "${ [range(2500)] }" }, "do": [each] } }),
        ],
        places: BTreeMap::new(),
    };
    let source = plan.source("long", "1.0.0");
    let a = run(&source, input(), 1, &Plant::default());
    let planted = Plant {
        tool: Some("all/each[1200]".to_owned()),
        ..Plant::default()
    };
    let b = run(&source, input(), 2, &planted);
    assert!(a.len() >= 10_000, "{}", a.len());
    let comparison = diff(&a, &b);
    let tasks: Vec<&str> = comparison
        .origins
        .iter()
        .map(|it| it.task.as_str())
        .collect();
    assert_eq!(tasks, ["all/each[1200]"]);
}
