//! Every prefix against the reader of whole documents.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JsonParts, NotJson, PartialJson};
use crate::Event;
use crate::event::PartKind;

#[track_caller]
fn check(text: &str, expected: Option<Value>) {
    let mut whole = PartialJson::new();
    whole.push(text).unwrap();
    assert_eq!(whole.value(), expected.as_ref(), "{text}");
    let mut by_characters = PartialJson::new();
    for character in text.chars() {
        by_characters.push(&character.to_string()).unwrap();
    }
    assert_eq!(by_characters.value(), expected.as_ref(), "{text}");
}

#[test]
fn what_is_certain_is_shown_and_nothing_else() {
    check("", None);
    check("  ", None);
    check("12", None);
    check("12 ", Some(json!(12)));
    check("tru", None);
    check("[tru", Some(json!([])));
    check("[true", Some(json!([])));
    check("[true,", Some(json!([true])));
    check("\"a\\", Some(json!("a")));
    check("\"a\\n", Some(json!("a\n")));
    check("\"\\u00f", Some(json!("")));
    check("\"\\u00fc", Some(json!("ü")));
    check("\"\\ud83d\\ude0", Some(json!("")));
    check("\"\\ud83d\\ude00", Some(json!("😀")));
    check("{\"a", Some(json!({})));
    check("{\"a\": ", Some(json!({})));
    check("{\"a\": \"", Some(json!({"a": ""})));
    check(
        "{\"a\": {\"b\": [1, \"x",
        Some(json!({"a": {"b": [1, "x"]}})),
    );
}

#[test]
fn carelessness_is_forgiven() {
    check("[1, 2,]", Some(json!([1, 2])));
    check("{\"a\": 1,}", Some(json!({"a": 1})));
    check("\"two\nlines\"", Some(json!("two\nlines")));
    check("\"\\ud83d!\"", Some(json!("\u{fffd}!")));
    check("\"\\ud83d\\n\"", Some(json!("\u{fffd}\n")));
    check("\"\\u12x\"", Some(json!("\u{fffd}x")));
}

#[test]
fn what_is_no_json_is_an_error() {
    let table = [
        ("Sure!", NotJson::Character('S')),
        ("{} {", NotJson::Character('{')),
        ("[1}", NotJson::Character('}')),
        ("{\"a\" 1", NotJson::Character('1')),
        ("[1 2", NotJson::Character('2')),
        ("[nul,", NotJson::Word),
        ("[01,", NotJson::Word),
    ];
    for (text, error) in table {
        assert_eq!(PartialJson::new().push(text), Err(error), "{text}");
    }
    let deep = "[".repeat(super::DEPTH_MAX + 1);
    assert_eq!(PartialJson::new().push(&deep), Err(NotJson::Depth));
}

#[test]
fn arguments_and_answers_are_followed_in_a_stream() {
    let start = |index, part| Event::PartStart { index, part };
    let grow = |index, text: &str| Event::Delta {
        index,
        text: text.into(),
    };
    let mut parts = JsonParts::new();
    let call = PartKind::ToolCall {
        id: "c".into(),
        name: "t".into(),
    };
    assert_eq!(parts.note(&start(0, PartKind::Text)), None);
    assert_eq!(parts.note(&grow(0, "Certainly, ")), None, "ordinary text");
    assert_eq!(parts.note(&grow(0, "{")), None);
    assert_eq!(parts.note(&start(1, call)), None);
    let seen = parts.note(&grow(1, "{\"city\": \"Be"));
    assert_eq!(seen, Some((1, &json!({"city": "Be"}))));
    let seen = parts.note(&grow(1, "rn\"}"));
    assert_eq!(seen, Some((1, &json!({"city": "Bern"}))));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-c\\\\\"\n\u{1}é€😀]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"é]{0,3}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Writes a text with escapes for everything beyond ASCII, as some providers do.
fn escaped(text: &str) -> String {
    let mut written = String::new();
    for character in text.chars() {
        if character.is_ascii() {
            written.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            written.push_str(&format!("\\u{unit:04x}"));
        }
    }
    written
}

/// Says whether the later value only extends the earlier one: at the end of texts and lists,
/// and by fields.
fn extends(earlier: &Value, later: &Value) -> bool {
    match (earlier, later) {
        (Value::String(earlier), Value::String(later)) => later.starts_with(earlier.as_str()),
        (Value::Array(earlier), Value::Array(later)) => {
            let settled = earlier.len().saturating_sub(1);
            earlier.len() <= later.len()
                && earlier[..settled] == later[..settled]
                && earlier.iter().zip(later).all(|(a, b)| extends(a, b))
        }
        (Value::Object(earlier), Value::Object(later)) => earlier
            .iter()
            .all(|(name, value)| later.get(name).is_some_and(|other| extends(value, other))),
        (earlier, later) => earlier == later,
    }
}

proptest! {
    #[test]
    fn every_prefix_is_only_extended(
        document in documents(),
        is_pretty in any::<bool>(),
        is_escaped in any::<bool>(),
    ) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&document).unwrap()
        } else {
            document.to_string()
        };
        let text = if is_escaped { escaped(&text) } else { text };
        // A number at the root is complete only when something follows.
        let text = format!("{text} ");
        let mut reader = PartialJson::new();
        let mut before: Option<Value> = None;
        for character in text.chars() {
            reader.push(&character.to_string()).unwrap();
            if let Some(before) = &before {
                let now = reader.value();
                prop_assert!(now.is_some_and(|now| extends(before, now)), "{before} {now:?}");
            }
            before = reader.value().cloned();
        }
        prop_assert!(reader.is_complete());
        let whole: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(reader.value(), Some(&whole));
    }

    #[test]
    fn any_split_gives_the_same_value(document in documents(), cuts in prop::collection::vec(0usize..80, 0..5)) {
        let text = document.to_string() + " ";
        let mut reader = PartialJson::new();
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            reader.push(&text[pair[0]..pair[1]]).unwrap();
        }
        prop_assert_eq!(reader.value(), Some(&document));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\",:\\\\u0-9a-ftrue \n😀-]{0,60}") {
        let mut reader = PartialJson::new();
        let read = reader.push(&text);
        if let Ok(whole) = serde_json::from_str::<Value>(&text) {
            prop_assert_eq!(read, Ok(()));
            if reader.is_complete() {
                prop_assert_eq!(reader.value(), Some(&whole));
            }
        }
    }
}
