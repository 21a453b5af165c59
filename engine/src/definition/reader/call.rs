//! `call`: http, functions of the catalog, functions of the document.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::StandardCall;
use crate::catalog::FunctionSpec;
use crate::definition::codes;
use crate::definition::node::Node;
use crate::definition::schema::Schema;
use crate::definition::span::Span;
use crate::definition::suggestion::nearest;
use crate::definition::tree::{CallTask, Spread, TaskKind};
use crate::expression::Template;

use super::scope::{Place, Scope};
use super::value::STAND_IN;
use super::{Called, Reader};

/// The function of the catalog that calls other functions.
const FOR_EACH: &str = "for-each";

/// The functions of the catalog whose answers are checked.
const CONTRACTED: [&str; 2] = ["decide", "agent"];

/// The keywords of JSON Schema that look at several places at once.
const COMPOUND: &[&str] = &[
    "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "contains",
];

impl<'a> Reader<'a> {
    pub(super) fn call(&mut self, task: &Node, node: &Node, scope: &Scope) -> TaskKind {
        let unknown = || TaskKind::Unsupported("call".to_owned());
        let Some(name) = self.text(node) else {
            return unknown();
        };
        if name == "http" {
            return self.http(task, scope);
        }
        if let Some(call @ (StandardCall::OpenApi | StandardCall::Mcp | StandardCall::A2a)) =
            StandardCall::named(name)
        {
            return self.remote_call(call, task, node, scope);
        }
        if let Some(later) = self.later_call(task, node, name, scope) {
            return later;
        }
        let functions = self.shared.get("functions");
        if functions.is_some_and(|functions| functions.contains_key(name)) {
            return TaskKind::CallCustom {
                function: name.to_owned(),
                with: self.arguments(task, scope),
            };
        }
        if name.contains("://") {
            let why = "functions come from `use.functions` or from the runtime's own catalog";
            self.not_executed(node.span, "a function named by its address", why);
            return unknown();
        }
        match self.catalog_function(node, name) {
            Some(spec) => self.catalog_call(task, spec, scope),
            None => unknown(),
        }
    }

    fn arguments(&mut self, task: &Node, scope: &Scope) -> Template {
        match task.get("with") {
            Some(with) if self.is_map(with) => self.template(with, Place::Task, scope),
            _ => Template::Literal(Value::Object(serde_json::Map::new())),
        }
    }

    /// Finds `name:version@default`, or says what is wrong with it.
    fn catalog_function(&mut self, node: &Node, reference: &str) -> Option<&'a FunctionSpec> {
        let (path, catalog) = match reference.split_once('@') {
            Some((path, catalog)) => (path, Some(catalog)),
            None => (reference, None),
        };
        let (name, version) = match path.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (path, None),
        };
        if let Some(catalog) = catalog.filter(|catalog| *catalog != "default") {
            let why = "only the runtime's own catalog is known: `@default`";
            self.not_executed(node.span, &format!("the catalog `{catalog}`"), why);
            return None;
        }
        let versions: Vec<&str> = self
            .catalog
            .functions()
            .filter(|spec| spec.name == name)
            .map(|spec| spec.version.as_str())
            .collect();
        let Some(newest) = versions.last() else {
            self.unknown_function(node, reference, name);
            return None;
        };
        let full = format!("{name}:{}@default", version.unwrap_or(newest));
        match version {
            Some(version) if catalog.is_some() => {
                let catalog = self.catalog;
                let found = catalog.function(name, version);
                if found.is_none() {
                    let message =
                        format!("there is no version `{version}` of the function `{name}`");
                    self.report
                        .error(codes::UNKNOWN_FUNCTION, node.span, message)
                        .help(format!("there is {}", versions.join(", ")));
                }
                found
            }
            _ => {
                let missing = if version.is_none() {
                    "version"
                } else {
                    "catalog"
                };
                let message = format!("the function `{name}` is named without its {missing}");
                self.report
                    .error(codes::FUNCTION_VERSION, node.span, message)
                    .help(format!("write `call: {full}`"));
                None
            }
        }
    }

    fn unknown_function(&mut self, node: &Node, reference: &str, name: &str) {
        let mut known: BTreeMap<String, String> = self
            .catalog
            .functions()
            .map(|spec| {
                (
                    spec.name.clone(),
                    format!("{}:{}@default", spec.name, spec.version),
                )
            })
            .collect();
        known.extend(
            self.shared
                .get("functions")
                .into_iter()
                .flat_map(BTreeMap::keys)
                .map(|name| ((*name).to_owned(), (*name).to_owned())),
        );
        known.insert("http".to_owned(), "http".to_owned());
        let help = match nearest(name, known.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{}`?", known[near]),
            None => {
                let all: Vec<&str> = known.values().map(String::as_str).collect();
                format!("known: {}", all.join(", "))
            }
        };
        self.report
            .error(
                codes::UNKNOWN_FUNCTION,
                node.span,
                format!("there is no function `{reference}`"),
            )
            .help(help);
    }

    fn catalog_call(&mut self, task: &Node, spec: &FunctionSpec, scope: &Scope) -> TaskKind {
        let is_spread = spec.name == FOR_EACH;
        let with = if is_spread {
            self.arguments(task, &scope.with(["item", "index"]))
        } else {
            self.arguments(task, scope)
        };
        let name = (spec.name.clone(), spec.version.clone());
        let called = self.called.entry(name).or_insert_with(|| Called {
            arguments: Schema::compile(&spec.input).ok(),
            result: Schema::compile(&spec.output).ok(),
        });
        let Called { arguments, result } = called.clone();
        if let Some(schema) = &arguments {
            self.check_arguments(task, spec, schema, &with);
        }
        if is_spread {
            return self.spread(task, &with);
        }
        TaskKind::Call(CallTask {
            function: spec.name.clone(),
            version: spec.version.clone(),
            with,
            arguments,
            result,
            class: spec.class,
            checks_answer: CONTRACTED.contains(&spec.name.as_str()),
            evaluator: self.evaluator(task),
        })
    }

    /// Reads the name of the function that judges an answer.
    fn evaluator(&mut self, task: &Node) -> Option<String> {
        let contract = task.get("with")?.get("contract")?;
        let node = contract.get("evaluator")?;
        let name = node.as_text()?.to_owned();
        self.known_function(&name, node.span);
        Some(name)
    }

    fn known_function(&mut self, name: &str, place: Span) {
        let known = self.shared.get("functions");
        if known.is_some_and(|known| known.contains_key(name)) {
            return;
        }
        let near = known.and_then(|known| nearest(name, known.keys().copied()));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("there is no function `{name}` under `use.functions`");
        self.report
            .error(codes::UNKNOWN_FUNCTION, place, message)
            .help_if_some(help);
    }

    /// Takes the parts of a `for-each` out of its arguments: its key is made for each item.
    fn spread(&mut self, task: &Node, with: &Template) -> TaskKind {
        let part = |key: &str| match with {
            Template::Literal(value) => value.get(key).cloned().map(Template::Literal),
            _ => with.entry(key).cloned(),
        };
        let mut function = |key: &str| {
            let name = part(key)?.literal()?.as_str()?.to_owned();
            self.known_function(&name, task.place_of(&format!("/with/{key}")));
            Some(name)
        };
        let (work, undo) = (function("do"), function("undo"));
        if work.is_none() && part("do").is_some() {
            let message = "`do` of `for-each` is the name of a function, not an expression";
            self.report
                .error(codes::ARGUMENTS, task.place_of("/with/do"), message);
        }
        TaskKind::Spread(Box::new(Spread {
            items: part("in").unwrap_or(STAND_IN),
            key: part("key"),
            concurrency: part("concurrency"),
            function: work.unwrap_or_default(),
            undo,
        }))
    }

    /// Checks what is written under `with`; what is computed is checked when it is known.
    fn check_arguments(
        &mut self,
        task: &Node,
        spec: &FunctionSpec,
        schema: &Schema,
        with: &Template,
    ) {
        let mut holes = Vec::new();
        let value = with_holes(with, String::new(), &mut holes);
        let complaints: Vec<_> = schema.complaints(&value).collect();
        for complaint in complaints {
            let at_hole = |hole: &String| {
                let inside = complaint.pointer.starts_with(hole.as_str());
                let around = hole.starts_with(complaint.pointer.as_str())
                    && COMPOUND.contains(&complaint.keyword.as_str());
                inside || around
            };
            if holes.iter().any(at_hole) {
                continue;
            }
            let place = match (task.get("with"), complaint.pointer.as_str()) {
                (Some(_), "") => task.place_of("/with"),
                (Some(with), pointer) => with.place_of(pointer),
                (None, _) => task.place_of("/call"),
            };
            let message = format!("`{}` is called wrongly: {}", spec.name, complaint.message);
            let help = complaint.unexpected.as_deref().and_then(|word| {
                let properties = spec.input.get("properties")?.as_object()?;
                let near = nearest(word, properties.keys().map(String::as_str))?;
                Some(format!("did you mean `{near}`?"))
            });
            let place = match (&complaint.unexpected, task.get("with")) {
                (Some(word), Some(with)) => with.place_of(&format!("{}/{word}", complaint.pointer)),
                _ => place,
            };
            self.report
                .error(codes::ARGUMENTS, place, message)
                .help_if_some(help);
        }
    }
}

/// Writes a template as a value with `null` for what is not known yet.
fn with_holes(template: &Template, pointer: String, holes: &mut Vec<String>) -> Value {
    match template {
        Template::Literal(value) => value.clone(),
        Template::Expression(_) => {
            holes.push(pointer);
            Value::Null
        }
        Template::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| with_holes(item, format!("{pointer}/{at}"), holes))
                .collect()
        }
        Template::Object(entries) => {
            let entries = entries.iter().map(|(key, item)| {
                let pointer = format!("{pointer}/{}", crate::definition::node::escape(key));
                (key.clone(), with_holes(item, pointer, holes))
            });
            Value::Object(entries.collect())
        }
    }
}
