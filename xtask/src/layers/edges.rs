//! Which sibling a crate may declare as a dependency, of whatever kind.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::Metadata;

/// Every crate and the siblings that it may know. The first of the two tables that keep the
/// layers apart; it changes only together with a page in `cli/docs/decisions/`.
const MAY_KNOW: [(&str, &[&str]); 6] = [
    ("layercake-model", &[]),
    ("layercake-harness", &["layercake-model"]),
    ("layercake-engine", &[]),
    ("layercake-context", &[]),
    (
        "layercake",
        &[
            "layercake-model",
            "layercake-harness",
            "layercake-engine",
            "layercake-context",
        ],
    ),
    ("xtask", &[]),
];

/// The declared edges between members: for each member its siblings, each with the kinds.
pub(super) type Edges = BTreeMap<String, BTreeSet<(String, Kind)>>;

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Normal,
    Dev,
    Build,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Dev => "dev",
            Self::Build => "build",
        }
    }
}

/// Reads the edges between members out of the metadata.
pub(super) fn declared(metadata: &Metadata) -> Edges {
    let members: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    metadata
        .packages
        .iter()
        .map(|package| {
            let siblings = package
                .dependencies
                .iter()
                .filter(|dependency| members.contains(dependency.name.as_str()))
                .map(|dependency| (dependency.name.clone(), kind(dependency.kind.as_deref())))
                .collect();
            (package.name.clone(), siblings)
        })
        .collect()
}

fn kind(name: Option<&str>) -> Kind {
    match name {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

/// Compares as sets: a forbidden edge is wrong, and so is a permission that nobody uses.
pub(super) fn compare(edges: &Edges) -> Vec<String> {
    let known: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    let strangers = edges.keys().filter(|name| !known.contains(name.as_str()));
    let mut complaints: Vec<String> = strangers
        .map(|name| format!("{name} is not in the table of layers"))
        .collect();
    for (name, allowed) in MAY_KNOW {
        match edges.get(name) {
            Some(siblings) => complaints.extend(compare_one(name, allowed, siblings)),
            None => complaints.push(format!("{name} is in the table of layers but not here")),
        }
    }
    complaints
}

fn compare_one(name: &str, allowed: &[&str], siblings: &BTreeSet<(String, Kind)>) -> Vec<String> {
    let forbidden = siblings
        .iter()
        .filter(|(sibling, _)| !allowed.contains(&sibling.as_str()))
        .map(|(sibling, kind)| format!("{name} may not know {sibling} ({} edge)", kind.name()));
    let unused = allowed
        .iter()
        .filter(|sibling| !siblings.contains(&((**sibling).to_owned(), Kind::Normal)))
        .map(|sibling| format!("{name} may know {sibling} but does not use it: take it out"));
    forbidden.chain(unused).collect()
}
