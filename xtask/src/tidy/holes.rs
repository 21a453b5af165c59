//! What must not be left in the code: `.unwrap()` outside tests, work put off, tests put off.

use crate::finding::Finding;
use crate::tree::Tree;

/// Folders, and the end of a path, in which everything is a test.
const TESTS: [&str; 3] = ["/tests/", "/benches/", "/tests.rs"];

/// Code that stands for code that is not there, and tests that never run.
const UNDONE: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];

/// Outside tests, a value that must be there is taken with `expect`, which says why.
pub(super) fn unwraps(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.sources().iter().filter(|(path, _)| !is_test(path)) {
        let tests = source.test_lines();
        let lines = source.lines_with(".unwrap()").into_iter();
        let message = "use `expect` and say why it cannot fail, or return an error";
        findings.extend(
            lines
                .filter(|line| !tests[line - 1])
                .map(|line| Finding::at(path, line, message)),
        );
    }
    findings
}

/// Whether all of a file is a test.
fn is_test(path: &str) -> bool {
    TESTS.iter().any(|part| path.contains(part))
}

/// Nothing stands for work that was not done, in the code or in its tests.
pub(super) fn undone(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.sources() {
        for hole in UNDONE {
            let lines = source.lines_with(hole).into_iter();
            findings.extend(lines.map(|line| {
                let message = format!("`{hole}` stands for something that is missing: finish it");
                Finding::at(path, line, message)
            }));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn an_unwrap_is_found_outside_tests_only() {
        let code = "//! a\nfn f() { g().unwrap(); } // .unwrap()\n#[cfg(test)]\nmod tests {\n fn h() { g().unwrap(); }\n}\n";
        let files = [
            ("model/src/a.rs", code),
            ("model/src/a/tests.rs", "g().unwrap()"),
            ("model/tests/it/main.rs", "g().unwrap()"),
        ];
        check_rule(
            super::unwraps,
            &files,
            &["model/src/a.rs:2: use `expect` and say why it cannot fail, or return an error"],
        );
    }

    #[test]
    fn work_put_off_is_found_in_tests_too() {
        let files = [
            ("model/src/a.rs", "fn f() { todo!() }\n// todo!\n"),
            ("model/tests/it/main.rs", "#[test]\n#[ignore]\nfn f() {}\n"),
        ];
        check_rule(
            super::undone,
            &files,
            &[
                "model/src/a.rs:1: `todo!` stands for something that is missing: finish it",
                "model/tests/it/main.rs:2: `#[ignore` stands for something that is missing: finish it",
            ],
        );
    }
}
