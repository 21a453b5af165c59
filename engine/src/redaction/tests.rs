//! Two hundred secrets of twelve kinds, planted everywhere: none survives, and words do.

use serde_json::{Value, json};

use super::{Redaction, RedactionReport};

/// A number that looks drawn; the same seed gives the same one.
fn drawn(seed: u64, length: usize, letters: &[u8]) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    for place in 0..length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // A digit early on, as drawn keys have.
        let letter = match place {
            3 => b'7',
            _ => letters[(state % letters.len() as u64) as usize],
        };
        text.push(char::from(letter));
    }
    text
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Returns the secret part and the text that it stands in.
fn planted(kind: usize, seed: u64) -> (String, String) {
    let long = drawn(seed, 40, LETTERS);
    match kind {
        0 => (long.clone(), format!("sk-ant-api03-{long}")),
        1 => (long.clone(), format!("AIza{long}")),
        2 => (long.clone(), format!("use ghp_{long} for it")),
        3 => (long.clone(), format!("xoxb-{long}")),
        4 => {
            let key = drawn(seed, 16, CAPITALS);
            (key.clone(), format!("AKIA{key}"))
        }
        5 => (long.clone(), format!("Authorization: Bearer {long}")),
        6 => (
            long.clone(),
            format!("eyJhbGciOiJIUzI1NiJ9.eyJ{long}.{long}"),
        ),
        7 => (
            long.clone(),
            format!("postgres://app:{long}@db.internal:5432/app"),
        ),
        8 => (
            long.clone(),
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{long}\n{long}\n-----END RSA PRIVATE KEY-----"
            ),
        ),
        9 => (long.clone(), format!("password={long}&next=1")),
        10 => (long.clone(), format!("{{\"client_secret\": \"{long}\"}}")),
        _ => (
            long.clone(),
            format!("Server=db;AccountKey={long};Timeout=3"),
        ),
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bytes = [
            chunk[0],
            *chunk.get(1).unwrap_or(&0),
            *chunk.get(2).unwrap_or(&0),
        ];
        let number = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for place in 0..4 {
            let letter = ALPHABET[(number >> (18 - 6 * place)) as usize & 63];
            out.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out
}

/// The places that secrets turn up in.
fn around(place: usize, text: &str) -> Value {
    match place % 6 {
        0 => json!({ "headers": { "x-note": text } }),
        1 => json!({ "body": [1, { "deep": [text, null] }] }),
        2 => json!(format!("the tool said: {text}\nand ended")),
        3 => json!({ "result": { "stdout": base64(text) } }),
        4 => json!({ text: 1 }),
        _ => json!({ "nested": json!({ "inner": text }).to_string() }),
    }
}

#[test]
fn two_hundred_planted_secrets_do_not_survive() {
    let redaction = Redaction::new("a store");
    let mut survived = Vec::new();
    for seed in 0..204_u64 {
        let (secret, text) = planted(seed as usize % 12, seed + 1);
        let mut value = around(seed as usize / 12, &text);
        redaction.value(&mut value, &mut RedactionReport::default());
        let seen = value.to_string();
        if seen.contains(&secret) || seen.contains(&base64(&text)) {
            survived.push(format!("{seed}: {seen}"));
        }
    }
    assert!(
        survived.is_empty(),
        "{} survived:\n{}",
        survived.len(),
        survived.join("\n")
    );
}

#[test]
fn the_same_secret_has_the_same_token_and_another_key_another() {
    let mut report = RedactionReport::default();
    let (secret, _) = planted(0, 5);
    let (one, other) = (Redaction::new("one"), Redaction::new("other"));
    let text = format!("sk-{secret} and sk-{secret}");
    let clean = one.text(&text, &mut report);
    let (a, b) = clean.split_once(" and ").expect("two tokens");
    assert_eq!(a, b);
    assert_ne!(a, other.text(&format!("sk-{secret}"), &mut report));
    assert_eq!(one.text(&clean, &mut report), clean, "a token is no secret");
    assert!(report.count() >= 3);
}

#[test]
fn a_known_value_goes_whatever_it_looks_like_and_nothing_prints_it() {
    let redaction = Redaction::new("k").with_known("DB_PASS", "plain words");
    let mut report = RedactionReport::default();
    assert!(
        !redaction
            .text("it is plain words here", &mut report)
            .contains("plain words")
    );
    assert!(!format!("{redaction:?}").contains("plain words"));
}

#[test]
fn words_stay() {
    let redaction = Redaction::new("k");
    for text in [
        "the password is wrong",
        "a risk-averse-and-long-word-without-digits",
        "https://example.org/path?x=1",
        "token: next",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "01JD3F5X7Q9Z2B4C6D8E0F1G2H",
    ] {
        assert_eq!(redaction.text(text, &mut RedactionReport::default()), text);
    }
}
