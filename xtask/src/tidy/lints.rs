//! A crate's own `clippy.toml` replaces the one at the top, so it must repeat the thresholds
//! that stand there; and the deterministic crates must forbid the calls that read a clock.

use toml::Table;

use crate::finding::Finding;
use crate::tree::{CRATES, Tree};

/// The crates whose results may depend on their input alone.
const DETERMINISTIC: [&str; 2] = ["engine", "context"];

/// What they must forbid in `disallowed-methods`.
const CLOCKS: [&str; 3] = [
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "time::OffsetDateTime::now_utc",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(shared) = tree
        .text(".clippy.toml")
        .and_then(|text| text.parse::<Table>().ok())
    else {
        return vec![Finding::about(".clippy.toml", "is missing or no TOML")];
    };
    CRATES
        .into_iter()
        .flat_map(|krate| check_crate(tree, krate, &shared))
        .collect()
}

fn check_crate(tree: &Tree, krate: &str, shared: &Table) -> Vec<Finding> {
    let path = format!("{krate}/clippy.toml");
    let Some(text) = tree.text(&path) else {
        let needed = DETERMINISTIC.contains(&krate);
        let message = "is missing: a deterministic crate forbids clocks there";
        return needed
            .then(|| Finding::about(&path, message))
            .into_iter()
            .collect();
    };
    let Ok(own) = text.parse::<Table>() else {
        return vec![Finding::about(&path, "is no TOML")];
    };
    let thresholds = shared
        .iter()
        .filter(|(key, value)| own.get(*key) != Some(value))
        .map(|(key, _)| Finding::about(&path, format!("repeat `{key}` as it stands at the top")));
    let clocks = CLOCKS
        .into_iter()
        .filter(|clock| DETERMINISTIC.contains(&krate) && !forbids(&own, clock))
        .map(|clock| Finding::about(&path, format!("forbid `{clock}` in `disallowed-methods`")));
    thresholds.chain(clocks).collect()
}

fn forbids(own: &Table, method: &str) -> bool {
    let entries = own
        .get("disallowed-methods")
        .and_then(|value| value.as_array());
    entries.into_iter().flatten().any(|entry| {
        let path = entry.get("path").unwrap_or(entry);
        path.as_str() == Some(method)
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    const CLOCKS: &str = r#"
        disallowed-methods = [
            { path = "std::time::SystemTime::now", reason = "time is input" },
            "std::time::Instant::now",
            "time::OffsetDateTime::now_utc",
        ]"#;

    #[test]
    fn a_threshold_that_is_not_repeated_is_found() {
        let good = format!("too-many-lines-threshold = 70\n{CLOCKS}");
        let files = [
            (".clippy.toml", "too-many-lines-threshold = 70"),
            ("cli/clippy.toml", "too-many-lines-threshold = 90"),
            ("context/clippy.toml", CLOCKS),
            ("engine/clippy.toml", &good),
        ];
        let message = "repeat `too-many-lines-threshold` as it stands at the top";
        check_rule(
            super::check,
            &files,
            &[
                &format!("context/clippy.toml: {message}"),
                &format!("cli/clippy.toml: {message}"),
            ],
        );
    }

    #[test]
    fn a_clock_that_is_not_forbidden_is_found() {
        let files = [
            (".clippy.toml", ""),
            (
                "engine/clippy.toml",
                "disallowed-methods = [\"std::time::Instant::now\", \"time::OffsetDateTime::now_utc\"]",
            ),
        ];
        check_rule(
            super::check,
            &files,
            &[
                "engine/clippy.toml: forbid `std::time::SystemTime::now` in `disallowed-methods`",
                "context/clippy.toml: is missing: a deterministic crate forbids clocks there",
            ],
        );
    }
}
