//! `cargo xtask crash-score`: the real binary drives a scripted model over real HTTP and is
//! killed at every append to its record and at random moments. Prints what came of it.
//!
//! Owns the plan and the table. What the model says is in `script`, who plays it in `endpoint`,
//! one session in `project`, and what is counted in `judge`.

mod endpoint;
mod judge;
mod project;
mod script;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::task::Verdict;
use crate::tree;
use endpoint::Endpoint;
use judge::Score;
use project::Project;

/// Kills at random moments, unless told otherwise.
const RANDOM_KILLS: usize = 500;
/// The same in the short form, which is for every change.
const RANDOM_KILLS_SHORT: usize = 24;
/// In the short form one of so many boundaries is tried.
const SHORT_STEP: u64 = 6;
/// Random kills of one session before it is left to finish.
const KILLS_PER_SESSION: usize = 4;
/// Moments are drawn up to here, from the start of a process.
const MOMENT_MAX: Duration = Duration::from_millis(700);
/// No session has more appends than this.
const APPENDS_MAX: u64 = 400;

/// What is to be done.
#[derive(Debug)]
struct Plan {
    binary: PathBuf,
    boundary_step: u64,
    random_kills: usize,
    seed: u64,
}

/// Carries out the task.
pub(crate) fn run(arguments: &[String], out: &mut dyn Write) -> Result<Verdict> {
    let plan = Plan::of(arguments)?;
    writeln!(out, "seed {}", plan.seed)?;
    let whole = session(&plan, 0, |_, _| Ok(None))?;
    ensure!(
        whole.is_perfect(),
        "undisturbed, the session fails: {whole:?}"
    );
    let boundaries = boundaries(&plan, out)?;
    let random = random(&plan, out)?;
    let rows = [
        ("every record boundary", boundaries),
        ("random moments", random),
    ];
    writeln!(
        out,
        "\n| killed at | kills | sessions | lost settled effects | duplicated unsafe effects | \
         untrue results | surviving orphans | sessions that continue |\n\
         |---|---|---|---|---|---|---|---|"
    )?;
    for (name, score) in rows {
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {:.1} % |",
            score.kills,
            score.sessions,
            score.lost,
            score.duplicated,
            score.untrue,
            score.orphans,
            100.0 * score.finished as f64 / score.sessions.max(1) as f64
        )?;
    }
    let is_perfect = rows.iter().all(|(_, score)| score.is_perfect());
    Ok(if is_perfect {
        Verdict::Passed
    } else {
        Verdict::Failed
    })
}

impl Plan {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut plan = Self {
            binary: PathBuf::new(),
            boundary_step: 1,
            random_kills: RANDOM_KILLS,
            seed: 0x5eed_1a7e_4cab_e001,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().context(format!("{argument} wants a value"));
            match argument.as_str() {
                "--short" => {
                    plan.boundary_step = SHORT_STEP;
                    plan.random_kills = RANDOM_KILLS_SHORT;
                }
                "--binary" => plan.binary = PathBuf::from(value()?),
                "--kills" => plan.random_kills = value()?.parse()?,
                "--seed" => plan.seed = value()?.parse()?,
                other => bail!("crash-score knows no {other}"),
            }
        }
        if plan.binary.as_os_str().is_empty() {
            plan.binary = build()?;
        }
        plan.binary = plan
            .binary
            .canonicalize()
            .context("there is no such binary")?;
        Ok(plan)
    }
}

/// Builds the binary as users get it.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--release", "--quiet", "--package", "layercake"];
    let built = Command::new(cargo)
        .args(arguments)
        .current_dir(tree::root())
        .status()?;
    ensure!(built.success(), "the binary does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| tree::root().join("target"));
    Ok(target.join("release").join("layercake"))
}

/// Kills one process of each session right before or right after an append.
fn boundaries(plan: &Plan, out: &mut dyn Write) -> Result<Score> {
    let mut total = Score::default();
    for number in (1..APPENDS_MAX).step_by(usize::try_from(plan.boundary_step)?) {
        let mut is_over = false;
        for side in ["before", "after"] {
            let moment = format!("{side}:{number}");
            let score = session(plan, number, |project, kills| match kills {
                0 => project
                    .start(Some(&moment))
                    .map(|child| Some((child, None))),
                _ => Ok(None),
            })?;
            // A process that was not killed has fewer appends than that.
            is_over = score.kills == 0;
            if !is_over {
                report(out, &moment, score)?;
                total.add(score);
            }
        }
        if is_over {
            break;
        }
    }
    Ok(total)
}

/// Kills processes at random moments, some in each session.
fn random(plan: &Plan, out: &mut dyn Write) -> Result<Score> {
    let mut moments = Moments(plan.seed);
    let mut total = Score::default();
    while total.kills < plan.random_kills {
        let most = KILLS_PER_SESSION.min(plan.random_kills - total.kills);
        let number = 1_000 + total.sessions as u64;
        let score = session(plan, number, |project, kills| {
            if kills >= most {
                return Ok(None);
            }
            let child = project.start(None)?;
            Ok(Some((child, Some(moments.next()))))
        })?;
        report(out, &format!("random {}", total.sessions), score)?;
        total.add(score);
    }
    Ok(total)
}

/// Says what went wrong; a session without a fault is not worth a line.
fn report(out: &mut dyn Write, name: &str, score: Score) -> Result<()> {
    if !score.is_perfect() {
        writeln!(out, "{name}: {score:?}")?;
    }
    Ok(())
}

/// Runs one session to its end. `doomed` starts a process that is to die and says when, or that
/// it dies by itself; when it starts none, the session is left to finish.
fn session(
    plan: &Plan,
    number: u64,
    mut doomed: impl FnMut(&Project, usize) -> Result<Option<(Child, Option<Duration>)>>,
) -> Result<Score> {
    let token = format!("crash-score-{}-{number}", std::process::id());
    let endpoint = Endpoint::open(&token)?;
    let project = Project::new(&plan.binary, &endpoint.address, &token)?;
    let mut score = Score {
        sessions: 1,
        ..Score::default()
    };
    let mut recorded = project.records()?;
    while let Some((child, moment)) = doomed(&project, score.kills)? {
        if !is_killed(child, moment)? {
            break;
        }
        score.kills += 1;
        score.orphans += project.orphans();
        let now = project.records()?;
        score.lost += judge::lost(&recorded, &now);
        recorded = now;
    }
    let ended = project.start(None)?.wait_with_output()?;
    score.orphans += project.orphans();
    let now = project.records()?;
    score.lost += judge::lost(&recorded, &now);
    let said = String::from_utf8_lossy(&ended.stdout);
    score.finished = usize::from(ended.status.success() && said.contains("all done"));
    score.duplicated = judge::duplicated(&project);
    let untruths = judge::untruths(&project, &endpoint.take());
    score.untrue = untruths.len();
    for untruth in untruths {
        tell(&format!("{token}: {untruth}"));
    }
    if score.finished == 0 {
        tell(&format!("{token}: {ended:?}"));
    }
    Ok(score)
}

/// Says what a person needs to find a fault.
fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Waits for a process to die, or kills it at a moment; says whether it was killed.
fn is_killed(mut child: Child, moment: Option<Duration>) -> Result<bool> {
    use std::os::unix::process::ExitStatusExt;
    const KILL: i32 = 9;
    if let Some(moment) = moment {
        std::thread::sleep(moment);
        // It may have ended already; then there is nothing to kill.
        drop(child.kill());
    }
    let ended = child.wait_with_output()?;
    Ok(ended.status.signal() == Some(KILL))
}

/// Random moments: xorshift64*, enough for spreading kills over time.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        Duration::from_micros(drawn % MOMENT_MAX.as_micros() as u64)
    }
}
