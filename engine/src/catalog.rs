//! The catalog: functions that a definition may call by name and version.

mod agent;
mod approval;
mod compensate;
mod contract;
mod decide;
mod escalate;
mod file_write;
mod files_list;
mod for_each;
mod now;
mod random;
mod recall;
mod record;
mod remember;
mod standard_call;
mod uuid;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::EffectClass;

pub use standard_call::StandardCall;

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
    performs: BTreeSet<StandardCall>,
    keeps_schedules: bool,
    admits_plain_secrets: bool,
}

impl Catalog {
    /// Returns the catalog of the functions that Layercake itself knows.
    pub fn standard() -> Self {
        [
            agent::spec(),
            approval::spec(),
            compensate::spec(),
            decide::spec(),
            escalate::spec(),
            file_write::spec(),
            files_list::spec(),
            for_each::spec(),
            now::spec(),
            random::spec(),
            recall::spec(),
            record::spec(),
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

    /// Returns the same catalog for an executor that performs a call of the standard. What
    /// nobody performs is refused when a definition is read; `call: http` is always admitted.
    #[must_use]
    pub fn with_standard(mut self, call: StandardCall) -> Self {
        self.performs.insert(call);
        self
    }

    /// Returns the same catalog for an executor that publishes the events of `emit` tasks.
    #[must_use]
    pub fn with_events(self) -> Self {
        self.with_standard(StandardCall::Emit)
    }

    /// Returns the same catalog for a runtime that starts runs by their `schedule`.
    #[must_use]
    pub fn with_schedules(mut self) -> Self {
        self.keeps_schedules = true;
        self
    }

    /// Returns the same catalog, admitting secrets in plain text. Whoever reads such a
    /// definition, its publication or its records has them: for trials only.
    #[must_use]
    pub fn with_plain_secrets(mut self) -> Self {
        self.admits_plain_secrets = true;
        self
    }

    /// Says whether somebody performs that call of the standard.
    pub(crate) fn performs(&self, call: StandardCall) -> bool {
        call == StandardCall::Http || self.performs.contains(&call)
    }

    /// Says whether somebody starts runs by their schedule.
    pub(crate) fn keeps_schedules(&self) -> bool {
        self.keeps_schedules
    }

    /// Says whether secrets may stand in plain text.
    pub(crate) fn admits_plain_secrets(&self) -> bool {
        self.admits_plain_secrets
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
