//! What YAML text becomes.

use serde_json::json;

use super::*;

fn check(source: &str, expected: serde_json::Value) {
    let mut report = Report::new(source);
    let node = read(&mut report).unwrap_or_else(|| panic!("{:?}", report.finish(None)));
    assert_eq!(node.to_value(), expected, "{source}");
}

fn check_refused(source: &str, code: &str, line: usize, column: usize) {
    let mut report = Report::new(source);
    let _node = read(&mut report);
    let diagnostics = report.finish(None);
    let first = diagnostics.first().expect("it is refused");
    assert_eq!(
        (first.code, first.line, first.column),
        (code, line, column),
        "{first}"
    );
}

#[test]
fn scalars_follow_the_core_schema() {
    check(
        "[1, -2, +3, 0x1F, 0o17, 1.5, .5, 1e3, 18446744073709551615]",
        json!([
            1,
            -2,
            3,
            31,
            15,
            1.5,
            0.5,
            1000.0,
            18_446_744_073_709_551_615_u64
        ]),
    );
    check("[null, ~, true, False]", json!([null, null, true, false]));
    check(
        "[on, off, yes, no, y, 1.0.3, PT5S, '1', \"true\", 1-2, e3, 12:30]",
        json!([
            "on", "off", "yes", "no", "y", "1.0.3", "PT5S", "1", "true", "1-2", "e3", "12:30"
        ]),
    );
    check(
        "a: |\n  x\n  y\nb: >\n  x\n  y\n",
        json!({ "a": "x\ny\n", "b": "x y\n" }),
    );
    check("on: 1\n200: x\n", json!({ "on": 1, "200": "x" }));
    check(
        "{\"a\": [1, {\"b\": \"\\u00e9\\n\"}],\n\t\"c\": null}",
        json!({ "a": [1, { "b": "é\n" }], "c": null }),
    );
}

#[test]
fn what_is_not_read_is_refused_with_its_place() {
    check_refused("", "LC0107", 1, 1);
    check_refused("a: 1\n---\nb: 2\n", "LC0107", 2, 1);
    check_refused("é: 1\na: *x\n", "LC0101", 2, 4);
    check_refused("é: &x 1\na: *x\n", "LC0106", 1, 4);
    check_refused("a: !!str 1\n", "LC0106", 1, 4);
    check_refused("a: 1\nb: 2\na: 3\n", "LC0105", 3, 1);
    check_refused("a: .inf\n", "LC0108", 1, 4);
    check_refused("a: ${ { b: .c } }\n", "LC0101", 1, 10);
    check_refused("? [a]\n: 1\n", "LC0101", 1, 3);
    check_refused(&"[".repeat(65), "LC0103", 1, 65);
    check_refused(&" ".repeat(SOURCE_BYTES_MAX + 1), "LC0102", 1, 1);
}

#[test]
fn every_node_knows_its_place() {
    let source = "é:\n  - a: [1, 'two']\n    b: |\n      x\n  - 'c'\n";
    let node = read(&mut Report::new(source)).expect("it is YAML");
    let at = |pointer: &str| {
        let mut found = &node;
        for part in pointer.split('/').skip(1) {
            found = match part.parse::<usize>() {
                Ok(index) => &found.items()[index],
                Err(_) => found.get(part).expect("the key exists"),
            };
        }
        &source[found.span.start..found.span.end]
    };
    assert_eq!(at("/é/0/a"), "[1, 'two']");
    assert_eq!(at("/é/0/a/1"), "'two'");
    assert_eq!(at("/é/1"), "'c'");
    assert!(at("/é/0").starts_with("a: [1"));
    let two = source.find("'two'").expect("it is there");
    assert_eq!(node.pointer_at(Span::new(two, two + 5)), "/é/0/a/1");
    assert_eq!(&source[node.place_of("/é/0/b").start..][..1], "b");
    assert_eq!(node.place_of("/nowhere"), node.span);
}

#[test]
fn json_is_read_as_json() {
    check(
        "{ \"a\\/b\": \"\\ud83d\\ude00 \\b\\f\\n\\r\\t\\u00e9\", \"n\": [1.0, -2e3, 0], \"e\": {}, \"l\": [] }",
        json!({ "a/b": "😀 \u{8}\u{c}\n\r\té", "n": [1.0, -2e3, 0], "e": {}, "l": [] }),
    );
    check(
        "{\n\t\"a\":1,\n\t\"b\": [\n\t\t2\n\t]\n}",
        json!({ "a": 1, "b": [2] }),
    );
    check(
        "{\"a\":\"x: y # z\",\"b\":{\"c\":\"${ .d }\"}}",
        json!({ "a": "x: y # z", "b": { "c": "${ .d }" } }),
    );
}
