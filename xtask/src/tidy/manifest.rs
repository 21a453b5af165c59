//! A manifest read twice: as TOML for what it says, as text for the comments that TOML drops.

use toml::{Table, Value};

/// One entry of a table of a manifest.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Its key.
    pub(super) name: &'a str,
    /// Its value.
    pub(super) value: &'a Value,
    /// The line of its key, from 1.
    pub(super) line: usize,
    /// Whether a comment stands behind it, on its first or its last line.
    pub(super) explained: bool,
    /// Whether the line above it is a comment.
    pub(super) headed: bool,
}

/// A manifest.
#[derive(Debug)]
pub(super) struct Manifest<'a> {
    text: &'a str,
    table: Table,
}

impl<'a> Manifest<'a> {
    /// Reads a manifest; `None` when it is no TOML.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let table = text.parse().ok()?;
        Some(Self { text, table })
    }

    /// The value at a path of keys.
    pub(super) fn value(&self, path: &[&str]) -> Option<&Value> {
        let (last, parents) = path.split_last()?;
        let parent = parents
            .iter()
            .try_fold(&self.table, |table, key| table.get(*key)?.as_table())?;
        parent.get(*last)
    }

    /// The entries of a table, given as in its header, for instance `workspace.dependencies`.
    pub(super) fn entries(&self, header: &str) -> Vec<Entry<'_>> {
        let path: Vec<&str> = header.split('.').collect();
        let table = self.value(&path).and_then(Value::as_table);
        let entries = table.into_iter().flatten();
        entries
            .map(|(name, value)| self.entry(header, name, value))
            .collect()
    }

    fn entry<'b>(&'b self, header: &str, name: &'b str, value: &'b Value) -> Entry<'b> {
        let lines: Vec<&str> = self.text.lines().collect();
        let at = position(&lines, header, name).unwrap_or(0);
        let last = last_line(&lines, at);
        Entry {
            name,
            value,
            line: at + 1,
            explained: comment(lines[at]) || comment(lines[last]),
            headed: at > 0 && lines[at - 1].starts_with("# "),
        }
    }
}

/// The line on which an entry begins, from 0: `name = …` or `name.workspace = …` below the
/// header, or a header of its own.
fn position(lines: &[&str], header: &str, name: &str) -> Option<usize> {
    let own_header = format!("[{header}.{name}]");
    let mut inside = false;
    lines.iter().position(|line| {
        if line.starts_with('[') {
            inside = line.starts_with(&format!("[{header}]"));
        }
        let key = line.split(['=', '.']).next().unwrap_or_default();
        inside && key.trim().trim_matches('"') == name || line.starts_with(&own_header)
    })
}

/// The line on which an entry ends, from 0: where its brackets are balanced.
fn last_line(lines: &[&str], first: usize) -> usize {
    let mut open = 0;
    for (at, line) in lines.iter().enumerate().skip(first) {
        open += line.matches(['[', '{']).count();
        open = open.saturating_sub(line.matches([']', '}']).count());
        if open == 0 {
            return at;
        }
    }
    first
}

/// Whether a comment with words in it stands on this line, outside of strings.
fn comment(line: &str) -> bool {
    let mut in_string = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '#' if !in_string => return !line[at + 1..].trim().is_empty(),
            _ => {}
        }
    }
    false
}
