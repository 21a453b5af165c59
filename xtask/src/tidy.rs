//! `cargo xtask tidy`: the rules of style that a program can check, one file each.
//!
//! A rule is a function from the repository in memory to findings. Rules read; none mends.

mod contents;
mod declared;
mod errors;
mod holes;
mod lints;
mod manifest;
mod manifests;
mod map;
mod names;
mod origin;
mod owners;
mod size;
mod stored;
mod top;

use std::io::Write;

use anyhow::Result;

use crate::finding::Finding;
use crate::task::Verdict;
use crate::tree::{self, Tree};

/// One rule.
struct Rule {
    /// What holds when nothing is found.
    holds: &'static str,
    /// Finds what breaks it.
    check: fn(&Tree) -> Vec<Finding>,
}

const RULES: [Rule; 18] = [
    Rule {
        holds: "nothing but what belongs there stands at the top",
        check: top::check,
    },
    Rule {
        holds: "every source file begins with `//!`",
        check: contents::headers,
    },
    Rule {
        holds: "no library root contains a function",
        check: contents::library_roots,
    },
    Rule {
        holds: "no file is too long",
        check: size::files,
    },
    Rule {
        holds: "no function is too long",
        check: size::functions,
    },
    Rule {
        holds: "no file is named for nothing",
        check: names::check,
    },
    Rule {
        holds: "every source file is declared",
        check: declared::check,
    },
    Rule {
        holds: "every module is on the map",
        check: map::check,
    },
    Rule {
        holds: "foreign crates are named by their owners only",
        check: owners::check,
    },
    Rule {
        holds: "stored types are spelled out",
        check: stored::check,
    },
    Rule {
        holds: "nothing unwraps outside tests",
        check: holes::unwraps,
    },
    Rule {
        holds: "nothing is left undone",
        check: holes::undone,
    },
    Rule {
        holds: "every error message is in form",
        check: errors::check,
    },
    Rule {
        holds: "every dependency is shared and explained",
        check: manifests::dependencies,
    },
    Rule {
        holds: "every dependency is used",
        check: manifests::usage,
    },
    Rule {
        holds: "every feature is explained",
        check: manifests::features,
    },
    Rule {
        holds: "every crate keeps the workspace's lints",
        check: lints::check,
    },
    Rule {
        holds: "nothing names a machine or a registry",
        check: origin::check,
    },
];

/// Carries out the task.
pub(crate) fn run(out: &mut dyn Write) -> Result<Verdict> {
    let tree = Tree::read(&tree::root())?;
    let mut count = 0;
    for rule in &RULES {
        let findings = (rule.check)(&tree);
        count += findings.len();
        if !findings.is_empty() {
            writeln!(out, "broken: {}", rule.holds)?;
        }
        for finding in findings {
            writeln!(out, "  {finding}")?;
        }
    }
    if count == 0 {
        writeln!(out, "tidy: {} rules hold", RULES.len())?;
        return Ok(Verdict::Passed);
    }
    writeln!(out, "tidy: {count} to mend")?;
    Ok(Verdict::Failed)
}

/// Checks what a rule finds in a tree made by hand, by the text of the findings.
#[cfg(test)]
fn check_rule(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    let findings: Vec<String> = rule(&Tree::of(files))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(findings, expected);
}

#[cfg(test)]
mod tests {
    use super::{RULES, Tree};

    #[test]
    fn this_repository_is_tidy() {
        let tree = Tree::read(&crate::tree::root()).expect("the repository can be read");
        let findings: Vec<String> = RULES
            .iter()
            .flat_map(|rule| (rule.check)(&tree))
            .map(|finding| finding.to_string())
            .collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
