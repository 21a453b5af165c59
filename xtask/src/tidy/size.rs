//! How long a file and a function may be.

use crate::finding::Finding;
use crate::tree::Tree;

/// The most lines of a file: what one person can keep in mind after one reading.
const FILE_LINES_MAX: usize = 500;

/// The most lines of a function: what fits on one screen. `clippy.toml` repeats it.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer for a reason, with the length that they had then. The list may only
/// shrink: an entry may not grow, and goes when its file has become short enough.
const LONGER: [(&str, usize); 0] = [];

/// No file is longer than it may be.
pub(super) fn files(tree: &Tree) -> Vec<Finding> {
    files_beside(tree, &LONGER)
}

fn files_beside(tree: &Tree, longer: &[(&str, usize)]) -> Vec<Finding> {
    let over = tree.rust().filter_map(|(path, text)| {
        let lines = text.lines().count();
        let exempt = longer.iter().find(|(file, _)| *file == path);
        let most = exempt.map_or(FILE_LINES_MAX, |(_, most)| *most);
        (lines > most)
            .then(|| Finding::about(path, format!("{lines} lines, at most {most}: split it")))
    });
    let stale = longer.iter().filter_map(|(path, _)| {
        let lines = tree.text(path).map_or(0, |text| text.lines().count());
        let message = "is short enough now: take it off the list of longer files";
        (lines <= FILE_LINES_MAX).then(|| Finding::about(path, message))
    });
    over.chain(stale).collect()
}

/// No function is longer than it may be.
pub(super) fn functions(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .iter()
        .flat_map(|(path, source)| {
            let functions = source.functions().into_iter();
            functions
                .filter(|function| function.length > FUNCTION_LINES_MAX)
                .map(move |function| {
                    let message = format!(
                        "`fn {}` has {} lines, at most {FUNCTION_LINES_MAX}: split it",
                        function.name, function.length
                    );
                    Finding::at(path, function.line, message)
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, files_beside};
    use crate::tidy::check_rule;

    fn found(lines: usize, longer: &[(&str, usize)]) -> Vec<String> {
        let tree = Tree::of(&[("model/src/a.rs", &"//! a\n".repeat(lines))]);
        let findings = files_beside(&tree, longer);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(found(500, &[]).is_empty());
        assert_eq!(
            found(501, &[]),
            ["model/src/a.rs: 501 lines, at most 500: split it"]
        );
    }

    #[test]
    fn the_list_of_longer_files_only_shrinks() {
        assert!(found(600, &[("model/src/a.rs", 600)]).is_empty());
        assert_eq!(
            found(601, &[("model/src/a.rs", 600)]),
            ["model/src/a.rs: 601 lines, at most 600: split it"]
        );
        let stale = "is short enough now: take it off the list of longer files";
        assert_eq!(
            found(500, &[("model/src/a.rs", 600)]),
            [format!("model/src/a.rs: {stale}")]
        );
        assert_eq!(
            found(1, &[("model/src/b.rs", 600)]),
            [format!("model/src/b.rs: {stale}")]
        );
    }

    #[test]
    fn a_long_function_is_found() {
        let body = |lines: usize| format!("//! a\nfn f() {{\n{}}}\n", "x();\n".repeat(lines - 2));
        check_rule(super::functions, &[("model/src/a.rs", &body(70))], &[]);
        check_rule(
            super::functions,
            &[("model/src/a.rs", &body(71))],
            &["model/src/a.rs:2: `fn f` has 71 lines, at most 70: split it"],
        );
    }
}
