//! The files that are measured: what is built into the crates, without what tests them.

use crate::syntax::{Function, Source};
use crate::tree::Tree;

/// Folders, and the end of a path, that do not count.
const NOT_COUNTED: [&str; 4] = ["/tests/", "/benches/", "/examples/", "/tests.rs"];

/// A file with its tests cut out.
#[derive(Debug)]
pub(super) struct Production {
    /// Its path.
    pub(super) path: String,
    /// Its lines as they are written.
    pub(super) lines: Vec<String>,
    /// Its lines without comments; empty where there was nothing else.
    pub(super) code: Vec<String>,
    /// Its functions.
    pub(super) functions: Vec<Function>,
    /// How often it calls `unwrap`.
    pub(super) unwraps: usize,
}

impl Production {
    /// All files that count.
    pub(super) fn files(tree: &Tree) -> Vec<Self> {
        tree.rust()
            .filter(|(path, _)| !NOT_COUNTED.iter().any(|part| path.contains(part)))
            .map(|(path, text)| Self::read(path, text))
            .collect()
    }

    fn read(path: &str, text: &str) -> Self {
        let source = Source::read(text);
        let tests = source.test_lines();
        let keep = |(line, test): (&str, &bool)| (!test).then(|| line.trim_end().to_owned());
        let functions = source.functions().into_iter();
        let unwraps = source.lines_with(".unwrap()").into_iter();
        Self {
            path: path.to_owned(),
            lines: text.lines().zip(&tests).filter_map(keep).collect(),
            code: source
                .uncommented
                .lines()
                .zip(&tests)
                .filter_map(keep)
                .collect(),
            functions: functions
                .filter(|function| !tests[function.line - 1])
                .collect(),
            unwraps: unwraps.filter(|line| !tests[line - 1]).count(),
        }
    }

    /// A file made by hand.
    #[cfg(test)]
    pub(super) fn of(path: &str, text: &str) -> Self {
        Self::read(path, text)
    }
}
