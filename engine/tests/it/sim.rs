//! Seeds of the simulation. `LAYERCAKE_SIM_SEEDS` says how many, `LAYERCAKE_SIM_FROM` where
//! to begin.

use layercake_engine::sim::{Summary, simulate};

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
            Ok(summary) => {
                all.runs += summary.runs;
                all.steps += summary.steps;
                all.crashes += summary.crashes;
                all.power_cuts += summary.power_cuts;
                all.unknowns += summary.unknowns;
                all.refused += summary.refused;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{seeds} seeds: {all:?}");
    assert!(
        all.runs > seeds && all.crashes > seeds / 4 && all.refused > seeds / 10,
        "{all:?}"
    );
}

#[test]
fn the_same_seed_does_the_same_again() {
    for seed in 0..20 {
        assert_eq!(simulate(seed), simulate(seed));
    }
}
