//! The locked bundle of a definition: everything that decides what its runs do, with one digest.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Definition;
use super::tree::{Task, TaskKind, TaskList};
use crate::{Catalog, Digest, Template};

/// What a definition needs from elsewhere, whose content its runs depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A routine that it runs: `namespace/name@version`.
    Routine(String),
    /// A skill of its agents, by name.
    Skill(String),
    /// A model, by alias.
    Model(String),
}

/// A definition with the digests of everything that it needs. The same bundle does the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    content: Value,
    digest: Digest,
}

/// A part that is not at hand, so that nothing can be locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not at hand")]
pub struct MissingPart(
    /// The part.
    pub Part,
);

impl Bundle {
    /// Returns the bundle as JSON.
    pub fn content(&self) -> &Value {
        &self.content
    }

    /// Returns the hash of its canonical JSON.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Definition {
    /// Returns what the definition needs from elsewhere and names in its text, in order. What an
    /// expression makes up at run time is not among it.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = BTreeSet::new();
        each_task(self.tree(), &mut |task| collect(task, &mut parts));
        parts.into_iter().collect()
    }

    /// Locks the definition with the functions that it calls and with the digests of its parts.
    ///
    /// # Errors
    ///
    /// When a part is not at hand.
    pub fn lock(
        &self,
        catalog: &Catalog,
        digest_of: &dyn Fn(&Part) -> Option<Digest>,
    ) -> Result<Bundle, MissingPart> {
        let mut parts = Map::new();
        for part in self.parts() {
            let digest = digest_of(&part).ok_or_else(|| MissingPart(part.clone()))?;
            let name = match part {
                Part::Routine(name) => format!("routine {name}"),
                Part::Skill(name) => format!("skill {name}"),
                Part::Model(name) => format!("model {name}"),
            };
            parts.insert(name, json!(digest.to_string()));
        }
        let mut functions = Map::new();
        each_task(self.tree(), &mut |task| {
            if let TaskKind::Call(call) = &task.kind
                && let Some(spec) = catalog.function(&call.function, &call.version)
            {
                let name = format!("{}:{}", spec.name, spec.version);
                let said =
                    json!({ "input": spec.input, "output": spec.output, "class": spec.class });
                functions.insert(name, said);
            }
        });
        let content = json!({
            "format": 1,
            "document": self.document(),
            "functions": functions,
            "parts": parts,
        });
        Ok(Bundle {
            digest: Digest::of_value(&content),
            content,
        })
    }
}

fn each_task(tree: &super::tree::Tree, see: &mut dyn FnMut(&Task)) {
    let mut open: Vec<&Task> = tree.tasks.0.iter().collect();
    open.extend(tree.uses.functions.values());
    for extension in &tree.uses.extensions {
        open.extend(extension.before.0.iter().chain(&extension.after.0));
    }
    while let Some(task) = open.pop() {
        see(task);
        let lists: Vec<&TaskList> = match &task.kind {
            TaskKind::Do(body) => vec![body],
            TaskKind::For(each) => vec![&each.body],
            TaskKind::Try(tried) => std::iter::once(&tried.body).chain(&tried.handler).collect(),
            TaskKind::Fork(fork) => vec![&fork.branches],
            TaskKind::Listen(listen) => listen.each.iter().map(|each| &each.body).collect(),
            _ => Vec::new(),
        };
        open.extend(lists.into_iter().flat_map(|list| &list.0));
    }
}

fn collect(task: &Task, parts: &mut BTreeSet<Part>) {
    match &task.kind {
        TaskKind::RunWorkflow(run) => {
            let name = format!("{}/{}@{}", run.namespace, run.name, run.version);
            parts.insert(Part::Routine(name));
        }
        TaskKind::Call(call) if call.checks_answer => {
            let given = |key: &str| match &call.with {
                Template::Literal(value) => value.get(key).cloned(),
                with => with.entry(key).and_then(Template::literal).cloned(),
            };
            if let Some(Value::String(alias)) = given("model") {
                parts.insert(Part::Model(alias));
            }
            let skills = given("skills");
            let names = skills.iter().filter_map(Value::as_array).flatten();
            let names = names.filter_map(Value::as_str);
            parts.extend(names.map(|name| Part::Skill(name.to_owned())));
        }
        _ => {}
    }
}
