//! `peers.toml`: who takes part, and in what.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Everything that one crate compares.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    /// What a reader must know before believing the figures.
    pub(super) caveat: String,
    /// What is measured, in this order.
    #[serde(rename = "scenario")]
    pub(super) scenarios: Vec<Scenario>,
    /// Who is measured, in this order.
    #[serde(rename = "contestant")]
    pub(super) contestants: Vec<Contestant>,
}

/// One piece of work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What a contestant is asked for.
    pub(super) name: String,
    /// What the work is, in words.
    pub(super) title: String,
    /// How much of it.
    pub(super) count: u64,
    /// What the figure counts.
    pub(super) unit: String,
    /// Which figure is the better one.
    pub(super) better: Better,
}

/// Which of two figures is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Better {
    /// The larger one: a rate.
    More,
    /// The smaller one: a time, a size.
    Less,
}

/// One program that takes part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contestant {
    /// Its name in the tables.
    pub(super) name: String,
    /// Whether it is this project.
    #[serde(default)]
    pub(super) ours: bool,
    /// Whether it is no peer but a measure of the machine, which nothing is compared with.
    #[serde(default)]
    pub(super) control: bool,
    /// Its folder beside `peers.toml`; without one it works at the top of the repository.
    #[serde(default)]
    pub(super) folder: Option<String>,
    /// Commands that must be there.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// What installs and builds it, one command after the other.
    #[serde(default)]
    pub(super) prepare: Vec<Vec<String>>,
    /// What starts it.
    pub(super) start: Vec<String>,
}

impl Listing {
    /// Reads the listing of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join("peers.toml");
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let listing =
            toml::from_str(&text).with_context(|| format!("{} is no listing", file.display()))?;
        Ok(Some(listing))
    }

    /// Keeps the contestants that a call names; naming none means all.
    pub(super) fn with_contestants(mut self, names: &[String]) -> Self {
        if !names.is_empty() {
            self.contestants
                .retain(|contestant| names.contains(&contestant.name));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;
    use crate::tree::{self, CRATES};

    #[test]
    fn every_listing_of_the_repository_is_sound() {
        let mut found = 0;
        for krate in CRATES {
            let folder = tree::root().join(krate).join("benches/peers");
            let Some(listing) = Listing::read(&folder).expect("it is sound") else {
                continue;
            };
            found += 1;
            assert!(!listing.scenarios.is_empty(), "{krate} measures nothing");
            let ours = listing.contestants.iter().filter(|one| one.ours).count();
            assert_eq!(ours, 1, "{krate} is compared with the peers");
            for contestant in &listing.contestants {
                let beside = contestant.folder.as_ref().map(|name| folder.join(name));
                assert!(beside.is_none_or(|folder| folder.is_dir()), "{krate}");
                assert!(!contestant.start.is_empty(), "{krate}");
            }
        }
        assert!(found > 0, "no crate has a listing");
    }
}
