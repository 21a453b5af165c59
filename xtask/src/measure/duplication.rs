//! How much of a set of files stands in another file of the set, too.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::percent;
use super::production::Production;

/// How many lines in a row must be the same.
pub(super) const WINDOW: usize = 6;

/// The share of lines that lie inside such a window, in percent with the number of files.
/// Imports, comments and blank lines do not count.
pub(super) fn share<'a>(files: impl Iterator<Item = &'a Production>) -> String {
    let files: Vec<Vec<&str>> = files.map(lines).collect();
    let (shared, all) = count(&files);
    format!(
        "{:>7} of {all} lines in {} files",
        percent(shared, all, 1),
        files.len()
    )
}

/// The lines of a file that count, without their indent.
fn lines(file: &Production) -> Vec<&str> {
    let mut in_import = false;
    let code = file.code.iter().map(|line| line.trim());
    code.filter(|line| {
        let import = in_import || is_import(line);
        in_import = import && !line.ends_with(';');
        !import && !line.is_empty()
    })
    .collect()
}

fn is_import(line: &str) -> bool {
    ["use ", "pub use ", "pub(crate) use ", "mod ", "pub mod "]
        .iter()
        .any(|beginning| line.starts_with(beginning) && !line.ends_with('{'))
        || line.starts_with("use ")
        || line.starts_with("pub use ")
}

/// The lines inside shared windows, and all lines.
fn count(files: &[Vec<&str>]) -> (usize, usize) {
    let mut owners: BTreeMap<&[&str], BTreeSet<usize>> = BTreeMap::new();
    for (owner, lines) in files.iter().enumerate() {
        for window in lines.windows(WINDOW) {
            owners.entry(window).or_default().insert(owner);
        }
    }
    let shared = files.iter().map(|lines| {
        let mut marks = vec![false; lines.len()];
        for (at, window) in lines.windows(WINDOW).enumerate() {
            if owners[window].len() > 1 {
                marks[at..at + WINDOW].fill(true);
            }
        }
        marks.into_iter().filter(|mark| *mark).count()
    });
    (shared.sum(), files.iter().map(Vec::len).sum())
}

#[cfg(test)]
mod tests {
    use super::{Production, count, lines};

    #[test]
    fn only_windows_in_two_files_count() {
        let one = vec!["a", "b", "c", "d", "e", "f", "g", "x"];
        let two = vec!["y", "a", "b", "c", "d", "e", "f", "g"];
        let three = vec!["a", "b", "c", "d", "e", "z"];
        assert_eq!(count(&[one.clone(), two, three]), (14, 22));
        let twice = [one.clone(), one.clone()].concat();
        assert_eq!(count(&[twice]), (0, 16));
    }

    #[test]
    fn imports_and_comments_do_not_count() {
        let file = Production::of(
            "a.rs",
            "//! Doc.\nuse a::{\n    b,\n};\nmod c;\n// why\nlet a = 1; // why\n\nmod d {\n",
        );
        assert_eq!(lines(&file), ["let a = 1;", "mod d {"]);
    }
}
