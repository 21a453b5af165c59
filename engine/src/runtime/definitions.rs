//! The definitions that runs are pinned to, read once and kept while they are in use.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::EngineError;
use crate::journal::{Journal, JournalReads};
use crate::{Catalog, Definition, Digest};

/// How many definitions are kept in memory: a program has tens of routines.
const KEPT_MAX: usize = 256;

/// How many versions of one routine are looked through for the latest.
const VERSIONS_MAX: usize = 10_000;

/// Definitions by digest.
#[derive(Debug)]
pub(super) struct Definitions {
    journal: Arc<dyn Journal>,
    catalog: Catalog,
    kept: Mutex<BTreeMap<Digest, Definition>>,
}

impl Definitions {
    pub(super) fn new(journal: Arc<dyn Journal>, catalog: Catalog) -> Self {
        Self {
            journal,
            catalog,
            kept: Mutex::new(BTreeMap::new()),
        }
    }

    /// Reads a text with the functions that this engine can call.
    pub(super) fn read(&self, source: &str) -> Result<Definition, EngineError> {
        let checked = Definition::read(source, &self.catalog).map_err(EngineError::Definition)?;
        Ok(checked.definition)
    }

    /// Returns a definition that is kept or stored; `None` when there is none.
    pub(super) fn of_digest(&self, digest: Digest) -> Result<Option<Definition>, EngineError> {
        if let Some(definition) = self.kept().get(&digest) {
            return Ok(Some(definition.clone()));
        }
        let Some(source) = self.journal.definition(digest)? else {
            return Ok(None);
        };
        let definition = self.read(&source)?;
        self.keep(definition.clone());
        Ok(Some(definition))
    }

    /// Returns a published routine: `namespace/name@version`, or the latest version when the
    /// version is `latest` or missing.
    pub(super) fn of_name(&self, name: &str) -> Result<Definition, EngineError> {
        let unknown = || EngineError::UnknownRoutine(name.to_owned());
        let (routine, version) = name.split_once('@').unwrap_or((name, "latest"));
        let publication = if version == "latest" {
            let prefix = format!("{routine}@");
            let found = self.journal.routines(&prefix, VERSIONS_MAX)?;
            found
                .into_iter()
                .max_by(|a, b| compare_versions(version_of(&a.name), version_of(&b.name)))
        } else {
            let found = self.journal.routines(name, 1)?;
            found.into_iter().find(|found| found.name == name)
        };
        let digest = publication.ok_or_else(unknown)?.digest;
        self.of_digest(digest)?.ok_or_else(unknown)
    }

    /// Says whether the definition is kept, and so is known to be stored.
    pub(super) fn is_kept(&self, digest: Digest) -> bool {
        self.kept().contains_key(&digest)
    }

    /// Keeps a definition that is stored.
    pub(super) fn keep(&self, definition: Definition) {
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.pop_first();
        }
        kept.insert(definition.digest(), definition);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Definition>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version_of(name: &str) -> &str {
    name.split_once('@').map_or("", |(_, version)| version)
}

/// Compares two versions.
///
/// Source: Semantic Versioning 2.0.0, 11 (precedence).
fn compare_versions(a: &str, b: &str) -> Ordering {
    let parts = |version: &'_ str| -> (Vec<u64>, Option<String>) {
        let version = version.split('+').next().unwrap_or_default();
        let (core, pre) = match version.split_once('-') {
            Some((core, pre)) => (core, Some(pre.to_owned())),
            None => (version, None),
        };
        let numbers = core.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.collect(), pre)
    };
    let ((a, a_pre), (b, b_pre)) = (parts(a), parts(b));
    a.cmp(&b).then_with(|| match (a_pre, b_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => compare_pre_releases(&a, &b),
    })
}

fn compare_pre_releases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compare_versions;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_says() {
        let ascending = [
            "0.9.0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in ascending.windows(2) {
            assert!(compare_versions(pair[0], pair[1]).is_lt(), "{pair:?}");
        }
    }
}
