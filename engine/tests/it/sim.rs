//! Seeds of the simulation. `LAYERCAKE_SIM_SEEDS` says how many, `LAYERCAKE_SIM_FROM` where
//! to begin.

use layercake_engine::sim::{Mutant, Summary, finds, simulate, simulate_mistaken};

/// How many seeds are tried when nothing is said.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

#[test]
fn whatever_breaks_every_run_comes_to_what_it_must() {
    let from = number("LAYERCAKE_SIM_FROM").unwrap_or(0);
    let seeds = number("LAYERCAKE_SIM_SEEDS").unwrap_or(SEEDS);
    let mut all = Summary::default();
    for seed in from..from.saturating_add(seeds) {
        match simulate(seed) {
            Ok(summary) => all += summary,
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{seeds} seeds: {all:?}");
    assert!(
        all.runs > seeds && all.crashes > seeds / 4 && all.refused > seeds / 10,
        "{all:?}"
    );
}

/// The simulation let a fallen process end well, into the file of the one after it.
#[test]
fn a_fallen_process_writes_nothing_any_more() {
    assert!(simulate(4272).is_ok());
}

#[test]
fn the_same_seed_does_the_same_again() {
    for seed in 0..20 {
        assert_eq!(simulate(seed), simulate(seed));
    }
}

/// The most seeds that a planted mistake is looked for in.
const MUTANT_SEEDS: u64 = 400;

#[test]
fn every_planted_mistake_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let found = (0..MUTANT_SEEDS).find_map(|seed| Some((seed, finds(seed, mutant)?)));
        match found {
            Some((seed, what)) => {
                let line = what.lines().next().unwrap_or_default();
                println!("{mutant:?}: seed {seed}: {line:.100}");
            }
            None => missed.push(mutant),
        }
    }
    assert_eq!(missed, [], "not found in {MUTANT_SEEDS} seeds");
}

#[test]
fn a_failing_seed_is_made_small() {
    let failure = (0..MUTANT_SEEDS)
        .find_map(|seed| simulate_mistaken(seed, Mutant::ConditionIgnored).err())
        .expect("it is found");
    assert!(failure.to_string().starts_with("seed 0x"), "{failure}");
    let tasks = failure.routine.matches("{\"t").count();
    assert!(tasks <= 4, "{tasks} tasks are left: {}", failure.routine);
}
