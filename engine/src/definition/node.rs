//! A document as a tree of nodes with places: what YAML and JSON have in common.

use serde_json::{Number, Value};

use super::span::Span;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    pub(crate) span: Span,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Entry {
    /// Returns the place of key and value together.
    fn span(&self) -> Span {
        Span::new(
            self.key_span.start,
            self.value.span.end.max(self.key_span.end),
        )
    }
}

impl Node {
    /// Returns the value without places.
    pub(crate) fn to_value(&self) -> Value {
        match &self.shape {
            Shape::Null => Value::Null,
            Shape::Bool(bool) => Value::Bool(*bool),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(items) => items.iter().map(Self::to_value).collect(),
            Shape::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()))
                    .collect(),
            ),
        }
    }

    /// Says what it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self.shape {
            Shape::Null => "nothing",
            Shape::Bool(_) => "a truth value",
            Shape::Number(_) => "a number",
            Shape::Text(_) => "text",
            Shape::List(_) => "a list",
            Shape::Map(_) => "an object",
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.shape {
            Shape::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the JSON pointer of the innermost node that covers the place.
    pub(crate) fn pointer_at(&self, place: Span) -> String {
        let (mut node, mut pointer) = (self, String::new());
        loop {
            match &node.shape {
                Shape::List(items) => {
                    let next = items.partition_point(|item| item.span.start <= place.start);
                    let Some(at) = next.checked_sub(1) else { break };
                    if !items[at].span.contains(place) {
                        break;
                    }
                    pointer.push_str(&format!("/{at}"));
                    node = &items[at];
                }
                Shape::Map(entries) => {
                    let next = entries.partition_point(|entry| entry.key_span.start <= place.start);
                    let Some(entry) = next.checked_sub(1).map(|at| &entries[at]) else {
                        break;
                    };
                    if !entry.span().contains(place) {
                        break;
                    }
                    pointer.push('/');
                    pointer.push_str(&escape(&entry.key));
                    node = &entry.value;
                }
                _ => break,
            }
        }
        pointer
    }

    /// Returns the node that a JSON pointer names.
    pub(crate) fn node_at(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |node, part| {
            let part = part.replace("~1", "/").replace("~0", "~");
            match &node.shape {
                Shape::Map(_) => node.get(&part),
                Shape::List(items) => items.get(part.parse::<usize>().ok()?),
                _ => None,
            }
        })
    }

    /// Returns the place that a JSON pointer names: the key where there is one, else the value.
    ///
    /// A pointer that leads nowhere gives the last node on its way.
    pub(crate) fn place_of(&self, pointer: &str) -> Span {
        let (mut node, mut place) = (self, self.span);
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            match &node.shape {
                Shape::Map(_) => {
                    let Some(entry) = node.entry(&part) else {
                        break;
                    };
                    (node, place) = (&entry.value, entry.key_span);
                }
                Shape::List(items) => {
                    let Some(item) = part.parse().ok().and_then(|at: usize| items.get(at)) else {
                        break;
                    };
                    (node, place) = (item, item.span);
                }
                _ => break,
            }
        }
        place
    }
}

/// Writes a key as a part of a JSON pointer.
///
/// Source: RFC 6901, section 3.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
