//! `cargo xtask measure`: the figures of the comparison, a row for each crate.
//!
//! Measures; judges nothing. The counting rules are those under which the anchors were counted:
//! lines of Rust outside tests, benches and examples, without trailing test modules.

mod duplication;
mod figures;
mod production;
mod seams;

use std::io::Write;

use anyhow::Result;

use crate::task::Verdict;
use crate::tree::{self, CRATES, Tree};
use figures::Figures;
use production::Production;

/// The folders whose files are most tempted to repeat each other. Both stores count together.
const TWIN_FOLDERS: [(&str, &[&str]); 4] = [
    ("model/wire", &["model/src/wire/"]),
    ("harness/tool", &["harness/src/tool/"]),
    ("stores", &["engine/src/journal/", "context/src/store/"]),
    ("cli/commands", &["cli/src/commands/"]),
];

/// Carries out the task.
pub(crate) fn run(out: &mut dyn Write) -> Result<Verdict> {
    let tree = Tree::read(&tree::root())?;
    let files = Production::files(&tree);
    write_sizes(out, &files)?;
    write_duplication(out, &files)?;
    write_seams(out, &files)?;
    let lock = tree.text("Cargo.lock").unwrap_or_default();
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    writeln!(out, "\nPackages in the lock file: {packages}")?;
    Ok(Verdict::Passed)
}

fn write_sizes(out: &mut dyn Write, files: &[Production]) -> Result<()> {
    writeln!(out, "{}", Figures::HEADINGS)?;
    let all = Figures::of(files.iter());
    for krate in CRATES {
        let folder = format!("{krate}/");
        let figures = Figures::of(files.iter().filter(|file| file.path.starts_with(&folder)));
        writeln!(out, "{}", figures.row(krate, all.lines))?;
    }
    writeln!(out, "{}", all.row("all", all.lines))?;
    writeln!(
        out,
        "\nFiles and functions: median / p90 / max or share over 70 lines. Restricted: `pub(…)` of\nall visible items. Docs: `///` of all lines. Unwraps: `.unwrap()` in 1000 lines. Names: what\n`lib.rs` re-exports."
    )?;
    Ok(())
}

fn write_duplication(out: &mut dyn Write, files: &[Production]) -> Result<()> {
    writeln!(
        out,
        "\nDuplication: lines in a window of {} that another file of the set has too",
        duplication::WINDOW
    )?;
    for (name, folders) in TWIN_FOLDERS {
        let set = files
            .iter()
            .filter(|file| folders.iter().any(|folder| file.path.starts_with(folder)));
        let shared = duplication::share(set);
        writeln!(out, "  {name:<14}{shared}")?;
    }
    for krate in CRATES {
        let folder = format!("{krate}/");
        let shared = duplication::share(files.iter().filter(|file| file.path.starts_with(&folder)));
        writeln!(out, "  {krate:<14}{shared}")?;
    }
    Ok(())
}

fn write_seams(out: &mut dyn Write, files: &[Production]) -> Result<()> {
    writeln!(
        out,
        "\nSeams: methods (required), implementations outside tests"
    )?;
    for seam in seams::find(files) {
        writeln!(out, "  {seam}")?;
    }
    Ok(())
}
