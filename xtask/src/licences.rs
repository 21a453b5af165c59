//! `cargo xtask licences`: everything that is built into our crates may be passed on under our
//! licences, MIT OR Apache-2.0.

mod expression;

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Result;

use crate::layers;
use crate::task::Verdict;
use expression::Expression;

/// The licences under which foreign code may come in. All let it be passed on with a notice.
const ACCEPTED: [&str; 8] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
];

/// Carries out the task.
pub(crate) fn run(out: &mut dyn Write) -> Result<Verdict> {
    let complaints = complaints()?;
    for complaint in &complaints {
        writeln!(out, "{complaint}")?;
    }
    if complaints.is_empty() {
        writeln!(out, "licences: everything built in may be passed on")?;
        return Ok(Verdict::Passed);
    }
    writeln!(out, "licences: {} to mend", complaints.len())?;
    Ok(Verdict::Failed)
}

/// The packages that are built in under a licence that is not accepted.
fn complaints() -> Result<Vec<String>> {
    let packages = layers::cargo(&[
        "tree",
        "--locked",
        "--workspace",
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ])?;
    Ok(check(&packages))
}

/// Checks lines such as `serde v1.0.229|MIT OR Apache-2.0`, of which some come twice.
fn check(packages: &str) -> Vec<String> {
    let lines: BTreeSet<&str> = packages
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    lines
        .into_iter()
        .filter_map(|line| line.split_once('|'))
        .filter(|(_, licence)| !is_accepted(licence))
        .map(|(package, licence)| format!("{package} comes under `{licence}`"))
        .collect()
}

fn is_accepted(licence: &str) -> bool {
    Expression::read(licence)
        .is_some_and(|expression| expression.holds(&|name| ACCEPTED.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::{check, is_accepted};

    #[test]
    fn everything_built_in_may_be_passed_on() {
        let complaints = super::complaints().expect("cargo answers");
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    #[test]
    fn one_accepted_choice_is_enough() {
        assert!(is_accepted("GPL-2.0-only OR MIT"));
        assert!(is_accepted("Apache-2.0/MIT"));
        assert!(is_accepted("(GPL-3.0 OR MIT) AND Unicode-3.0"));
    }

    #[test]
    fn what_is_not_accepted_is_named_once() {
        assert!(!is_accepted("MIT AND GPL-2.0-only"));
        assert!(!is_accepted(""));
        assert_eq!(
            check("a v1|GPL-3.0\nb v1|MIT\na v1|GPL-3.0 (*)\nc v2|\n"),
            ["a v1 comes under `GPL-3.0`", "c v2 comes under ``"]
        );
    }
}
