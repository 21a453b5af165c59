//! Names of files: what they own, never that they exist. No `mod.rs`, no drawer for odds and ends.

use crate::finding::Finding;
use crate::tree::Tree;

/// Names that say nothing, and the beginnings of more such names.
const EMPTY_NAMES: [&str; 5] = ["mod", "common", "misc", "util", "utils"];
const EMPTY_BEGINNINGS: [&str; 3] = ["util_", "helper", "common_"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter_map(|(path, _)| check_path(path))
        .collect()
}

fn check_path(path: &str) -> Option<Finding> {
    let name = path
        .trim_end_matches(".rs")
        .split('/')
        .find(|part| says_nothing(part))?;
    let message = match name {
        "mod" => "name the file after its module and put it beside the folder".to_owned(),
        _ => format!("`{name}` says nothing: name the file after what it owns"),
    };
    Some(Finding::about(path, message))
}

fn says_nothing(name: &str) -> bool {
    let begins = EMPTY_BEGINNINGS
        .iter()
        .any(|beginning| name.starts_with(beginning));
    begins || EMPTY_NAMES.contains(&name) || name.ends_with("_util") || name.ends_with("_utils")
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    #[test]
    fn empty_names_are_found() {
        let files = [
            ("cli/src/common/a.rs", ""),
            ("cli/src/helpers.rs", ""),
            ("cli/src/model.rs", ""),
            ("cli/src/run/mod.rs", ""),
            ("cli/src/string_utils.rs", ""),
            ("cli/src/utility_bill.rs", ""),
        ];
        check_rule(
            super::check,
            &files,
            &[
                "cli/src/common/a.rs: `common` says nothing: name the file after what it owns",
                "cli/src/helpers.rs: `helpers` says nothing: name the file after what it owns",
                "cli/src/run/mod.rs: name the file after its module and put it beside the folder",
                "cli/src/string_utils.rs: `string_utils` says nothing: name the file after what it owns",
            ],
        );
    }
}
