//! The page of provider bugs lists the tests of this folder, and no others.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/provider-bugs.md");
const SOURCES: [&str; 6] = [
    include_str!("anthropic.rs"),
    include_str!("bedrock.rs"),
    include_str!("chat.rs"),
    include_str!("gemini.rs"),
    include_str!("ollama.rs"),
    include_str!("responses.rs"),
];

#[test]
fn the_page_and_the_tests_agree() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.rsplit('|').nth(1));
    let listed: BTreeSet<&str> = cells
        .map(|cell| cell.trim().trim_matches('`'))
        .filter(|cell| *cell != "test")
        .collect();
    let tests = SOURCES
        .iter()
        .flat_map(|source| source.split("#[test]\nfn ").skip(1));
    let written: BTreeSet<&str> = tests.filter_map(|rest| rest.split('(').next()).collect();
    assert!(written.len() > 30, "the tests were found: {written:?}");
    assert_eq!(listed, written);
}
