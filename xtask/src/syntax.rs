//! Enough of Rust's grammar to measure a file: where comments and literals are, where functions
//! begin and end, which lines are tests, which modules are declared.
//!
//! Not a parser. Text that `rustfmt` accepts is read right; macros that spell items in a
//! grammar of their own may be miscounted.

mod functions;
mod mask;

#[cfg(test)]
mod tests;

pub(crate) use functions::Function;

/// A source file with what is not code blanked out, line by line as it was.
#[derive(Debug)]
pub(crate) struct Source {
    /// Neither comments nor the inside of literals; ASCII only.
    pub(crate) code: String,
    /// No comments, literals kept.
    pub(crate) uncommented: String,
}

impl Source {
    /// Reads a source text.
    pub(crate) fn read(text: &str) -> Self {
        mask::mask(text)
    }

    /// The functions that have a body, in their order.
    pub(crate) fn functions(&self) -> Vec<Function> {
        functions::functions(&self.code)
    }

    /// For each line, whether it belongs to an item that only tests compile.
    pub(crate) fn test_lines(&self) -> Vec<bool> {
        let mut marks = vec![false; self.code.lines().count()];
        for start in positions(&self.code, "#[") {
            let Some(close) = closing(&self.code, start + 1) else {
                continue;
            };
            if !is_test_attribute(&self.code[start + 2..close]) {
                continue;
            }
            let end = item_end(&self.code, close + 1).end();
            let last = line_of(&self.code, end);
            for mark in &mut marks[line_of(&self.code, start) - 1..last] {
                *mark = true;
            }
        }
        marks
    }

    /// The names that `mod name;` declares, in their order.
    pub(crate) fn modules(&self) -> Vec<&str> {
        words(&self.code, "mod")
            .filter_map(|after| {
                let rest = self.code[after..].trim_start();
                let end = rest.find(|c: char| !is_word(c))?;
                rest[end..]
                    .trim_start()
                    .starts_with(';')
                    .then(|| &rest[..end])
            })
            .collect()
    }

    /// The line, from 1, of a position in the code.
    pub(crate) fn line_at(&self, at: usize) -> usize {
        line_of(&self.code, at)
    }

    /// The lines, from 1, on which a piece of code stands.
    pub(crate) fn lines_with(&self, piece: &str) -> Vec<usize> {
        positions(&self.code, piece)
            .map(|at| line_of(&self.code, at))
            .collect()
    }

    /// The lines, from 1, on which a path begins with a crate's name, as in `redb::Database`,
    /// `::redb::Database` and `use redb as store`. In a file with a module of that name only
    /// the absolute form means the crate.
    pub(crate) fn lines_naming(&self, krate: &str) -> Vec<usize> {
        let hidden = self.modules().contains(&krate);
        words(&self.code, krate)
            .filter(|&after| {
                let (before, rest) = (&self.code[..after - krate.len()], &self.code[after..]);
                match before.strip_suffix("::") {
                    Some(outer) => rest.starts_with("::") && !outer.ends_with(is_word),
                    None => {
                        !hidden && (rest.starts_with("::") || before.trim_end().ends_with("use"))
                    }
                }
            })
            .map(|after| line_of(&self.code, after))
            .collect()
    }
}

/// Where an item ends.
enum ItemEnd {
    /// At a `;`: it has no body.
    Semicolon(usize),
    /// At the brace that closes its body.
    Brace(usize),
}

impl ItemEnd {
    fn end(&self) -> usize {
        let (Self::Semicolon(at) | Self::Brace(at)) = self;
        *at
    }
}

/// Finds the end of the item that begins at or after a position, over further attributes.
fn item_end(code: &str, from: usize) -> ItemEnd {
    let bytes = code.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' => at = closing(code, at).unwrap_or(bytes.len()),
            b';' => return ItemEnd::Semicolon(at),
            b'{' => return ItemEnd::Brace(closing(code, at).unwrap_or(code.len())),
            _ => {}
        }
        at += 1;
    }
    ItemEnd::Semicolon(code.len())
}

/// The bracket that closes the one at a position, whatever its kind.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn is_test_attribute(attribute: &str) -> bool {
    let attribute: String = attribute.split_whitespace().collect();
    let path = attribute.split('(').next().unwrap_or_default();
    path == "test"
        || path.ends_with("::test")
        || attribute.starts_with("cfg(test")
        || attribute.starts_with("cfg(all(test")
}

/// Positions behind each occurrence of a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    positions(code, word).filter_map(move |at| {
        let after = at + word.len();
        let bounded = !code[..at].ends_with(is_word) && !code[after..].starts_with(is_word);
        bounded.then_some(after)
    })
}

fn positions<'a>(code: &'a str, piece: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(piece).map(|(at, _)| at)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    let end = at.min(code.len());
    1 + code.as_bytes()[..end]
        .iter()
        .filter(|&&b| b == b'\n')
        .count()
}
