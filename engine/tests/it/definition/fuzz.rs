//! Whatever the text is: the reader and the expressions neither panic nor hang.

use std::collections::BTreeMap;

use layercake_engine::{Catalog, Definition, Expression};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::document;

/// Pieces of definitions, so that random text gets past the first line.
const PIECES: &[&str] = &[
    "document:",
    "do:",
    "  ",
    "\n",
    "- ",
    "a",
    "b",
    ": ",
    "{ ",
    " }",
    "[",
    "]",
    ", ",
    "'",
    "\"",
    "|\n",
    ">\n",
    "set",
    "switch",
    "when",
    "then",
    "for",
    "in",
    "each",
    "try",
    "catch",
    "retry",
    "wait",
    "raise",
    "error",
    "run",
    "workflow",
    "call",
    "with",
    "http",
    "decide:1.0.0@default",
    "input",
    "output",
    "export",
    "as",
    "from",
    "schema",
    "if",
    "timeout",
    "after",
    "use",
    "functions",
    "end",
    "exit",
    "PT5S",
    "1",
    "-1",
    "1e999",
    "null",
    "true",
    "${ ",
    ".a",
    "$context",
    "$input",
    "&x",
    "*x",
    "!!str",
    "---\n",
    "#",
    "\t",
    "é",
    "\u{1F4A3}",
    "\u{0}",
    "\u{FEFF}",
    "\r\n",
    "https://x/{a}",
    "\\",
    "\\u12",
    "?",
    "%",
];

/// Pieces of jq.
const JQ: &[&str] = &[
    ".",
    ".a",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "|",
    ",",
    ";",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "<",
    "and",
    "or",
    "not",
    "//",
    "|=",
    "=",
    "+=",
    "as",
    "$x",
    "$y",
    "def f:",
    "def g($a; b):",
    "f",
    "g(1; .)",
    "reduce",
    "foreach",
    "if",
    "then",
    "elif",
    "else",
    "end",
    "try",
    "catch",
    "label $l |",
    "break $l",
    "?",
    "..",
    "1",
    "0",
    "1e400",
    "\"s\"",
    "\"\\(",
    ")\"",
    "@base64",
    "@json",
    "range(9)",
    "range(1e9)",
    "repeat(.)",
    "recurse",
    "limit(3; .)",
    "map(.)",
    "select(.)",
    "length",
    "keys",
    "tojson",
    "fromjson",
    "test(\"a*\")",
    "split(\"\")",
    "join(\",\")",
    "add",
    "sort",
    "group_by(.)",
    "paths",
    "path(.a)",
    "del(.a)",
    "to_entries",
    "with_entries(.)",
    "error",
    "empty",
    "null",
    "true",
    "infinite",
    "nan",
    "implode",
    "ltrimstr(\"a\")",
    "strftime(\"%Y\")",
    "todate",
    "flatten",
    "walk(.)",
    "combinations",
    "getpath([0])",
    "splits(\"a\")",
    "ascii_downcase",
    "@uri",
    "gsub(\"a\"; \"b\")",
    "tostream",
    "first(.[])",
    "until(.; .)",
    "input",
    "$__loc__",
];

fn text_of(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        20 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// Terms without parts.
const LEAVES: &[&str] = &[
    ".",
    ".a",
    ".[0]",
    ".[]",
    "..",
    "1",
    "-1.5",
    "\"s\"",
    "null",
    "true",
    "$x",
    "[]",
    "{}",
    "empty",
    "length",
    "keys",
    "tojson",
    "fromjson",
    "sort",
    "add",
    "reverse",
    "tostring",
    "to_entries",
    "type",
    "ascii_downcase",
    "implode",
    "explode",
    "infinite",
    "nan",
    "range(5)",
    "repeat(1)",
    "@base64",
    "@html",
    "@uri",
    "flatten",
    "min",
    "unique",
    "paths",
    "tostream",
    "todate",
    "error",
    "any",
    "not",
    "transpose",
    "from_entries",
    "trim",
    "leaf_paths",
];

/// Terms with parts: A, B and C.
const SHAPES: &[&str] = &[
    "(A | B)",
    "[A]",
    "{ a: A, b: B }",
    "(A, B)",
    "(A + B)",
    "(A - B)",
    "(A * B)",
    "(A / B)",
    "(A % B)",
    "(A == B)",
    "(A < B)",
    "(A and B)",
    "(A // B)",
    "map(A)",
    "select(A)",
    "(A as $y | B)",
    "(A as [$y, $z] | B)",
    "first(A)",
    "last(A)",
    "limit(3; A)",
    "skip(1; A)",
    "[recurse(A)]",
    "[recurse(A; B)]",
    "reduce A as $y (B; C)",
    "[foreach A as $y (B; C)]",
    "if A then B else C end",
    "(try A catch B)",
    "(A)?",
    "(def f: A; B)",
    "(def f: A | (., f); B)",
    "(def f(g): g | A; f(B))",
    "path(A)",
    "[paths(A)]",
    "del(A)",
    "(A |= B)",
    "(A = B)",
    "(A += B)",
    "(A //= B)",
    "getpath(A)",
    "setpath(A; B)",
    "\"<\\(A)>\"",
    "sort_by(A)",
    "group_by(A)",
    "min_by(A)",
    "with_entries(A)",
    "walk(A)",
    "until(A; B)",
    "while(A; B)",
    "has(A)",
    "contains(A)",
    "indices(A)",
    "index(A)",
    "split(A)",
    "join(A)",
    "test(A)",
    "match(A; B)",
    "gsub(A; B)",
    "startswith(A)",
    "ltrimstr(A)",
    "range(A; B)",
    "A[B]?",
    "(A)[B:C]",
    "label $l | (A, break $l, B)",
    "any(A; B)",
    "all(A; B)",
    "isempty(A)",
    "error(A)",
    "in(A)",
    "inside(A)",
    "combinations(A)",
    "splits(A)",
    "strftime(A)",
    "INDEX(A; B)",
    "IN(A; B)",
    "pick(.a)",
    "limit(A; B)",
    "nth(A; B)",
    "fromstream(A)",
    "bsearch(A)",
    "flatten(A)",
    "unique_by(A)",
];

/// Makes jq that compiles, of every construct.
fn term() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(LEAVES).prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let shapes = proptest::sample::select(SHAPES);
        let parts = (inner.clone(), inner.clone(), inner);
        (shapes, parts).prop_map(|(shape, (a, b, c))| {
            let mut text = String::new();
            for piece in shape.chars() {
                match piece {
                    'A' => text.push_str(&format!("({a})")),
                    'B' => text.push_str(&format!("({b})")),
                    'C' => text.push_str(&format!("({c})")),
                    other => text.push(other),
                }
            }
            text
        })
    })
}

/// Evaluates twice; the same must come out, and it must be writable as JSON.
fn evaluate(source: &str) -> Result<(), TestCaseError> {
    let variables = BTreeMap::from([("x".to_owned(), json!([1, "a", { "a": null }]))]);
    let expression = match Expression::compile(source, &["x"]) {
        Ok(expression) => expression,
        Err(error) => {
            prop_assert!(source.get(error.start..error.end).is_some(), "{error:?}");
            return Ok(());
        }
    };
    for input in [
        Value::Null,
        json!({ "a": [1, "b"] }),
        json!([[1], ["a"], 2.5]),
    ] {
        let first = expression.evaluate(&input, &variables);
        prop_assert_eq!(
            &first,
            &expression.evaluate(&input, &variables),
            "it is the same every time"
        );
        if let Ok(value) = first {
            let text = value.to_string();
            prop_assert_eq!(
                serde_json::from_str::<Value>(&text).ok(),
                Some(value),
                "it is JSON"
            );
        }
    }
    Ok(())
}

/// Reads; what comes out must hold together.
fn read(source: &str) -> Result<(), TestCaseError> {
    let remarks = match Definition::read(source, &Catalog::standard()) {
        Ok(checked) => {
            checked.definition.to_dot();
            checked.definition.to_mermaid();
            checked.warnings
        }
        Err(remarks) => {
            prop_assert!(!remarks.is_empty());
            remarks
        }
    };
    for remark in remarks {
        prop_assert!(remark.span.start <= remark.span.end && remark.span.end <= source.len());
        prop_assert!(
            source.get(remark.span.start..remark.span.end).is_some(),
            "{remark:?}"
        );
        prop_assert!(remark.line >= 1 && remark.column >= 1);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(source in text_of(PIECES, 60)) {
        read(&source)?;
    }

    #[test]
    fn any_tasks_are_read_or_refused(tasks in text_of(PIECES, 40)) {
        read(&document(&format!("  - a: {tasks}")))?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn any_expression_compiles_or_is_refused(source in text_of(JQ, 24)) {
        evaluate(&source)?;
    }

    #[test]
    fn any_well_formed_expression_ends(source in term()) {
        evaluate(&source)?;
    }
}
