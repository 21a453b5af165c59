//! Stored types are read by the version after next: serde's `flatten` and `untagged` make a
//! reader guess, and its messages say nothing about what was wrong.

use crate::finding::Finding;
use crate::syntax::Source;
use crate::tree::Tree;

/// Where types are defined that reach a disk.
const STORED: [&str; 3] = ["engine/src/", "context/src/", "harness/src/session"];

/// What has no place in a stored type.
const GUESSING: [&str; 2] = ["flatten", "untagged"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .iter()
        .filter(|(path, _)| STORED.iter().any(|folder| path.starts_with(folder)))
        .flat_map(|(path, source)| check_file(path, source))
        .collect()
}

fn check_file(path: &str, source: &Source) -> Vec<Finding> {
    let lines = (1..).zip(source.code.lines());
    lines
        .filter_map(|(number, line)| {
            let attribute = &line[line.find("#[serde(")?..];
            let word = GUESSING.iter().find(|word| attribute.contains(*word))?;
            let message = format!("`{word}` makes a reader guess: spell the type out");
            Some(Finding::at(path, number, message))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn guessing_attributes_are_found_in_stored_types() {
        let text = "//! a\n#[serde(untagged)]\nenum A {}\nfn f() { x.flatten(); }\n";
        let files = [("engine/src/a.rs", text), ("model/src/wire/a.rs", text)];
        check_rule(
            super::check,
            &files,
            &["engine/src/a.rs:2: `untagged` makes a reader guess: spell the type out"],
        );
    }
}
