//! JSON text into nodes with places.
//!
//! YAML 1.2 reads nearly all JSON, but not escaped surrogate pairs, so JSON has its own reader.
//! It is only called for text that is known to be JSON, and finds the places.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::codes;
use super::node::{Entry, Node, Shape};
use super::report::Report;
use super::span::Span;
use super::yaml::DEPTH_MAX;

/// Tells whether a text is JSON through and through.
pub(super) fn is_json(source: &str) -> bool {
    source.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(source).is_ok()
}

/// Reads JSON. `None` when the report says why it cannot be read.
pub(super) fn read(source: &str, report: &mut Report) -> Option<Node> {
    let mut cursor = Cursor { source, at: 0 };
    cursor.node(report, 0)
}

/// A place in text that is known to be JSON.
struct Cursor<'s> {
    source: &'s str,
    at: usize,
}

impl Cursor<'_> {
    /// Skips white space, and returns the byte that follows.
    fn peek(&mut self) -> u8 {
        let rest = &self.source[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.source.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Skips white space and one byte.
    fn skip(&mut self) {
        self.peek();
        self.at += 1;
    }

    fn node(&mut self, report: &mut Report, depth: usize) -> Option<Node> {
        let next = self.peek();
        let start = self.at;
        if depth > DEPTH_MAX {
            let message = format!("the definition is nested deeper than {DEPTH_MAX} levels");
            report.error(codes::TOO_DEEP, Span::new(start, start + 1), message);
            return None;
        }
        let shape = match next {
            b'{' => self.map(report, depth)?,
            b'[' => self.list(report, depth)?,
            b'"' => Shape::Text(self.text()),
            _ => self.plain(report, start),
        };
        let span = Span::new(start, self.at);
        Some(Node { shape, span })
    }

    fn list(&mut self, report: &mut Report, depth: usize) -> Option<Shape> {
        self.skip();
        let mut items = Vec::new();
        while self.peek() != b']' {
            items.push(self.node(report, depth + 1)?);
            if self.peek() == b',' {
                self.skip();
            }
        }
        self.skip();
        Some(Shape::List(items))
    }

    fn map(&mut self, report: &mut Report, depth: usize) -> Option<Shape> {
        self.skip();
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        while self.peek() == b'"' {
            let start = self.at;
            let key = self.text();
            let key_span = Span::new(start, self.at);
            self.skip();
            let value = self.node(report, depth + 1)?;
            match seen.insert(key.clone(), key_span) {
                Some(first) => {
                    report.duplicate_key(&key, key_span, first);
                }
                None => entries.push(Entry {
                    key,
                    key_span,
                    value,
                }),
            }
            if self.peek() == b',' {
                self.skip();
            }
        }
        self.skip();
        Some(Shape::Map(entries))
    }

    /// Reads text in quotes.
    fn text(&mut self) -> String {
        let start = self.at;
        let mut escaped = false;
        let length = self.source[start + 1..].bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        self.at = length.map_or(self.source.len(), |length| start + length + 2);
        serde_json::from_str(&self.source[start..self.at]).unwrap_or_default()
    }

    /// Reads a number, `true`, `false` or `null`.
    fn plain(&mut self, report: &mut Report, start: usize) -> Shape {
        let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
        let length = self.source[start..].bytes().position(ends);
        self.at = length
            .map_or(self.source.len(), |length| start + length)
            .max(start + 1);
        match &self.source[start..self.at] {
            "null" => Shape::Null,
            "true" => Shape::Bool(true),
            "false" => Shape::Bool(false),
            number => match serde_json::from_str(number) {
                Ok(number) => Shape::Number(number),
                Err(_) => {
                    let message = format!("`{number}` is not a finite number");
                    report.error(codes::NOT_FINITE, Span::new(start, self.at), message);
                    Shape::Null
                }
            },
        }
    }
}
