//! The values that jaq works on: JSON, with the size and depth of every value known.
//!
//! Values share their parts, so a few steps could make a value whose written form fills the
//! memory. Each list and map therefore knows how large and how deep it is when written out, and
//! none is made beyond the bounds.

mod access;
mod content;
mod number;
mod order;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Number, Value};

use super::meter::{self, Stop};
use super::usage::Usage;

/// The largest value in bytes as counted here: 16 for each node and the bytes of its text.
pub(super) const SIZE_MAX: usize = 32 * 1024 * 1024;

/// The deepest nesting. `serde_json` reads 128 levels, and what an expression makes is stored and
/// read again inside of other values.
pub(super) const DEPTH_MAX: u32 = 100;

/// What one node counts beside its text.
const NODE_SIZE: usize = 16;

/// A JSON value, cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) enum Datum {
    #[default]
    Null,
    Bool(bool),
    /// Any integer of JSON that fits into 64 bits, and what sums and products make of them.
    Int(i128),
    Float(f64),
    Text(Arc<str>),
    List(Arc<List>),
    Map(Arc<Map>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct List {
    items: Vec<Datum>,
    extent: Extent,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    entries: BTreeMap<Arc<str>, Datum>,
    extent: Extent,
}

/// How large and deep a value is.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    size: usize,
    depth: u32,
}

impl Extent {
    /// Takes a part in; leaves the evaluation when the whole becomes too large.
    fn include(&mut self, part: Self) {
        self.size = self.size.saturating_add(part.size);
        self.depth = self.depth.max(part.depth + 1);
        if self.size > SIZE_MAX {
            meter::leave(Stop::TooLarge("larger than 32 MiB"));
        }
        if self.depth > DEPTH_MAX {
            meter::leave(Stop::TooLarge("nested deeper than 100 levels"));
        }
    }

    fn exclude(&mut self, part: Self) {
        self.size = self.size.saturating_sub(part.size);
    }
}

impl List {
    fn new(items: Vec<Datum>) -> Self {
        let mut extent = Extent::default();
        items.iter().for_each(|item| extent.include(item.extent()));
        Self { items, extent }
    }

    fn push(&mut self, item: Datum) {
        self.extent.include(item.extent());
        self.items.push(item);
    }

    /// Replaces an item and keeps count.
    fn set(&mut self, at: usize, item: Datum) {
        self.extent.include(item.extent());
        let old = std::mem::replace(&mut self.items[at], item);
        self.extent.exclude(old.extent());
    }
}

impl Map {
    fn insert(&mut self, key: Arc<str>, value: Datum) {
        let mut extent = value.extent();
        extent.size += key.len();
        self.extent.include(extent);
        let length = key.len();
        if let Some(old) = self.entries.insert(key, value) {
            let mut extent = old.extent();
            extent.size += length;
            self.extent.exclude(extent);
        }
    }

    /// Inserts a new key without the bound on the size: what comes in may be large.
    fn take_in(&mut self, key: &str, value: Datum) {
        let part = value.extent();
        self.extent.size += part.size + key.len();
        self.extent.depth = self.extent.depth.max(part.depth + 1);
        self.entries.insert(Arc::from(key), value);
    }

    fn remove(&mut self, key: &str) {
        if let Some(old) = self.entries.remove(key) {
            let mut extent = old.extent();
            extent.size += key.len();
            self.extent.exclude(extent);
        }
    }
}

impl FromIterator<(Arc<str>, Datum)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Datum)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl Datum {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        meter::charge_text(text.len());
        if text.len() > SIZE_MAX {
            meter::leave(Stop::TooLarge("larger than 32 MiB"));
        }
        Self::Text(Arc::from(text))
    }

    fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(List::new(items)))
    }

    fn extent(&self) -> Extent {
        let leaf = |size| Extent { size, depth: 0 };
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => leaf(NODE_SIZE),
            Self::Text(text) => leaf(NODE_SIZE + text.len()),
            Self::List(list) => list.extent.with_node(),
            Self::Map(map) => map.extent.with_node(),
        }
    }

    /// Returns the size in bytes as counted here.
    pub(super) fn size(&self) -> usize {
        self.extent().size
    }

    /// Takes in those parts of a value that an expression looks at, and counts their nodes.
    ///
    /// `Err` when it is nested too deeply.
    pub(super) fn of_used(value: &Value, usage: &Usage, nodes: &mut u64) -> Result<Self, Stop> {
        let (Usage::Keys(keys), Value::Object(entries)) = (usage, value) else {
            return Self::from_value(value, nodes);
        };
        *nodes += 1;
        let mut map = Map::default();
        for (key, usage) in keys {
            if let Some(value) = entries.get(key) {
                let part = Self::of_used(value, usage, nodes)?;
                map.take_in(key, part);
            }
        }
        Ok(Self::Map(Arc::new(map)))
    }

    /// Takes a value in, and counts its nodes. `Err` when it is nested too deeply.
    pub(super) fn from_value(value: &Value, nodes: &mut u64) -> Result<Self, Stop> {
        Self::from_nested(value, nodes, 0)
    }

    fn from_nested(value: &Value, nodes: &mut u64, depth: u32) -> Result<Self, Stop> {
        *nodes += 1;
        if depth > DEPTH_MAX {
            return Err(Stop::TooLarge("nested deeper than 100 levels"));
        }
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::from_number(number),
            Value::String(text) => {
                *nodes += (text.len() / NODE_SIZE) as u64;
                Self::Text(Arc::from(text.as_str()))
            }
            Value::Array(items) => {
                let items = items.iter();
                let items = items.map(|item| Self::from_nested(item, nodes, depth + 1));
                Self::from_parts(items.collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let mut map = Map::default();
                for (key, item) in entries {
                    map.take_in(key, Self::from_nested(item, nodes, depth + 1)?);
                }
                Self::Map(Arc::new(map))
            }
        })
    }

    /// Makes a list without the bound on its size: what comes in may be large.
    fn from_parts(items: Vec<Self>) -> Self {
        let mut extent = Extent::default();
        for item in &items {
            extent.size += item.size();
            extent.depth = extent.depth.max(item.extent().depth + 1);
        }
        Self::List(Arc::new(List { items, extent }))
    }

    /// Gives the value out. `Err` says why it is not JSON.
    pub(super) fn to_value(&self) -> Result<Value, &'static str> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(_) | Self::Float(_) => Value::Number(self.to_number()?),
            Self::Text(text) => Value::String(text.as_ref().to_owned()),
            Self::List(list) => list
                .items
                .iter()
                .map(Self::to_value)
                .collect::<Result<_, _>>()?,
            Self::Map(map) => {
                let entries = map.entries.iter();
                let entries =
                    entries.map(|(key, item)| Ok((key.as_ref().to_owned(), item.to_value()?)));
                Value::Object(entries.collect::<Result<_, &'static str>>()?)
            }
        })
    }

    fn to_number(&self) -> Result<Number, &'static str> {
        let float = match self {
            Self::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
                (Ok(int), _) => return Ok(int.into()),
                (_, Ok(int)) => return Ok(int.into()),
                _ => *int as f64,
            },
            Self::Float(float) => *float,
            _ => return Err("not a number"),
        };
        number::to_json(float).ok_or("a number that is not finite")
    }
}

impl Extent {
    fn with_node(self) -> Self {
        Self {
            size: self.size.saturating_add(NODE_SIZE),
            depth: self.depth,
        }
    }
}

pub(super) use number::{normalise, normalised};
