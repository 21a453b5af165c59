//! Simulation: seeds decide what is run, what comes back, and what breaks in between.
//!
//! Random routines run on the real machine and a real journal, while the process falls, the
//! power fails in the middle of a write, answers come twice or late, and somebody suspends and
//! resumes. Every run must come to what a naive interpreter says, whatever happened; nothing
//! acknowledged may be lost, and nothing unsafe may be done twice unasked. The same seed does
//! the same again.

mod chance;
mod mutant;
mod plan;
mod recovery;
mod reference;
mod simulation;
mod subject;
mod world;

use std::fmt;

pub use mutant::Mutant;
pub use plan::Plan;
pub use reference::{Ending, Expected};

use simulation::Simulation;

/// What a seed went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Runs that came to their end.
    pub runs: u64,
    /// Inputs that runs took.
    pub steps: u64,
    /// Falls of the process, power cuts included.
    pub crashes: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Unsafe calls that a person was asked about after a fall.
    pub unknowns: u64,
    /// Inputs that were refused, as they should be.
    pub refused: u64,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.power_cuts += other.power_cuts;
        self.unknowns += other.unknowns;
        self.refused += other.refused;
    }
}

/// A seed that something is wrong with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// The smallest routine that was found to fail with this seed.
    pub routine: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {:#x}: {}\nroutine: {}",
            self.seed, self.what, self.routine
        )
    }
}

/// How often a failing routine is made smaller at most; each try is a whole simulation.
const SHRINKS_MAX: u32 = 2_000;

/// Simulates what a seed says.
///
/// # Errors
///
/// Says what is wrong, with a routine made as small as it still fails.
pub fn simulate(seed: u64) -> Result<Summary, Failure> {
    simulate_with(seed, None)
}

/// Simulates what a seed says with a mistake planted, which is to be found.
///
/// # Errors
///
/// As [`simulate`].
pub fn simulate_mistaken(seed: u64, mutant: Mutant) -> Result<Summary, Failure> {
    simulate_with(seed, Some(mutant))
}

/// Says what a seed finds wrong with a mistake planted, as it is, without making it smaller.
pub fn finds(seed: u64, mutant: Mutant) -> Option<String> {
    let run = || Simulation::run(seed, Simulation::plans(seed), Some(mutant)).err();
    // What a mistake leaves behind may be worse than anything that is reported.
    std::panic::catch_unwind(run).unwrap_or_else(|_| Some("it panics".to_owned()))
}

fn simulate_with(seed: u64, mutant: Option<Mutant>) -> Result<Summary, Failure> {
    let plans = Simulation::plans(seed);
    match Simulation::run(seed, plans.clone(), mutant) {
        Ok(summary) => Ok(summary),
        Err(what) => Err(shrink(seed, &plans, what, mutant)),
    }
}

/// Looks for the smallest routine that fails alone.
fn shrink(seed: u64, plans: &[Plan], what: String, mutant: Option<Mutant>) -> Failure {
    let fails = |plan: &Plan| Simulation::run(seed, vec![plan.clone()], mutant).err();
    let alone = plans.iter().find_map(|plan| Some((plan, fails(plan)?)));
    let Some((mut plan, mut what)) = alone.map(|(plan, what)| (plan.clone(), what)) else {
        let texts: Vec<String> = plans.iter().map(Plan::to_text).collect();
        return Failure {
            seed,
            what,
            routine: texts.join("\n"),
        };
    };
    let mut tries = 0;
    'smaller: while tries < SHRINKS_MAX {
        for candidate in plan.smaller() {
            tries += 1;
            if let Some(why) = fails(&candidate) {
                (plan, what) = (candidate, why);
                continue 'smaller;
            }
            if tries >= SHRINKS_MAX {
                break;
            }
        }
        break;
    }
    Failure {
        seed,
        what,
        routine: plan.to_text(),
    }
}
