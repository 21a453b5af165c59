//! The catalog: functions that a definition may call by name and version.

mod agent;
mod approval;
mod compensate;
mod decide;
mod file_write;
mod files_list;
mod for_each;
mod now;
mod recall;
mod remember;
mod uuid;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::EffectClass;

/// A function as callers see it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSpec {
    /// Its name, for instance `file-write`.
    pub name: String,
    /// Its version, for instance `1.0.0`.
    pub version: String,
    /// One sentence for people and models.
    pub summary: String,
    /// The JSON Schema of the arguments (`with`).
    pub input: Value,
    /// The JSON Schema of the result; `true` when anything may come back.
    pub output: Value,
    /// What a crash in the middle means.
    pub class: EffectClass,
}

/// Functions by name and version. Definitions call them as `name:version@default`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    functions: BTreeMap<(String, String), FunctionSpec>,
    publishes_events: bool,
}

impl Catalog {
    /// Returns the catalog of the functions that Layercake itself knows.
    pub fn standard() -> Self {
        [
            agent::spec(),
            approval::spec(),
            compensate::spec(),
            decide::spec(),
            file_write::spec(),
            files_list::spec(),
            for_each::spec(),
            now::spec(),
            recall::spec(),
            remember::spec(),
            uuid::spec(),
        ]
        .into_iter()
        .fold(Self::default(), Self::with)
    }

    /// Returns the same catalog with one more function; the same name and version replaces.
    #[must_use]
    pub fn with(mut self, spec: FunctionSpec) -> Self {
        let key = (spec.name.clone(), spec.version.clone());
        self.functions.insert(key, spec);
        self
    }

    /// Returns the same catalog for an executor that publishes the events of `emit` tasks; they
    /// arrive there as calls of `emit` without a version. Without one, `emit` is refused.
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.publishes_events = true;
        self
    }

    /// Says whether somebody publishes the events of `emit` tasks.
    pub(crate) fn publishes_events(&self) -> bool {
        self.publishes_events
    }

    /// Returns the function of that name and version.
    pub fn function(&self, name: &str, version: &str) -> Option<&FunctionSpec> {
        self.functions.get(&(name.to_owned(), version.to_owned()))
    }

    /// Returns all functions, by name, then by version.
    pub fn functions(&self) -> impl Iterator<Item = &FunctionSpec> {
        self.functions.values()
    }
}

/// The version of all functions that Layercake itself knows.
const VERSION: &str = "1.0.0";

fn function(
    name: &str,
    class: EffectClass,
    summary: &str,
    input: Value,
    output: Value,
) -> FunctionSpec {
    FunctionSpec {
        name: name.to_owned(),
        version: VERSION.to_owned(),
        summary: summary.to_owned(),
        input,
        output,
        class,
    }
}

#[cfg(test)]
mod tests;
