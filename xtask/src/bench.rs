//! `cargo xtask bench --peers`: this project and others at the same work, on the same machine, in
//! the same minutes.
//!
//! Each crate lists its contestants and scenarios in `benches/peers/peers.toml`. All of them are
//! started, then measured in turn, round after round, so that whatever else the machine does
//! falls on all alike. What is printed are medians, and ratios of medians.

mod arena;
mod contestant;
mod listing;
mod results;

use std::io::Write;

use anyhow::{Context, Result, bail};

use crate::task::Verdict;
use crate::tree::{self, CRATES};
use arena::Arena;
use listing::Listing;
use results::Results;

/// How often each contestant is measured unless the call says otherwise.
const ROUNDS: usize = 5;

/// What the call asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    crates: Vec<String>,
    contestants: Vec<String>,
    rounds: usize,
}

/// Carries out the task.
pub(crate) fn run(arguments: &[String], out: &mut dyn Write) -> Result<Verdict> {
    let request = Request::read(arguments)?;
    let root = tree::root();
    let mut verdict = Verdict::Passed;
    for krate in &request.crates {
        let folder = root.join(krate).join("benches/peers");
        let Some(listing) = Listing::read(&folder)? else {
            continue;
        };
        writeln!(
            out,
            "\n{krate}: {} rounds, every contestant in each",
            request.rounds
        )?;
        let listing = listing.with_contestants(&request.contestants);
        let mut arena = Arena::open(&root, krate, &listing, out)?;
        let results = measure(&mut arena, &listing, request.rounds, out)?;
        arena.close();
        results.write(&listing, out)?;
        if !results.ours_took_part(&listing) {
            writeln!(out, "{krate}: nothing of ours was measured")?;
            verdict = Verdict::Failed;
        }
    }
    Ok(verdict)
}

/// Measures everything in turn.
fn measure(
    arena: &mut Arena,
    listing: &Listing,
    rounds: usize,
    out: &mut dyn Write,
) -> Result<Results> {
    let mut results = Results::default();
    for scenario in &listing.scenarios {
        for round in 1..=rounds {
            for contestant in arena.contestants() {
                let answer = contestant.measure(scenario);
                results.add(&scenario.name, contestant.name(), answer);
            }
            write!(out, "\r{}: round {round} of {rounds}", scenario.name)?;
            out.flush()?;
        }
        writeln!(out)?;
    }
    Ok(results)
}

impl Request {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut request = Self {
            crates: Vec::new(),
            contestants: Vec::new(),
            rounds: ROUNDS,
        };
        let mut peers = false;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--peers" => peers = true,
                "--rounds" => {
                    let number = words.next().context("--rounds needs a number")?;
                    request.rounds = number.parse().context("--rounds needs a number")?;
                }
                "--only" => {
                    let names = words.next().context("--only needs names")?;
                    request.contestants = names.split(',').map(str::to_owned).collect();
                }
                name if CRATES.contains(&name) => request.crates.push(name.to_owned()),
                other => bail!("`{other}` is neither an option nor a crate"),
            }
        }
        if !peers {
            bail!("without --peers, `cargo bench -p CRATE` measures a crate alone");
        }
        if request.rounds == 0 {
            bail!("--rounds needs a number from 1");
        }
        if request.crates.is_empty() {
            request.crates = CRATES.map(str::to_owned).to_vec();
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::{ROUNDS, Request};

    fn read(words: &str) -> Result<Request, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Request::read(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn a_call_names_crates_contestants_and_rounds() {
        let request = read("--peers engine --rounds 3 --only layercake,restate").unwrap();
        assert_eq!(request.crates, ["engine"]);
        assert_eq!(request.contestants, ["layercake", "restate"]);
        assert_eq!(request.rounds, 3);
        assert_eq!(read("--peers").unwrap().rounds, ROUNDS);
    }

    #[test]
    fn a_call_that_means_nothing_is_refused() {
        for words in [
            "",
            "--peers nowhere",
            "--peers --rounds",
            "--peers --rounds 0",
        ] {
            assert!(read(words).is_err(), "{words}");
        }
    }
}
