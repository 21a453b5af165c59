//! Places in a source text, and what they are called for people.

/// A range of bytes in a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// Makes the range from `start` up to `end`.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Tells whether the other range lies inside this one.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A source text with its lines.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    source: String,
    /// The first byte of each line.
    lines: Vec<usize>,
}

impl Text {
    pub(crate) fn new(source: &str) -> Self {
        let newlines = source
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        Self {
            source: source.to_owned(),
            lines,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns line and column (in characters) of a byte, both from 1.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let byte = self.source.floor_char_boundary(byte.min(self.source.len()));
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines[line - 1];
        (line, self.source[start..byte].chars().count() + 1)
    }

    /// Returns a line (from 1) without its end.
    pub(crate) fn line(&self, line: usize) -> &str {
        let start = self.lines[line - 1];
        let end = self.lines.get(line).copied().unwrap_or(self.source.len());
        self.source[start..end].trim_end_matches(['\n', '\r'])
    }
}
