//! The schema for editors, and the picture.

use layercake_engine::{Catalog, Definition, Schema, StandardCall, editor_schema};
use serde_json::{Value, json};

use super::document;

fn catalog() -> Catalog {
    StandardCall::ALL
        .into_iter()
        .fold(Catalog::standard(), Catalog::with_standard)
        .with_schedules()
        .with_plain_secrets()
}

#[test]
fn editors_accept_what_the_reader_accepts() {
    let schema = Schema::compile(&editor_schema(&catalog())).expect("it is a schema");
    for (name, text) in super::samples::examples() {
        if let Ok(checked) = Definition::read(&text, &catalog()) {
            let said = schema.check(checked.definition.document());
            assert_eq!(said, Ok(()), "{name}");
        }
    }
}

#[test]
fn editors_underline_typos() {
    let schema = Schema::compile(&editor_schema(&Catalog::standard())).expect("it is a schema");
    let accepts = |task: Value| {
        let head = json!({ "dsl": "1.0.3", "namespace": "n", "name": "a", "version": "1.0.0" });
        schema
            .check(&json!({ "document": head, "do": [{ "a": task }] }))
            .is_ok()
    };
    assert!(accepts(json!({ "set": { "x": 1 }, "then": "end" })));
    assert!(accepts(
        json!({ "call": "http", "with": { "method": "get", "endpoint": "https://e.com" } })
    ));
    assert!(accepts(json!({ "for": { "in": "${ . }" }, "do": [] })));
    assert!(accepts(
        json!({ "call": "decide:1.0.0@default", "with": { "question": "${ . }", "answer": {} } })
    ));
    for typo in [
        json!({ "sett": { "x": 1 } }),
        json!({ "set": { "x": 1 }, "thenn": "end" }),
        json!({ "wait": { "second": 1 } }),
        json!({ "call": "http", "with": { "method": "get", "url": "https://e.com" } }),
        json!({ "call": "decide:1.0.0@default", "with": { "question": "q", "answr": {} } }),
        json!({ "do": [{ "a": { "set": 1 }, "b": { "set": 1 } }] }),
        json!({ "try": [], "catch": { "retry": { "limits": 1 } } }),
        json!({ "run": { "shell": { "comand": "ls" } } }),
    ] {
        assert!(!accepts(typo.clone()), "{typo}");
    }
}

#[test]
fn the_picture_stands_alone_and_is_well_formed() {
    let text = document(
        "  - \"a<b&c\": { switch: [ { big: { when: '.n > 1', then: last } } ] }
  - loop: { for: { in: '${ .l }' }, do: [ { x: { set: { y: 1 } } } ] }
  - last: { wait: { seconds: 1 } }
",
    );
    let definition = Definition::read(&text, &Catalog::standard())
        .expect("it is read")
        .definition;
    let svg = definition.to_svg();
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    for wanted in ["a&lt;b&amp;c", ">loop<", ">again<", ">big<", "marker-end"] {
        assert!(svg.contains(wanted), "{wanted} in {svg}");
    }
    let open = svg.matches("<text").count();
    assert_eq!(open, svg.matches("</text>").count());
    assert_eq!(svg, definition.to_svg());
}
