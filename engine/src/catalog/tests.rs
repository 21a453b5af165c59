//! The standard functions and their schemas.

use serde_json::json;

use super::*;
use crate::Schema;

#[test]
fn every_schema_compiles() {
    for spec in Catalog::standard().functions() {
        for schema in [&spec.input, &spec.output] {
            Schema::compile(schema).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
        }
        assert!(spec.summary.ends_with('.'), "{}", spec.name);
    }
}

#[test]
fn arguments_are_checked() {
    let catalog = Catalog::standard();
    let check = |name: &str, arguments: Value| {
        let spec = catalog.function(name, "1.0.0").expect("it is there");
        let schema = Schema::compile(&spec.input).expect("it compiles");
        schema.check(&arguments).is_ok()
    };
    assert!(check(
        "decide",
        json!({ "question": "why?", "answer": { "type": "string" } })
    ));
    assert!(!check("decide", json!({ "question": "why?" })));
    assert!(!check(
        "decide",
        json!({ "question": "why?", "answer": {}, "anser": 1 })
    ));
    assert!(check(
        "agent",
        json!({ "goal": "g", "budget": { "turns": 3, "usd": "0.5" } })
    ));
    assert!(check(
        "approval",
        json!({ "title": "t", "show": [1], "expires": { "hours": 1 } })
    ));
    assert!(check(
        "files-list",
        json!({ "folder": "in", "parse": "message/rfc822" })
    ));
    assert!(!check(
        "files-list",
        json!({ "folder": "in", "parse": "xml" })
    ));
    assert!(check(
        "file-write",
        json!({ "path": "a", "content": { "any": "json" } })
    ));
    assert!(check("recall", json!({})));
    assert!(check("now", json!({})));
    assert!(!check("uuid", json!({ "version": 4 })));
}

#[test]
fn own_functions_are_added_and_replaced() {
    let mut spec = now::spec();
    "mine".clone_into(&mut spec.summary);
    let catalog = Catalog::standard().with(spec.clone());
    assert_eq!(
        catalog.functions().count(),
        Catalog::standard().functions().count()
    );
    assert_eq!(catalog.function("now", "1.0.0"), Some(&spec));
    assert_eq!(catalog.function("now", "2.0.0"), None);
}
