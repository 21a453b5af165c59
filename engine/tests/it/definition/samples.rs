//! The standard's own examples and its conformance kit: nothing in them is called a mistake.

use std::path::{Path, PathBuf};

use layercake_engine::{Catalog, Definition, Diagnostic, Severity, StandardCall};

/// The only reason for which a published definition may be refused.
const NOT_EXECUTED: &str = "LC0150";

/// Remarks that are right: the example's author forgot `${ }` around an expression.
const PLAIN_TEXT: &str = "LC0134";

/// Warnings that are right: two examples show a client's secret, which only trials admit.
const PLAIN_SECRET: &str = "LC0129";

/// Everything that a runtime can offer.
fn catalog() -> Catalog {
    StandardCall::ALL
        .into_iter()
        .fold(Catalog::standard(), Catalog::with_standard)
        .with_schedules()
        .with_plain_secrets()
}

/// Returns the folder of the kit: `LAYERCAKE_CTK`, or `../shared/ctk` beside the workspace.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn kit() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/ctk");
    let folder = std::env::var_os("LAYERCAKE_CTK").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "SKIPPED: {} is not there; set LAYERCAKE_CTK",
        folder.display()
    );
    None
}

fn files(folder: &Path, extension: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            (path.display().to_string(), text)
        })
        .collect();
    files.sort();
    files
}

/// Returns the published examples, as far as they are there.
pub(super) fn examples() -> Vec<(String, String)> {
    kit().map_or_else(Vec::new, |kit| files(&kit.join("examples"), "yaml"))
}

/// Checks the remarks about one published definition; `true` when it is accepted.
fn check(name: &str, source: &str) -> bool {
    let remarks = match Definition::read(source, &catalog()) {
        Ok(checked) => checked.warnings,
        Err(diagnostics) => diagnostics,
    };
    let unexpected: Vec<&Diagnostic> = remarks
        .iter()
        .filter(|remark| ![NOT_EXECUTED, PLAIN_TEXT, PLAIN_SECRET].contains(&remark.code))
        .collect();
    assert!(unexpected.is_empty(), "{name}: {unexpected:#?}");
    remarks
        .iter()
        .all(|remark| remark.severity == Severity::Warning)
}

#[test]
fn the_published_examples_are_read() {
    let Some(kit) = kit() else { return };
    let examples = files(&kit.join("examples"), "yaml");
    let accepted = examples.iter().filter(|(name, text)| check(name, text));
    let accepted: Vec<&str> = accepted.map(|(name, _)| name.as_str()).collect();
    assert!(examples.len() >= 60, "{} examples", examples.len());
    // What is left: five with `asyncapi`, one with `grpc`, one with a function from afar.
    assert_eq!(accepted.len(), examples.len() - 7, "{accepted:#?}");
}

/// The texts between `"""yaml` and `"""` that follow the step of a definition.
fn definitions(feature: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = feature.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "Given a workflow with definition:" {
            continue;
        }
        let open = lines.next().unwrap_or_default();
        let indent = open.len() - open.trim_start().len();
        let body = lines.by_ref().take_while(|line| line.trim() != "\"\"\"");
        let body = body.map(|line| line.get(indent..).unwrap_or("").to_owned() + "\n");
        found.push(body.collect());
    }
    found
}

#[test]
fn the_definitions_of_the_conformance_kit_are_read() {
    let Some(kit) = kit() else { return };
    let mut count = 0;
    for (name, feature) in files(&kit, "feature") {
        for definition in definitions(&feature) {
            assert!(check(&name, &definition), "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 21, "the kit has 21 scenarios");
}
