//! Every source file is reached from the root of a target by `mod` lines: a file that nobody
//! declares is never compiled, and a test in it never runs.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::{CRATES, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut declared = BTreeSet::new();
    let roots = tree
        .rust()
        .map(|(path, _)| path)
        .filter(|path| is_root(path));
    for root in roots {
        declare(tree, root.to_owned(), folder_of_root(root), &mut declared);
    }
    tree.rust()
        .filter(|(path, _)| !declared.contains(*path))
        .map(|(path, _)| Finding::about(path, complaint(path)))
        .collect()
}

fn complaint(path: &str) -> &'static str {
    let in_tests = path.split('/').nth(1) == Some("tests");
    if in_tests && path.split('/').count() == 3 {
        return "one test binary for each crate: move it below `tests/it/` and declare it there";
    }
    "no `mod` line declares it: declare or delete it"
}

/// Whether cargo builds a target from this file without being told.
fn is_root(path: &str) -> bool {
    let Some((krate, inside)) = path.split_once('/') else {
        return false;
    };
    let parts: Vec<&str> = inside.split('/').collect();
    CRATES.contains(&krate)
        && matches!(
            parts.as_slice(),
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["tests", "it", "main.rs"]
                | ["benches" | "examples", _]
                | ["benches" | "examples", _, "main.rs"]
        )
}

fn folder_of_root(root: &str) -> String {
    root.rsplit_once('/')
        .map_or(root, |(folder, _)| folder)
        .to_owned()
}

/// Marks a file and what it declares; its modules live in `folder`.
fn declare(tree: &Tree, path: String, folder: String, declared: &mut BTreeSet<String>) {
    let Some(source) = tree.sources().get(&path) else {
        return;
    };
    if !declared.insert(path) {
        return;
    }
    for module in source.modules() {
        let inner = format!("{folder}/{module}");
        declare(tree, format!("{inner}.rs"), inner, declared);
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn undeclared_files_are_found() {
        let files = [
            ("model/benches/speed.rs", ""),
            ("model/src/a.rs", "mod b;"),
            ("model/src/a/b.rs", ""),
            ("model/src/a/c.rs", ""),
            ("model/src/d.rs", ""),
            ("model/src/lib.rs", "mod a; // mod d;"),
            ("model/tests/data/case.rs", ""),
            ("model/tests/it/forgotten.rs", "#[test] fn never_runs() {}"),
            ("model/tests/it/main.rs", "mod runs;"),
            ("model/tests/it/runs.rs", ""),
            ("model/tests/second.rs", ""),
        ];
        let undeclared = "no `mod` line declares it: declare or delete it";
        let second =
            "one test binary for each crate: move it below `tests/it/` and declare it there";
        check_rule(
            super::check,
            &files,
            &[
                &format!("model/src/a/c.rs: {undeclared}"),
                &format!("model/src/d.rs: {undeclared}"),
                &format!("model/tests/it/forgotten.rs: {undeclared}"),
                &format!("model/tests/second.rs: {second}"),
            ],
        );
    }
}
