//! `cargo xtask ci`: everything that must hold before a change lands, quickest first.
//!
//! Stops at the first step that fails and says how to repeat it. Ends with the results of all
//! test binaries and one line that sums them up.

mod steps;
mod test_results;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::task::Verdict;
use steps::Step;
use test_results::TestResults;

/// Carries out the task.
pub(crate) fn run(out: &mut dyn Write) -> Result<Verdict> {
    let steps = steps::all()?;
    let began = Instant::now();
    let mut times = Vec::new();
    let mut results = TestResults::default();
    for (number, step) in (1..).zip(&steps) {
        writeln!(
            out,
            "\n[{number}/{}] {}: {}",
            steps.len(),
            step.name,
            step.command()
        )?;
        out.flush()?;
        let (verdict, time) = timed(|| step.run(out, &mut results))?;
        times.push((step, verdict, time));
        if verdict == Verdict::Failed {
            break;
        }
    }
    write_summary(out, &times, began.elapsed())?;
    results.write(out)?;
    let failed = times
        .iter()
        .find(|(_, verdict, _)| *verdict == Verdict::Failed);
    Ok(failed.map_or(Verdict::Passed, |_| Verdict::Failed))
}

fn timed(work: impl FnOnce() -> Result<Verdict>) -> Result<(Verdict, Duration)> {
    let began = Instant::now();
    let verdict = work()?;
    Ok((verdict, began.elapsed()))
}

fn write_summary(
    out: &mut dyn Write,
    times: &[(&Step, Verdict, Duration)],
    whole: Duration,
) -> Result<()> {
    writeln!(out, "\nsummary")?;
    for (step, verdict, time) in times {
        let word = match verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
        };
        writeln!(out, "  {word} {:>7.1} s  {}", time.as_secs_f64(), step.name)?;
    }
    writeln!(out, "  in all {:>7.1} s", whole.as_secs_f64())?;
    if let Some((step, ..)) = times
        .iter()
        .find(|(_, verdict, _)| *verdict == Verdict::Failed)
    {
        writeln!(
            out,
            "\n{} failed. To repeat it alone:\n  {}",
            step.name,
            step.command()
        )?;
    }
    Ok(())
}
