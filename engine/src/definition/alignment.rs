//! From a place inside a YAML scalar's value to its place in the source.

use std::ops::Range;

use super::span::Span;

/// Returns the place in `source` of a byte range of `value`, which is what the scalar at `scalar`
/// stands for.
///
/// It walks source and value side by side: equal characters advance both, and what only the
/// source has (quotes, escapes, indentation, the header of a block) advances the source alone.
pub(crate) fn place_in_text(source: &str, scalar: Span, value: &str, range: Range<usize>) -> Span {
    let written = source.get(scalar.start..scalar.end).unwrap_or("");
    let offsets = offsets(written, value);
    let at = |byte: usize| {
        let found = offsets.partition_point(|(value_byte, _)| *value_byte <= byte);
        found.checked_sub(1).map(|i| offsets[i])
    };
    let Some((_, first)) = at(range.start) else {
        return scalar;
    };
    let start = scalar.start + first;
    let end = match range.end.checked_sub(1).and_then(at) {
        Some((value_byte, last)) if range.end > range.start => {
            let rest = value.get(value_byte..).and_then(|rest| rest.chars().next());
            scalar.start
                + last
                + rest.map_or(1, |c| {
                    if last_is(written, last, c) {
                        c.len_utf8()
                    } else {
                        1
                    }
                })
        }
        _ => start,
    };
    Span::new(start, end.clamp(start, scalar.end.max(start)))
}

fn last_is(written: &str, at: usize, c: char) -> bool {
    written.get(at..).is_some_and(|rest| rest.starts_with(c))
}

/// Pairs the byte of each character of the value with a byte of the written form.
fn offsets(written: &str, value: &str) -> Vec<(usize, usize)> {
    let mut at = match written.chars().next() {
        Some('\'' | '"') => 1,
        Some('|' | '>') => written.find('\n').map_or(written.len(), |end| end + 1),
        _ => 0,
    };
    let double = written.starts_with('"');
    let single = written.starts_with('\'');
    let mut pairs = Vec::new();
    for (byte, c) in value.char_indices() {
        let rest = &written[at..];
        if double && rest.starts_with('\\') && !rest.starts_with("\\\n") {
            pairs.push((byte, at));
            at += escape_len(rest);
            continue;
        }
        let Some(next) = next_match(rest, c) else {
            break;
        };
        pairs.push((byte, at + next));
        at += next + rest[next..].chars().next().map_or(0, char::len_utf8);
        if single && c == '\'' && written[at..].starts_with('\'') {
            at += 1;
        }
    }
    let past = pairs.last().map_or(at, |_| at);
    pairs.push((value.len(), past.min(written.len())));
    pairs
}

/// Finds where the written form shows a character of the value.
fn next_match(rest: &str, c: char) -> Option<usize> {
    if rest.starts_with(c) {
        return Some(0);
    }
    if c == ' ' || c == '\n' {
        // A folded line: the break stands for the white space.
        return rest
            .find(['\n', '\r'])
            .filter(|at| rest[..*at].trim().is_empty());
    }
    let indented = rest.trim_start();
    let skipped = rest.len() - indented.len();
    if indented.starts_with(c) {
        return Some(skipped);
    }
    // A line that was continued with a backslash in a double-quoted scalar.
    let continued = indented.strip_prefix("\\\n").map(str::trim_start)?;
    continued
        .starts_with(c)
        .then(|| rest.len() - continued.len())
}

/// Returns the length of an escape sequence of a double-quoted scalar.
///
/// Source: YAML 1.2.2, section 5.7.
fn escape_len(rest: &str) -> usize {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        _ => 0,
    };
    let letter = rest.chars().nth(1).map_or(0, char::len_utf8);
    (1 + letter + digits).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, value: &str, part: &str) {
        let source = format!("key: {written}\n");
        let scalar = Span::new(5, 5 + written.len());
        let start = value.find(part).expect("the part is in the value");
        let span = place_in_text(&source, scalar, value, start..start + part.len());
        let found = source[span.start..span.end].replace("\n  ", " ");
        assert_eq!(found, part, "{written}");
    }

    #[test]
    fn places_survive_every_style_of_scalar() {
        check("${ .a | nope }", "${ .a | nope }", "nope");
        check("'${ \"it''s\" | nope }'", "${ \"it's\" | nope }", "nope");
        check(
            "\"${ \\\"\\u00e9\\\" | nope }\"",
            "${ \"é\" | nope }",
            "nope",
        );
        check("|\n  ${ .a |\n    nope }\n", "${ .a |\n  nope }\n", "nope");
        check(">-\n  ${ .a |\n  nope }\n", "${ .a | nope }", "nope");
        check("${ .a |\n  nope }", "${ .a | nope }", "nope");
        check("'é ü'", "é ü", "ü");
    }

    #[test]
    fn a_place_behind_the_end_stays_inside() {
        let span = place_in_text("k: abc", Span::new(3, 6), "abc", 3..3);
        assert_eq!(span, Span::new(6, 6));
        let span = place_in_text("k: abc", Span::new(3, 6), "xyz", 1..9);
        assert!(span.start >= 3 && span.end <= 6);
    }
}
