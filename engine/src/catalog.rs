//! The catalog: functions that a definition may call by name and version.

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

/// Functions by name and version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    functions: BTreeMap<(String, String), FunctionSpec>,
}

impl Catalog {
    /// Returns the same catalog with one more function; the same name and version replaces.
    #[must_use]
    pub fn with(mut self, spec: FunctionSpec) -> Self {
        let key = (spec.name.clone(), spec.version.clone());
        self.functions.insert(key, spec);
        self
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
