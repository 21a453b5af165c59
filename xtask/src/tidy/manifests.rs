//! Every dependency is declared once for the workspace and explained where it is used; every
//! feature is explained; every crate takes the workspace's lints.

use toml::Value;

use super::manifest::{Entry, Manifest};
use crate::finding::Finding;
use crate::syntax::Source;
use crate::tree::{CRATES, Tree};

const TOP: &str = "Cargo.toml";
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Every dependency is shared through the workspace, with a comment at both ends.
pub(super) fn dependencies(tree: &Tree) -> Vec<Finding> {
    let mut findings = each_manifest(tree, |path, manifest| {
        let mut findings: Vec<Finding> = TABLES
            .iter()
            .flat_map(|table| manifest.entries(table))
            .flat_map(|entry| check_dependency(path, &entry))
            .collect();
        if manifest
            .value(&["lints", "workspace"])
            .and_then(Value::as_bool)
            != Some(true)
        {
            findings.push(Finding::about(
                path,
                "take the workspace's lints: `[lints] workspace = true`",
            ));
        }
        findings
    });
    let shared = tree.text(TOP).and_then(Manifest::read);
    match shared {
        Some(manifest) => findings.extend(check_shared(&manifest)),
        None => findings.push(Finding::about(TOP, "is missing or no TOML")),
    }
    findings
}

fn check_dependency(path: &str, entry: &Entry<'_>) -> Vec<Finding> {
    let shared = entry.value.get("workspace").and_then(Value::as_bool) == Some(true);
    let mut findings = Vec::new();
    if !shared {
        let message = format!("`{}` is not `workspace = true`", entry.name);
        findings.push(Finding::at(path, entry.line, message));
    }
    if !entry.explained {
        let message = format!("say behind `{}` what it is for", entry.name);
        findings.push(Finding::at(path, entry.line, message));
    }
    findings
}

/// Our own crates share one comment; each foreign one has its own.
fn check_shared(manifest: &Manifest<'_>) -> Vec<Finding> {
    manifest
        .entries("workspace.dependencies")
        .iter()
        .filter(|entry| entry.value.get("path").is_none() && !entry.explained)
        .map(|entry| {
            Finding::at(
                TOP,
                entry.line,
                format!("say behind `{}` what it is for", entry.name),
            )
        })
        .collect()
}

/// Every dependency is named in the code that may use it.
pub(super) fn usage(tree: &Tree) -> Vec<Finding> {
    CRATES
        .into_iter()
        .flat_map(|krate| unused(tree, krate))
        .collect()
}

fn unused(tree: &Tree, krate: &str) -> Vec<Finding> {
    let path = format!("{krate}/{TOP}");
    let Some(manifest) = tree.text(&path).and_then(Manifest::read) else {
        return Vec::new();
    };
    let folder = format!("{krate}/");
    let sources = tree.sources().iter();
    let own: Vec<&Source> = sources
        .filter_map(|(path, source)| path.starts_with(&folder).then_some(source))
        .collect();
    let entries = TABLES.iter().flat_map(|table| manifest.entries(table));
    entries
        .filter(|entry| {
            let name = entry.name.replace('-', "_");
            own.iter()
                .all(|source| source.lines_naming(&name).is_empty())
        })
        .map(|entry| {
            let message = format!("no code names `{}`: take it out", entry.name);
            Finding::at(&path, entry.line, message)
        })
        .collect()
}

/// Every feature says in a comment what it adds; `default` adds nothing of its own.
pub(super) fn features(tree: &Tree) -> Vec<Finding> {
    each_manifest(tree, |path, manifest| {
        let entries = manifest.entries("features").into_iter();
        entries
            .filter(|entry| entry.name != "default" && !entry.headed && !entry.explained)
            .map(|entry| {
                let message = format!("say above the feature `{}` what it adds", entry.name);
                Finding::at(path, entry.line, message)
            })
            .collect()
    })
}

fn each_manifest(tree: &Tree, check: fn(&str, &Manifest<'_>) -> Vec<Finding>) -> Vec<Finding> {
    CRATES
        .into_iter()
        .flat_map(|krate| {
            let path = format!("{krate}/{TOP}");
            match tree.text(&path).and_then(Manifest::read) {
                Some(manifest) => check(&path, &manifest),
                None => vec![Finding::about(&path, "is missing or no TOML")],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
