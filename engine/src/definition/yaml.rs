//! YAML 1.2 (and so JSON) text into nodes with places.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::Number;

use super::node::{Entry, Node, Shape};
use super::report::Report;
use super::span::Span;
use super::{codes, json};

/// The largest source that is read. A definition is written by a person or a model; one
/// mebibyte is some thirty thousand lines.
pub(crate) const SOURCE_BYTES_MAX: usize = 1024 * 1024;

/// The deepest nesting that is read; every walk over a tree may recurse this far.
pub(crate) const DEPTH_MAX: usize = 64;

/// Reads a text. `None` when the report says why it cannot be read.
pub(crate) fn read(report: &mut Report) -> Option<Node> {
    let source = report.source().to_owned();
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("the definition is larger than {SOURCE_BYTES_MAX} bytes");
        report.error(codes::TOO_LARGE, Span::new(0, 0), message);
        return None;
    }
    if json::is_json(&source) {
        return json::read(&source, report);
    }
    let mut builder = Builder {
        report,
        bytes: byte_offsets(&source),
        open: Vec::new(),
        root: None,
        source: &source,
        documents: 0,
    };
    for event in Parser::new_from_str(&source) {
        let goes_on = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => builder.syntax(&error),
        };
        if !goes_on {
            return None;
        }
    }
    let root = builder.root;
    if root.is_none() {
        let message = "there is nothing in this definition";
        let help = "a definition has at least the keys `document` and `do`";
        report
            .error(codes::NO_DOCUMENT, Span::new(0, 0), message)
            .help(help);
    }
    root
}

/// Returns the byte offset of each character, or nothing when they are the same.
fn byte_offsets(source: &str) -> Option<Vec<usize>> {
    let offsets = source.char_indices().map(|(at, _)| at);
    (!source.is_ascii()).then(|| offsets.chain([source.len()]).collect())
}

/// Builds the tree from events, without recursion.
struct Builder<'s, 'r> {
    report: &'r mut Report,
    source: &'s str,
    bytes: Option<Vec<usize>>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

/// A list or map that has not ended yet.
enum Open {
    List { start: usize, items: Vec<Node> },
    Map(OpenMap),
}

struct OpenMap {
    start: usize,
    entries: Vec<Entry>,
    key: Option<(String, Span)>,
    seen: BTreeMap<String, Span>,
}

impl Builder<'_, '_> {
    /// Takes one event; `false` when reading makes no sense any more.
    fn event(&mut self, event: Event<'_>, span: saphyr_parser::Span) -> bool {
        let span = Span::new(self.byte(span.start.index()), self.byte(span.end.index()));
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "there is more than one document in this text";
                    self.report.error(codes::NO_DOCUMENT, span, message);
                    return false;
                }
            }
            Event::Alias(_) => {
                let message = "aliases (`*name`) are not read";
                let help = "write the value out; what is shared belongs under `use`";
                self.report
                    .error(codes::YAML_FEATURE, span, message)
                    .help(help);
                self.value(Shape::Null, span);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(anchor, tag.is_some(), span);
                return self.scalar(&text, style, span);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(anchor, tag.is_some(), span);
                let (start, items) = (span.start, Vec::new());
                return self.opened(Open::List { start, items }, span);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(anchor, tag.is_some(), span);
                return self.opened(Open::Map(OpenMap::new(span.start)), span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.closed(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.source.len()),
            None => character.min(self.source.len()),
        }
    }

    fn refuse(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor != 0 {
            let message = "anchors (`&name`) are not read";
            self.report.error(codes::YAML_FEATURE, span, message);
        }
        if tagged {
            let message = "tags (`!name`) are not read";
            let help = "put text into quotes where it could be taken for something else";
            self.report
                .error(codes::YAML_FEATURE, span, message)
                .help(help);
        }
    }

    fn opened(&mut self, open: Open, span: Span) -> bool {
        if let Some(Open::Map(map)) = self.open.last()
            && map.key.is_none()
        {
            let message = "a key must be text";
            let help = "an expression with braces needs quotes: `'${ … }'`";
            self.report.error(codes::NOT_YAML, span, message).help(help);
            return false;
        }
        if self.open.len() >= DEPTH_MAX {
            let message = format!("the definition is nested deeper than {DEPTH_MAX} levels");
            self.report.error(codes::TOO_DEEP, span, message);
            return false;
        }
        self.open.push(open);
        true
    }

    fn closed(&mut self, span: Span) {
        let (shape, start, inner_end) = match self.open.pop() {
            Some(Open::List { start, items }) => {
                let end = items.last().map_or(start, |item| item.span.end);
                (Shape::List(items), start, end)
            }
            Some(Open::Map(map)) => {
                let end = map.entries.last().map_or(map.start, Entry::end);
                (Shape::Map(map.entries), map.start, end)
            }
            None => return,
        };
        // A flow collection ends with its bracket, a block collection with its last value.
        let bracket = span.end > span.start && self.source[..span.end].ends_with([']', '}']);
        let end = if bracket { span.end } else { inner_end };
        self.value(shape, Span::new(start, end.max(start)));
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> bool {
        if let Some(Open::Map(map)) = self.open.last_mut()
            && map.key.is_none()
        {
            map.key = Some((text.to_owned(), span));
            return true;
        }
        let shape = match style {
            ScalarStyle::Plain => plain(text),
            _ => Some(Shape::Text(text.to_owned())),
        };
        if shape.is_none() {
            let message = format!("`{text}` is not a finite number");
            self.report.error(codes::NOT_FINITE, span, message);
        }
        self.value(shape.unwrap_or(Shape::Null), span);
        true
    }

    fn value(&mut self, shape: Shape, span: Span) {
        let node = Node { shape, span };
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map(map)) => {
                let (key, key_span) = map.key.take().unwrap_or_default();
                if let Some(first) = map.seen.get(&key) {
                    self.report.duplicate_key(&key, key_span, *first);
                    return;
                }
                map.seen.insert(key.clone(), key_span);
                map.entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                });
            }
        }
    }

    fn syntax(&mut self, error: &ScanError) -> bool {
        let start = self.byte(error.marker().index());
        let end = self.source[start..]
            .chars()
            .next()
            .map_or(start, |c| start + c.len_utf8());
        let message = format!("this is not YAML: {}", error.info());
        let line = self.report.line_at(start);
        let help = if line.contains("${") {
            Some("put the expression into quotes: `'${ … }'`")
        } else if line.contains('\t') {
            Some("indent with spaces, not with tabs")
        } else {
            None
        };
        self.report
            .error(codes::NOT_YAML, Span::new(start, end), message)
            .help_if_some(help.map(str::to_owned));
        false
    }
}

impl OpenMap {
    fn new(start: usize) -> Self {
        Self {
            start,
            entries: Vec::new(),
            key: None,
            seen: BTreeMap::new(),
        }
    }
}

impl Entry {
    fn end(&self) -> usize {
        self.value.span.end.max(self.key_span.end)
    }
}

/// Tells what unquoted text is; `None` for a number that is not finite.
///
/// Source: YAML 1.2.2, section 10.3 (core schema): `on`, `off`, `yes` and `no` are text.
fn plain(text: &str) -> Option<Shape> {
    let shape = match text {
        "" | "~" | "null" | "Null" | "NULL" => Shape::Null,
        "true" | "True" | "TRUE" => Shape::Bool(true),
        "false" | "False" | "FALSE" => Shape::Bool(false),
        _ => match number(text) {
            Some(number) => Shape::Number(number?),
            None => Shape::Text(text.to_owned()),
        },
    };
    Some(shape)
}

/// `None` for no number, `Some(None)` for one that is not finite.
fn number(text: &str) -> Option<Option<Number>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(None);
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        i64::from_str_radix(digits, radix)
            .ok()
            .filter(|_| !digits.starts_with(['-', '+']))
    };
    if let Some(int) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(Some(int.into()));
    }
    let starts_well = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !starts_well || !unsigned.chars().all(allowed) || unsigned == "." {
        return None;
    }
    if let Ok(int) = text.parse::<i64>() {
        return Some(Some(int.into()));
    }
    if let Ok(int) = text.parse::<u64>() {
        return Some(Some(int.into()));
    }
    text.parse().ok().map(Number::from_f64)
}

#[cfg(test)]
mod tests;
