//! Finds functions and their lengths.

use super::{ItemEnd, item_end, line_of, words};

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// The number of lines from there to its closing brace, both counted.
    pub(crate) length: usize,
}

/// The functions of a masked text. A function pointer type and a declaration without a body
/// are none.
pub(super) fn functions(code: &str) -> Vec<Function> {
    words(code, "fn")
        .filter_map(|after| {
            let name = name_at(code, after)?;
            let ItemEnd::Brace(close) = item_end(code, after) else {
                return None;
            };
            let line = line_of(code, after);
            Some(Function {
                name,
                line,
                length: line_of(code, close) - line + 1,
            })
        })
        .collect()
}

fn name_at(code: &str, after: usize) -> Option<String> {
    let rest = code[after..].trim_start();
    let end = rest
        .find(|c: char| !super::is_word(c))
        .unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_owned())
}
