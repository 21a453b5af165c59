//! The document's head, its `input`, `output` and `use`.

use std::collections::BTreeMap;

use crate::definition::codes;
use crate::definition::node::{Node, escape};
use crate::definition::tree::{Document, Intake, Outflow, Task, TaskList, Tree, Uses};
use crate::expression::Template;

use super::Reader;
use super::scope::{Place, Scope};
use super::task::Siblings;

pub(in crate::definition) const DOCUMENT_KEYS: &[&str] = &[
    "document", "input", "use", "do", "timeout", "output", "schedule", "evaluate", "metadata",
];

pub(in crate::definition) const USE_KEYS: &[&str] = &[
    "authentications",
    "catalogs",
    "errors",
    "extensions",
    "functions",
    "retries",
    "secrets",
    "timeouts",
];

/// The versions of the standard that are read.
pub(in crate::definition) const DSL_VERSIONS: &[&str] = &["1.0.0", "1.0.1", "1.0.2", "1.0.3"];

/// The longest namespace or name.
///
/// Source: the standard's schema, `document.name`.
const NAME_CHARS_MAX: usize = 63;

impl Reader<'_> {
    pub(super) fn document(&mut self) -> Tree {
        let root = self.root;
        self.keys(root, DOCUMENT_KEYS);
        let document = self.head();
        self.evaluate();
        let schedule = root
            .entry("schedule")
            .and_then(|entry| self.schedule(entry));
        let uses = self.uses();
        let tasks = match self.required(root, "do", root.place_of("/document")) {
            Some(node) => self.task_list(node, "/do", &Scope::default()),
            None => TaskList::default(),
        };
        let scope = Scope::default();
        Tree {
            document,
            input: self.intake(root, Place::RunInput, &scope),
            output: self.outflow(root, "output", Place::Run, &scope),
            timeout: self.timeout(root, Place::Run, &scope),
            schedule,
            uses,
            tasks,
        }
    }

    fn head(&mut self) -> Document {
        let mut document = Document::default();
        let Some(node) = self.required(self.root, "document", self.root.span) else {
            return document;
        };
        let known = [
            "dsl",
            "namespace",
            "name",
            "version",
            "title",
            "summary",
            "tags",
            "metadata",
        ];
        if !self.keys(node, &known) {
            return document;
        }
        let place = self.root.place_of("/document");
        let mut read = |key: &str, check: fn(&str) -> bool, help: &str| {
            let value = self.required(node, key, place)?;
            let text = self.text(value)?;
            if !check(text) {
                let message = format!("`{text}` cannot be the {key}");
                self.report
                    .error(codes::NOT_ALLOWED, value.span, message)
                    .help(help);
            }
            Some(text.to_owned())
        };
        let letters = "letters, digits and inner `-`, 63 characters at most";
        let version = "three numbers, for instance `'1.0.0'`";
        document.namespace = read("namespace", is_name, letters).unwrap_or_default();
        document.name = read("name", is_name, letters).unwrap_or_default();
        document.version = read("version", is_version, version).unwrap_or_default();
        document.dsl = read("dsl", |_| true, "").unwrap_or_default();
        document.title = self.optional_text(node, "title");
        document.summary = self.optional_text(node, "summary");
        for key in ["tags", "metadata"] {
            self.free_object(node, key);
        }
        if let Some(dsl) = node.get("dsl").filter(|dsl| dsl.as_text().is_some())
            && !DSL_VERSIONS.contains(&document.dsl.as_str())
        {
            let message = format!("version `{}` of the standard is not known", document.dsl);
            self.report
                .error(codes::DSL_VERSION, dsl.span, message)
                .help("write `dsl: '1.0.3'`; 1.0.0 to 1.0.3 are read");
        }
        document
    }

    fn evaluate(&mut self) {
        let Some(node) = self.root.get("evaluate") else {
            return;
        };
        if !self.keys(node, &["language", "mode"]) {
            return;
        }
        for (key, only) in [("language", "jq"), ("mode", "strict")] {
            if let Some(value) = node.get(key)
                && let Some(text) = self.text(value)
                && text != only
            {
                let what = format!("the {key} `{text}`");
                self.not_executed(value.span, &what, &format!("write `{only}`"));
            }
        }
    }

    fn uses(&mut self) -> Uses {
        let mut uses = Uses::default();
        let Some(node) = self.root.get("use") else {
            return uses;
        };
        if !self.keys(node, USE_KEYS) {
            return uses;
        }
        self.catalogs(node);
        uses.extensions = self.extensions(node);
        uses.secrets = self.secrets(node);
        uses.authentications = self.shared_authentications();
        uses.timeouts = self.shared_map(node, "timeouts", |reader, node| {
            reader.time_limit(node, Place::Run, &Scope::default())
        });
        uses.errors = self.shared_map(node, "errors", |reader, node| {
            let scope = Scope::default();
            reader.error_template(node, &scope)
        });
        uses.retries = self.shared_map(node, "retries", |reader, node| {
            let scope = reader.all_bindings();
            reader.retry_policy(node, &scope)
        });
        uses.functions = self.functions(node);
        uses
    }

    /// Checks `use.catalogs`; a call of one of their functions says what to do instead.
    fn catalogs(&mut self, uses: &Node) {
        let Some(node) = uses.get("catalogs") else {
            return;
        };
        if !self.is_map(node) {
            return;
        }
        for entry in node.entries() {
            if self.keys(&entry.value, &["endpoint"])
                && let Some(endpoint) = self.required(&entry.value, "endpoint", entry.key_span)
            {
                self.endpoint(endpoint, &Scope::default());
            }
        }
    }

    fn shared_map<T>(
        &mut self,
        uses: &Node,
        key: &str,
        mut read: impl FnMut(&mut Self, &Node) -> T,
    ) -> BTreeMap<String, T> {
        let Some(node) = uses.get(key) else {
            return BTreeMap::new();
        };
        if !self.is_map(node) {
            return BTreeMap::new();
        }
        node.entries()
            .iter()
            .map(|entry| (entry.key.clone(), read(self, &entry.value)))
            .collect()
    }

    fn secrets(&mut self, uses: &Node) -> Vec<String> {
        let Some(node) = uses.get("secrets") else {
            return Vec::new();
        };
        if !self.is_list(node) {
            return Vec::new();
        }
        node.items()
            .iter()
            .filter_map(|item| self.text(item).map(str::to_owned))
            .collect()
    }

    fn functions(&mut self, uses: &Node) -> BTreeMap<String, Task> {
        let Some(node) = uses.get("functions") else {
            return BTreeMap::new();
        };
        if !self.is_map(node) {
            return BTreeMap::new();
        }
        let scope = Scope::default().with(["item", "index"]);
        let mut functions = BTreeMap::new();
        for entry in node.entries() {
            let pointer = format!("/use/functions/{}", escape(&entry.key));
            if let Some(task) = self.task(entry, pointer, &scope, &Siblings::new()) {
                functions.insert(entry.key.clone(), task);
            }
        }
        functions
    }

    /// What a shared retry policy may use: the variables of all `catch` blocks.
    fn all_bindings(&self) -> Scope {
        Scope::default().with(self.bindings.iter().copied())
    }

    /// Reads `input` of the document or of a task.
    pub(super) fn intake(&mut self, owner: &Node, place: Place, scope: &Scope) -> Intake {
        let Some(node) = owner.get("input") else {
            return Intake::default();
        };
        if !self.keys(node, &["schema", "from"]) {
            return Intake::default();
        }
        Intake {
            schema: node.get("schema").and_then(|node| self.schema(node)),
            from: node
                .get("from")
                .map(|node| self.transformation(node, place, scope)),
        }
    }

    /// Reads `output` or `export` of the document or of a task.
    pub(super) fn outflow(
        &mut self,
        owner: &Node,
        key: &str,
        place: Place,
        scope: &Scope,
    ) -> Outflow {
        let Some(node) = owner.get(key) else {
            return Outflow::default();
        };
        if !self.keys(node, &["schema", "as"]) {
            return Outflow::default();
        }
        Outflow {
            schema: node.get("schema").and_then(|node| self.schema(node)),
            transform: node
                .get("as")
                .map(|node| self.transformation(node, place, scope)),
        }
    }

    /// Reads `timeout` of the document or of a task: a name, or `{ after: … }`.
    pub(super) fn timeout(
        &mut self,
        owner: &Node,
        place: Place,
        scope: &Scope,
    ) -> Option<Template> {
        let node = owner.get("timeout")?;
        match self.shared_by_name(node, "timeouts", codes::UNKNOWN_TIMEOUT, "time limit") {
            Some(shared) => Some(self.time_limit(shared?, place, scope)),
            None => Some(self.time_limit(node, place, scope)),
        }
    }

    fn time_limit(&mut self, node: &Node, place: Place, scope: &Scope) -> Template {
        if self.keys(node, &["after"])
            && let Some(after) = self.required(node, "after", node.span)
        {
            return self.duration(after, place, scope);
        }
        super::value::STAND_IN
    }
}

/// Source: the standard's schema, `document.name`.
fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty()
        && text.len() <= NAME_CHARS_MAX
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Source: the standard's schema, `document.version` (semantic versioning).
pub(super) fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or("");
    let number = |part: &str| {
        let digits = !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let parts: Vec<&str> = core.split('.').collect();
    let rest = &text[core.len()..];
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
    parts.len() == 3
        && parts.into_iter().all(number)
        && rest.chars().all(allowed)
        && rest.len() != 1
}
