//! What `cargo metadata --no-deps` says of the members: their declared dependencies.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The members of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// The members; no foreign crate, because of `--no-deps`.
    pub(crate) packages: Vec<Package>,
}

/// One member.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What it declares, of every kind.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features, each with what it switches on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One declared dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package, whatever it is called in the code.
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// Asks cargo; needs no network.
pub(crate) fn read() -> Result<Metadata> {
    let text = super::cargo(&["metadata", "--no-deps", "--format-version", "1"])?;
    serde_json::from_str(&text).context("cargo metadata has another form than expected")
}
