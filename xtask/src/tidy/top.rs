//! What may stand at the top of the repository: the crates, and a closed list beside them.

use crate::finding::Finding;
use crate::tree::{CRATES, Tree};

const BESIDE: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "ARCHITECTURE.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let top = tree.top();
    let strangers = top
        .iter()
        .filter(|name| !name.starts_with('.') && !BESIDE.contains(name) && !CRATES.contains(name))
        .map(|name| Finding::about(name, "does not belong at the top"));
    let missing = BESIDE
        .iter()
        .chain(&CRATES)
        .filter(|name| !top.contains(name))
        .map(|name| Finding::about(name, "is missing at the top"));
    strangers.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn strangers_and_gaps_are_found() {
        let files = [
            ("ARCHITECTURE.md", ""),
            ("Cargo.lock", ""),
            ("Cargo.toml", ""),
            ("LICENSE-MIT", ""),
            ("README.md", ""),
            (".clippy.toml", ""),
            ("cli/src/main.rs", ""),
            ("context/src/lib.rs", ""),
            ("engine/src/lib.rs", ""),
            ("harness/src/lib.rs", ""),
            ("notes/today.txt", ""),
            ("xtask/src/main.rs", ""),
            ("xtask/src/a.rs", ""),
        ];
        check_rule(
            super::check,
            &files,
            &[
                "notes: does not belong at the top",
                "LICENSE-APACHE: is missing at the top",
                "model: is missing at the top",
            ],
        );
    }
}
