//! Foreign crates with an owner: only the owner's files may name them, so that what they are
//! for can be replaced in one place and never leaks into a signature.

use crate::finding::Finding;
use crate::tree::Tree;

/// A foreign crate and the beginnings of the paths that may name it.
const OWNERS: [(&str, &[&str]); 4] = [
    (
        "reqwest",
        &["model/src/http", "engine/src/http", "harness/src/mcp/http"],
    ),
    ("rmcp", &["harness/src/mcp", "cli/src/mcp"]),
    (
        "redb",
        &[
            "engine/src/journal/redb",
            "engine/tests/it/journal", // forges a file of a newer format
            "context/src/store/redb",
        ],
    ),
    ("petgraph", &["engine/src/graph"]),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    OWNERS
        .iter()
        .flat_map(|(krate, owners)| check_owned(krate, owners, tree))
        .collect()
}

fn check_owned(krate: &str, owners: &[&str], tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut idle = owners.to_vec();
    for (path, source) in tree.sources() {
        let lines = source.lines_naming(krate);
        if let Some(owner) = owners.iter().find(|owner| path.starts_with(**owner)) {
            idle.retain(|name| name != owner || lines.is_empty());
            continue;
        }
        let message = format!("`{krate}` belongs to {}", owners.join(" and "));
        findings.extend(
            lines
                .into_iter()
                .map(|line| Finding::at(path, line, message.clone())),
        );
    }
    let unused = format!("may name `{krate}` but does not: take it off the list of owners");
    findings.extend(
        idle.iter()
            .map(|owner| Finding::about(owner, unused.clone())),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::{Finding, Tree, check_owned};

    const OWNERS: [&str; 2] = ["engine/src/journal/redb", "context/src/store/redb"];

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let findings = check_owned("redb", &OWNERS, &Tree::of(files));
        let findings: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_foreign_crate_outside_its_owner_is_found() {
        let files = [
            ("context/src/store/redb.rs", "use redb::Database;\n"),
            (
                "engine/src/journal/redb/tables.rs",
                "use redb::TableDefinition;\n",
            ),
            (
                "engine/src/run.rs",
                "//! a\n/// As in redb::Database.\nfn f(d: redb::Database) {}\n",
            ),
            ("engine/tests/it/main.rs", "use redb::Database;\n"),
        ];
        let message = "`redb` belongs to engine/src/journal/redb and context/src/store/redb";
        let expected = [
            format!("engine/src/run.rs:3: {message}"),
            format!("engine/tests/it/main.rs:1: {message}"),
        ];
        check(&files, &expected.each_ref().map(String::as_str));
    }

    #[test]
    fn an_owner_that_owns_nothing_is_found() {
        let files = [("context/src/store/redb.rs", "use redb::Database;\n")];
        check(
            &files,
            &[
                "engine/src/journal/redb: may name `redb` but does not: take it off the list of owners",
            ],
        );
    }
}
