//! Manifests that break one rule each.

use super::{CRATES, Finding, Tree};

const LINTS: &str = "[lints]\nworkspace = true\n";

/// What a rule finds when the manifest of `model` is this, and all others are in order.
fn found(rule: fn(&Tree) -> Vec<Finding>, top: &str, model: &str) -> Vec<String> {
    let paths = CRATES.map(|krate| format!("{krate}/Cargo.toml"));
    let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), LINTS)).collect();
    files[0].1 = model;
    files.push(("Cargo.toml", top));
    rule(&Tree::of(&files))
        .iter()
        .map(Finding::to_string)
        .collect()
}

fn check_dependencies(model: &str, expected: &[&str]) {
    let model = format!("{LINTS}{model}");
    assert_eq!(found(super::dependencies, "", &model), expected);
}

#[test]
fn shared_and_explained_dependencies_pass() {
    check_dependencies(
        concat!(
            "[dependencies]\n",
            "serde.workspace = true # types\n",
            "tokio = { workspace = true, features = [\"#\"] } # timers\n",
            "reqwest = { workspace = true, features = [\n    \"json\",\n] } # transport\n",
            "[dev-dependencies]\n",
            "proptest.workspace = true # properties\n",
        ),
        &[],
    );
}

#[test]
fn a_dependency_with_its_own_version_is_found() {
    check_dependencies(
        "[dependencies]\nserde = \"1\" # types\n",
        &["model/Cargo.toml:4: `serde` is not `workspace = true`"],
    );
    check_dependencies(
        "[build-dependencies.cc] # compiles\nversion = \"1\"\n",
        &["model/Cargo.toml:3: `cc` is not `workspace = true`"],
    );
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    check_dependencies(
        "[dev-dependencies]\n# a\ntokio = { workspace = true, features = [\"# no\"] }\nserde.workspace = true #\n",
        &[
            "model/Cargo.toml:6: say behind `serde` what it is for",
            "model/Cargo.toml:5: say behind `tokio` what it is for",
        ],
    );
}

#[test]
fn a_shared_dependency_without_a_reason_is_found() {
    let top = concat!(
        "[workspace.dependencies]\n",
        "layercake-model = { path = \"model\" }\n",
        "# Foundations\n",
        "serde = \"1\"\n",
        "toml = \"1\" # settings\n",
    );
    assert_eq!(
        found(super::dependencies, top, LINTS),
        ["Cargo.toml:4: say behind `serde` what it is for"]
    );
}

#[test]
fn a_crate_with_its_own_lints_is_found() {
    assert_eq!(
        found(super::dependencies, "", ""),
        ["model/Cargo.toml: take the workspace's lints: `[lints] workspace = true`"]
    );
}

#[test]
fn a_feature_without_a_reason_is_found() {
    let model = "[features]\ndefault = [\"http\"]\n# Adds the transport.\nhttp = []\n\nfast = []\n";
    assert_eq!(
        found(super::features, "", model),
        ["model/Cargo.toml:6: say above the feature `fast` what it adds"]
    );
}

#[test]
fn a_manifest_that_cannot_be_read_is_found() {
    assert_eq!(
        found(super::features, "", "[features"),
        ["model/Cargo.toml: is missing or no TOML"]
    );
}

#[test]
fn a_dependency_that_no_code_names_is_found() {
    let files = [
        (
            "model/Cargo.toml",
            "[dependencies]\nasync-trait.workspace = true # a\nserde.workspace = true # b\n",
        ),
        (
            "model/src/lib.rs",
            "//! Not serde::Serialize.\n#[async_trait::async_trait]\n",
        ),
        ("engine/src/lib.rs", "use serde::Serialize;\n"),
    ];
    let findings = super::usage(&Tree::of(&files));
    assert_eq!(
        findings,
        [Finding::at(
            "model/Cargo.toml",
            3,
            "no code names `serde`: take it out"
        )]
    );
}
