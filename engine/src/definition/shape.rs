//! What values look like, as far as a definition says: to warn of keys that are not there.
//!
//! It only ever warns, and only when it is sure or nearly so. What it does not understand is
//! [`Shape::Unknown`], about which nothing is said.

mod inference;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use walk::check;

/// The deepest shape that is followed; what lies deeper is unknown.
const DEPTH_MAX: usize = 8;

/// What a value looks like.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Anything.
    Unknown,
    /// `null`, or nothing at all yet.
    Null,
    Bool,
    Number,
    Text,
    /// One of these texts.
    Words(BTreeSet<String>),
    List(Box<Self>),
    Object {
        keys: BTreeMap<String, Self>,
        /// Whether there are no other keys.
        closed: bool,
    },
}

impl Shape {
    fn object<const N: usize>(keys: [(&str, Self); N]) -> Self {
        Self::Object {
            keys: keys.map(|(key, shape)| (key.to_owned(), shape)).into(),
            closed: true,
        }
    }

    fn list_of(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// Returns the shape of the values that satisfy a schema.
    fn of_schema(schema: &Value) -> Self {
        Self::of_schema_at(schema, 0)
    }

    fn of_schema_at(schema: &Value, depth: usize) -> Self {
        let compound = ["$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties"];
        if depth > DEPTH_MAX || compound.iter().any(|key| schema.get(key).is_some()) {
            return Self::Unknown;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let words: Option<BTreeSet<String>> = words
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect();
            return words.map_or(Self::Unknown, Self::Words);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => Self::Bool,
            Some("number" | "integer") => Self::Number,
            Some("string") => Self::Text,
            Some("array") => {
                let items = schema.get("items");
                Self::list_of(
                    items.map_or(Self::Unknown, |items| Self::of_schema_at(items, depth + 1)),
                )
            }
            Some("object") => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let keys = properties.into_iter().flatten();
                Self::Object {
                    keys: keys
                        .map(|(key, schema)| (key.clone(), Self::of_schema_at(schema, depth + 1)))
                        .collect(),
                    closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
                }
            }
            _ => Self::Unknown,
        }
    }

    /// Returns the shape of one value.
    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(text) => Self::Words(BTreeSet::from([text.clone()])),
            Value::Array(items) => {
                let items = items.iter().map(Self::of_value);
                Self::list_of(items.fold(Self::Null, Self::or))
            }
            Value::Object(entries) => Self::Object {
                keys: entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::of_value(value)))
                    .collect(),
                closed: true,
            },
        }
    }

    /// Returns the shape of a value that has either shape.
    fn or(self, other: Self) -> Self {
        self.or_at(other, 0)
    }

    fn or_at(self, other: Self, depth: usize) -> Self {
        if depth > DEPTH_MAX {
            return Self::Unknown;
        }
        match (self, other) {
            (shape, Self::Null) | (Self::Null, shape) => shape,
            (Self::Words(mut words), Self::Words(more)) => {
                words.extend(more);
                Self::Words(words)
            }
            (Self::Words(_), Self::Text) | (Self::Text, Self::Words(_)) => Self::Text,
            (Self::List(item), Self::List(other)) => Self::list_of(item.or_at(*other, depth + 1)),
            (
                Self::Object { mut keys, closed },
                Self::Object {
                    keys: more,
                    closed: other_closed,
                },
            ) => {
                for (key, shape) in more {
                    let old = keys.remove(&key).unwrap_or(Self::Null);
                    keys.insert(key, old.or_at(shape, depth + 1));
                }
                Self::Object {
                    keys,
                    closed: closed && other_closed,
                }
            }
            (shape, other) if shape == other => shape,
            _ => Self::Unknown,
        }
    }

    /// Cuts off what lies too deep, so that shapes of loops cannot grow for ever.
    fn cut(self, depth: usize) -> Self {
        match self {
            _ if depth > DEPTH_MAX => Self::Unknown,
            Self::List(item) => Self::list_of(item.cut(depth + 1)),
            Self::Object { keys, closed } => Self::Object {
                keys: keys
                    .into_iter()
                    .map(|(key, shape)| (key, shape.cut(depth + 1)))
                    .collect(),
                closed,
            },
            shape => shape,
        }
    }

    /// Returns the shape of the items, if it is a list.
    fn item(&self) -> Self {
        match self {
            Self::List(item) => item.as_ref().clone(),
            _ => Self::Unknown,
        }
    }

    /// Says what it is, when only one answer is possible.
    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Unknown | Self::Null => None,
            Self::Bool => Some("a truth value"),
            Self::Number => Some("a number"),
            Self::Text | Self::Words(_) => Some("text"),
            Self::List(_) => Some("a list"),
            Self::Object { .. } => Some("an object"),
        }
    }
}
