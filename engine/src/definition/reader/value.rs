//! Expressions, templates, durations and schemas.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::alignment::place_in_text;
use crate::definition::codes;
use crate::definition::duration::{UNITS, duration_millis};
use crate::definition::node::{Node, Shape};
use crate::definition::schema::Schema;
use crate::definition::span::Span;
use crate::definition::suggestion::nearest;
use crate::expression::{Expression, InvalidExpression, Mistake, Template};

use super::Reader;
use super::scope::{Place, STANDARD, Scope};

/// The value that stands in for one that could not be read.
pub(super) const STAND_IN: Template = Template::Literal(Value::Null);

/// Splits `${ … }` into its inner text and where that starts; `None` for plain text.
pub(in crate::definition) fn inner(text: &str) -> Option<Result<(&str, usize), ()>> {
    let lead = text.len() - text.trim_start().len();
    let rest = text.trim().strip_prefix("${")?;
    let inner = rest.strip_suffix('}').ok_or(());
    Some(inner.map(|inner| (inner, lead + 2)))
}

impl Reader<'_> {
    /// Reads a field that is always an expression, with or without `${ }`.
    pub(super) fn expression(
        &mut self,
        node: &Node,
        place: Place,
        scope: &Scope,
    ) -> Option<Expression> {
        let text = match &node.shape {
            Shape::Bool(bool) => return Expression::compile(&bool.to_string(), &[]).ok(),
            _ => self.text(node)?,
        };
        match inner(text) {
            Some(Ok((inner, start))) => self.compile(node, inner, start, place, scope),
            Some(Err(())) => self.unclosed(node),
            None => self.compile(node, text, 0, place, scope),
        }
    }

    fn unclosed<T>(&mut self, node: &Node) -> Option<T> {
        let message = "the expression does not end with `}`";
        let help = "`${ … }` stands alone in its value; to build text around it, write \
                    `${ \"… \\(.name) …\" }`";
        self.report
            .error(codes::NOT_EXPRESSION, node.span, message)
            .help(help);
        None
    }

    fn compile(
        &mut self,
        node: &Node,
        source: &str,
        start: usize,
        place: Place,
        scope: &Scope,
    ) -> Option<Expression> {
        let variables = scope.variables(place);
        let names = variables.iter().map(|name| (*name).to_owned()).collect();
        let key = (source.to_owned(), names);
        if let Some(expression) = self.compiled.get(&key) {
            return Some(expression.clone());
        }
        match Expression::compile(source, &variables) {
            Ok(expression) => {
                self.compiled.insert(key, expression.clone());
                Some(expression)
            }
            Err(error) => {
                let text = self.report.source();
                let range = start + error.start..start + error.end;
                let span = place_in_text(text, node.span, node.as_text().unwrap_or(""), range);
                self.report_expression(&error, span, &variables);
                None
            }
        }
    }

    fn report_expression(&mut self, error: &InvalidExpression, span: Span, variables: &[&str]) {
        let (code, help) = match &error.mistake {
            Mistake::Syntax => (codes::EXPRESSION_SYNTAX, None),
            Mistake::Filter(_) => (codes::UNDEFINED_FILTER, None),
            Mistake::Variable(name) => {
                let help = match nearest(name, variables.iter().copied()) {
                    Some(known) => format!("did you mean `${known}`?"),
                    None if STANDARD.contains(&name.as_str()) => {
                        format!("`${name}` does not exist at this place")
                    }
                    None => {
                        let known: Vec<String> =
                            variables.iter().map(|known| format!("${known}")).collect();
                        format!("defined here: {}", known.join(", "))
                    }
                };
                (codes::UNDEFINED_VARIABLE, Some(help))
            }
        };
        self.report
            .error(code, span, error.message.clone())
            .help_if_some(help.or_else(|| error.help.clone()));
    }

    /// Reads a value whose leaves are evaluated when they are `${ … }`.
    pub(super) fn template(&mut self, node: &Node, place: Place, scope: &Scope) -> Template {
        match &node.shape {
            Shape::Text(text) => match inner(text) {
                Some(Ok((inner, start))) => self
                    .compile(node, inner, start, place, scope)
                    .map_or(STAND_IN, Template::Expression),
                Some(Err(())) => self.unclosed(node).unwrap_or(STAND_IN),
                None => {
                    self.warn_of_plain_text(node, text, place, scope);
                    Template::Literal(Value::String(text.clone()))
                }
            },
            Shape::List(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| self.template(item, place, scope))
                    .collect();
                fold_array(items)
            }
            Shape::Map(entries) => {
                let entries: BTreeMap<_, _> = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), self.template(&entry.value, place, scope)))
                    .collect();
                fold_object(entries)
            }
            Shape::Null | Shape::Bool(_) | Shape::Number(_) => Template::Literal(node.to_value()),
        }
    }

    /// Reads `from` or `as`: a bare expression, or a value with expressions in its leaves.
    pub(super) fn transformation(&mut self, node: &Node, place: Place, scope: &Scope) -> Template {
        match node.shape {
            Shape::Text(_) => self
                .expression(node, place, scope)
                .map_or(STAND_IN, Template::Expression),
            _ => self.template(node, place, scope),
        }
    }

    /// Warns of text that was probably meant to be evaluated.
    fn warn_of_plain_text(&mut self, node: &Node, text: &str, place: Place, scope: &Scope) {
        let text = text.trim();
        let after = |prefix| text.strip_prefix(prefix).unwrap_or("");
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_path = after('.').starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| word(c) || ".[]\"'?".contains(c));
        let name: String = after('$').chars().take_while(|c| word(*c)).collect();
        let variables = scope.variables(place);
        let is_variable = variables.contains(&name.as_str());
        let looks = (is_path || is_variable) && Expression::compile(text, &variables).is_ok();
        if looks {
            let message = "this looks like an expression, but is taken as plain text";
            self.report
                .warning(codes::LOOKS_LIKE_EXPRESSION, node.span, message)
                .help(format!("to evaluate it, write `${{ {text} }}`"));
        } else if text.contains("${") {
            let message = "`${` inside of text is not evaluated";
            self.report
                .warning(codes::LOOKS_LIKE_EXPRESSION, node.span, message)
                .help("an expression stands alone in its value: `${ \"Dear \\(.name)\" }`");
        }
    }

    /// Reads a duration: literal, or an expression.
    pub(super) fn duration(&mut self, node: &Node, place: Place, scope: &Scope) -> Template {
        let before = self.report.error_count();
        if let Shape::Map(_) = node.shape {
            self.keys(node, &UNITS.map(|(unit, _)| unit));
        }
        let template = self.template(node, place, scope);
        if self.report.error_count() == before
            && let Some(value) = template.literal()
            && let Err(error) = duration_millis(value)
        {
            self.report
                .error(codes::DURATION, node.span, error.to_string());
        }
        template
    }

    /// Reads `schema: { document: … }`.
    pub(super) fn schema(&mut self, node: &Node) -> Option<Schema> {
        if !self.keys(node, &["format", "document", "resource"]) {
            return None;
        }
        if let Some(format) = node
            .get("format")
            .and_then(|node| Some((self.text(node)?, node)))
        {
            let (name, place) = (format.0, format.1.span);
            if name.split(':').next() != Some("json") {
                self.not_executed(
                    place,
                    &format!("the schema format `{name}`"),
                    "write JSON Schema",
                );
                return None;
            }
        }
        if let Some(entry) = node.entry("resource") {
            let why = "write the schema into the definition, under `document`";
            self.not_executed(entry.key_span, "an external schema", why);
            return None;
        }
        let document = self.required(node, "document", node.span)?;
        self.json_schema(document)
    }

    /// Reads a JSON Schema.
    pub(super) fn json_schema(&mut self, node: &Node) -> Option<Schema> {
        match Schema::compile(&node.to_value()) {
            Ok(schema) => Some(schema),
            Err(error) => {
                let span = node.place_of(&error.pointer);
                self.report
                    .error(codes::SCHEMA, span, format!("not a usable schema: {error}"));
                None
            }
        }
    }
}

/// An array without expressions inside is a literal.
pub(super) fn fold_array(items: Vec<Template>) -> Template {
    let literals: Option<Vec<Value>> = items.iter().map(|item| item.literal().cloned()).collect();
    literals.map_or(Template::Array(items), |values| {
        Template::Literal(Value::Array(values))
    })
}

/// An object without expressions inside is a literal.
pub(super) fn fold_object(entries: BTreeMap<String, Template>) -> Template {
    let literals: Option<serde_json::Map<String, Value>> = entries
        .iter()
        .map(|(key, item)| Some((key.clone(), item.literal()?.clone())))
        .collect();
    literals.map_or(Template::Object(entries), |map| {
        Template::Literal(Value::Object(map))
    })
}
