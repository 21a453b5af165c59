//! What a file contains: a first line that says what it owns; no code in a library's root.

use crate::finding::Finding;
use crate::tree::Tree;

/// Every source file begins with `//!`.
pub(super) fn headers(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| Finding::at(path, 1, "begin with `//! ` and say what the file owns"))
        .collect()
}

/// A library's root is a table of contents: modules and re-exports, no functions.
pub(super) fn library_roots(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .iter()
        .filter(|(path, _)| path.ends_with("src/lib.rs"))
        .flat_map(|(path, source)| {
            let functions = source.functions().into_iter();
            functions.map(move |function| {
                let message = format!("move `fn {}` into a module", function.name);
                Finding::at(path, function.line, message)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn a_file_without_a_header_is_found() {
        let files = [
            ("model/src/a.rs", "//! Owns a.\n"),
            ("model/src/b.rs", "//!\n//! Owns b.\n"),
            ("model/src/c.rs", "use std::fmt;\n"),
            ("model/src/d.rs", ""),
            ("model/tests/data/e.rs", "data\n"),
        ];
        let message = "begin with `//! ` and say what the file owns";
        let expected = ["b", "c", "d"].map(|name| format!("model/src/{name}.rs:1: {message}"));
        check_rule(
            super::headers,
            &files,
            &expected.each_ref().map(String::as_str),
        );
    }

    #[test]
    fn code_in_a_library_root_is_found() {
        let root = "//! Doc with `fn example() {}`.\nmod a;\npub use a::A;\n";
        check_rule(super::library_roots, &[("model/src/lib.rs", root)], &[]);
        let root = format!("{root}pub fn start() {{}}\n");
        check_rule(
            super::library_roots,
            &[("model/src/lib.rs", &root)],
            &["model/src/lib.rs:4: move `fn start` into a module"],
        );
    }
}
