//! What is wrong with an expression that does not compile, in words and with its place.

use jaq_core::compile::Undefined;
use jaq_core::load::{self, Error};

use super::{InvalidExpression, Mistake, prelude};

/// Operators of other languages, and what jq has instead.
const FOREIGN: &[(&str, &str)] = &[
    ("&&", "jq has `and`"),
    ("||", "jq has `or`"),
    ("===", "jq has `==`"),
    ("!==", "jq has `!=`"),
    ("'", "text stands in double quotes in jq"),
    ("`", "text stands in double quotes in jq"),
    ("!", "jq has `| not`"),
    ("${", "inside of an expression there is no `${ }`"),
    ("{{", "expressions are written `${ … }`, not `{{ … }}`"),
];

/// The place of a part of the source; the end of the source for what is not inside of it.
fn place(source: &str, part: &str) -> (usize, usize) {
    let start = (part.as_ptr().addr()).wrapping_sub(source.as_ptr().addr());
    let inside = start <= source.len() && start + part.len() <= source.len();
    if inside {
        (start, start + part.len())
    } else {
        (source.len(), source.len())
    }
}

/// Says what is wrong with text that is not jq.
pub(super) fn of_syntax(source: &str, errors: &load::Errors<&str, ()>) -> InvalidExpression {
    let mut found = errors.iter().flat_map(|(_, error)| match error {
        Error::Lex(errors) => errors
            .iter()
            .map(|(expected, rest)| (expected.as_str(), first_char(rest), true))
            .collect::<Vec<_>>(),
        Error::Parse(errors) => {
            let part = |found: &str| place(source, found);
            errors
                .iter()
                .map(|(expected, found)| {
                    (
                        expected.as_str(),
                        &source[part(found).0..part(found).1],
                        false,
                    )
                })
                .collect()
        }
        Error::Io(_) => Vec::new(),
    });
    let (expected, part, lexical) = found.next().unwrap_or(("jq", source, false));
    let (start, end) = place(source, part);
    let what = match (part.trim(), lexical) {
        ("", _) if start >= source.len() => "the end".to_owned(),
        (part, _) => format!("`{part}`"),
    };
    let message = match lexical && expected == "token" {
        true => format!("{what} is not jq"),
        false => format!("expected {}{expected}, found {what}", article(expected)),
    };
    let rest = &source[start..];
    let foreign = FOREIGN.iter().find(|(operator, _)| {
        rest.starts_with(operator) || source[..start].trim_end().ends_with(operator)
    });
    InvalidExpression {
        mistake: Mistake::Syntax,
        message,
        help: foreign.map(|(_, help)| (*help).to_owned()),
        start,
        end,
    }
}

fn first_char(text: &str) -> &str {
    let end = text.chars().next().map_or(0, char::len_utf8);
    &text[..end]
}

fn article(expected: &str) -> &'static str {
    match expected.as_bytes().first() {
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => "an ",
        _ => "a ",
    }
}

/// Says which names do not exist.
pub(super) fn of_names(
    source: &str,
    errors: &jaq_core::compile::Errors<&str, ()>,
) -> InvalidExpression {
    let mut undefined = errors.iter().flat_map(|(_, errors)| errors);
    let Some((name, kind)) = undefined.next() else {
        return of_syntax(source, &Vec::new());
    };
    let (start, end) = place(source, name);
    let (mistake, help) = match kind {
        Undefined::Filter(arguments) => {
            let help = prelude::help_for_undefined(name, *arguments);
            (Mistake::Filter((*name).to_owned()), help)
        }
        Undefined::Var => {
            let name = name.trim_start_matches('$').to_owned();
            (Mistake::Variable(name), None)
        }
        _ => (Mistake::Syntax, None),
    };
    InvalidExpression {
        mistake,
        message: format!("undefined {} `{name}`", kind.as_str()),
        help,
        start,
        end,
    }
}
