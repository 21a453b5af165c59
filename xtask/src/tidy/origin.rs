//! The repository stands anywhere: nothing in it names a folder of somebody's machine, a host
//! that packages were once fetched from, or another source of packages than the public index.

use crate::finding::Finding;
use crate::tree::Tree;

/// Written in two parts, so that this table does not find itself.
const FOREIGN: [(&str, &str); 10] = [
    ("/wo", "rk/"),
    ("/ho", "me/"),
    ("/ro", "ot/"),
    ("/Us", "ers/"),
    ("index.cra", "tes.io"),
    ("static.cra", "tes.io"),
    ("registry.npm", "js.org"),
    ("py", "pi.org"),
    ("proxy.gol", "ang.org"),
    ("/.car", "go/registry"),
];

/// The only source of packages that `Cargo.lock` may name.
const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let words: Vec<String> = FOREIGN
        .iter()
        .map(|(head, tail)| format!("{head}{tail}"))
        .collect();
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        for (number, line) in (1..).zip(text.lines()) {
            let found = words.iter().filter(|word| names(line, word));
            findings.extend(found.map(|word| {
                Finding::at(
                    path,
                    number,
                    format!("`{word}` is true on one machine only"),
                )
            }));
        }
    }
    findings.extend(lock(tree));
    findings
}

/// Whether a line holds a word that does not continue another path: `cli/wo…` is our own.
fn names(line: &str, word: &str) -> bool {
    let inside_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '/');
    line.match_indices(word)
        .any(|(at, _)| !word.starts_with('/') || !line[..at].ends_with(inside_path))
}

fn lock(tree: &Tree) -> Vec<Finding> {
    let lines = (1..).zip(tree.text("Cargo.lock").unwrap_or_default().lines());
    lines
        .filter(|(_, line)| line.starts_with("source = ") && !line.contains(INDEX))
        .map(|(number, _)| Finding::at("Cargo.lock", number, "comes from another index"))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn folders_of_a_machine_are_found() {
        let home = concat!("/ho", "me/");
        let text = format!("a\ncd {home}ada/project\nsee cli{home}guide.md\n");
        let message = format!("cli/docs/a.md:2: `{home}` is true on one machine only");
        check_rule(super::check, &[("cli/docs/a.md", &text)], &[&message]);
    }

    #[test]
    fn another_index_is_found_in_the_lock_file() {
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"registry+https://mirror.example/index\"\n";
        check_rule(
            super::check,
            &[("Cargo.lock", lock)],
            &["Cargo.lock:2: comes from another index"],
        );
    }
}
