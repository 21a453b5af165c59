//! The map: `ARCHITECTURE.md` has a section for each crate, which names each of its modules.

use crate::finding::Finding;
use crate::syntax::Source;
use crate::tree::{CRATES, Tree};

const MAP: &str = "ARCHITECTURE.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::about(MAP, "there is no map")];
    };
    CRATES
        .into_iter()
        .flat_map(|krate| check_crate(tree, map, krate))
        .collect()
}

fn check_crate(tree: &Tree, map: &str, krate: &str) -> Vec<Finding> {
    let Some(section) = section(map, krate) else {
        return vec![Finding::about(
            MAP,
            format!("has no section headed `{krate}`"),
        )];
    };
    let roots = ["lib.rs", "main.rs"].map(|root| format!("{krate}/src/{root}"));
    let texts = roots.iter().filter_map(|root| tree.text(root));
    texts
        .flat_map(|text| missing_modules(&section, text))
        .map(|module| {
            Finding::about(
                MAP,
                format!("the section `{krate}` does not name `{module}`"),
            )
        })
        .collect()
}

fn missing_modules(section: &str, root: &str) -> Vec<String> {
    let source = Source::read(root);
    let modules = source.modules().into_iter();
    modules
        .filter(|module| *module != "tests" && !names(section, module))
        .map(str::to_owned)
        .collect()
}

/// The text from the heading that holds a word to the next heading of that or a higher level.
fn section(map: &str, word: &str) -> Option<String> {
    let mut lines = map
        .lines()
        .skip_while(|line| level(line) == 0 || !names(line, word));
    let heading = lines.next()?;
    let body = lines.take_while(|line| level(line) == 0 || level(line) > level(heading));
    Some(body.collect::<Vec<_>>().join("\n"))
}

/// The level of a heading; 0 for other lines.
fn level(line: &str) -> usize {
    let hashes = line.chars().take_while(|c| *c == '#').count();
    if line[hashes..].starts_with(' ') {
        hashes
    } else {
        0
    }
}

/// Whether a text holds a whole word, or a file of that name.
fn names(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let after = &text[at + word.len()..];
        !text[..at].ends_with(part_of_word) && !after.starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::{CRATES, Finding, Tree, check};

    /// What is found when the map's section for `model` has this body.
    fn found(body: &str) -> Vec<String> {
        let mut map = "# Map\n".to_owned();
        for krate in CRATES {
            let body = if krate == "model" { body } else { "" };
            map.push_str(&format!("## `{krate}`\n{body}\n"));
        }
        let files = [
            (super::MAP, map.as_str()),
            ("model/src/lib.rs", "mod retry;\nmod wire;\n"),
        ];
        check(&Tree::of(&files))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn a_complete_section_passes() {
        assert!(found("- `retry.rs`: tries again\n### Dialects\n- `wire`: bytes").is_empty());
    }

    #[test]
    fn a_module_that_the_map_does_not_name_is_found() {
        assert_eq!(
            found("- `retry`\n- `wireless`\n## Elsewhere\n- `wire`"),
            ["ARCHITECTURE.md: the section `model` does not name `wire`"]
        );
    }

    #[test]
    fn a_missing_map_and_a_missing_section_are_found() {
        let none = check(&Tree::of(&[]));
        assert_eq!(none, [Finding::about(super::MAP, "there is no map")]);
        let empty = check(&Tree::of(&[(super::MAP, "# Map\nmodel\n")]));
        assert_eq!(empty.len(), CRATES.len());
    }
}
