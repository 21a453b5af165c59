//! What is read, what is skipped, and that nothing is lost in between.

use serde_json::{Value, json};

use super::{files_list, matches};

const PLAIN: &str = "From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
                     Message-ID: <a@example.org>\r\n\r\nHello there.\r\n";

fn check(files: &[(&str, &[u8])], with: &Value) -> Result<Value, layercake_engine::Problem> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut arguments = json!({"folder": folder.path()});
    for (key, value) in with.as_object().unwrap() {
        arguments[key] = value.clone();
    }
    files_list(&arguments, folder.path())
}

fn mail() -> Value {
    json!({"pattern": "*.eml", "parse": "message/rfc822"})
}

#[test]
fn a_message_becomes_plain_data() {
    let result = check(&[("a.eml", PLAIN.as_bytes())], &mail()).unwrap();
    let message = &result["files"][0];
    assert_eq!(message["subject"], "Grüße");
    assert_eq!(
        message["from"],
        json!({"name": "Ann", "address": "ann@example.org"})
    );
    assert_eq!(message["replyTo"], "ann@example.org");
    assert_eq!(message["messageId"], "a@example.org");
    assert_eq!(message["text"].as_str().unwrap().trim(), "Hello there.");
    assert_eq!(message["id"].as_str().unwrap().len(), 16);
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_read() {
    let broken: &[u8] = &[0xff, 0xfe, 0, 1, 2, 3];
    let again = format!("Received: from another relay\r\n{PLAIN}");
    let files: &[(&str, &[u8])] = &[
        ("a.eml", PLAIN.as_bytes()),
        ("b.eml", b""),
        ("c.eml", broken),
        ("d.eml", again.as_bytes()),
        ("note.txt", b"not asked for"),
    ];
    let result = check(files, &mail()).unwrap();
    assert_eq!(result["files"].as_array().unwrap().len(), 1);
    let skipped = result["skipped"].as_array().unwrap();
    let names: Vec<&str> = skipped
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b.eml", "c.eml", "d.eml"]);
    assert_eq!(skipped[2]["reason"], "it is the same as a.eml");
}

#[test]
fn a_folder_that_is_not_there_is_a_problem_of_its_own() {
    let problem = files_list(&json!({"folder": "/nowhere/at/all"}), "/".as_ref()).unwrap_err();
    assert!(problem.kind.ends_with("folder-missing"), "{problem:?}");
}

#[test]
fn a_limit_skips_and_says_so() {
    let files: &[(&str, &[u8])] = &[("a.txt", b"one"), ("b.txt", b"two")];
    let result = check(files, &json!({"limit": 1})).unwrap();
    assert_eq!(result["files"][0]["text"], "one");
    assert_eq!(result["skipped"][0]["name"], "b.txt");
}

#[test]
fn a_huge_text_is_cut_and_says_so() {
    let huge = format!(
        "From: a@example.org\r\nSubject: s\r\n\r\n{}",
        "word ".repeat(100_000)
    );
    let result = check(&[("a.eml", huge.as_bytes())], &mail()).unwrap();
    assert_eq!(result["files"][0]["truncated"], true);
    assert_eq!(
        result["files"][0]["text"].as_str().unwrap().chars().count(),
        20_000
    );
}

#[test]
fn patterns_have_stars_and_no_case() {
    assert!(matches("*.eml", "A.EML"));
    assert!(matches("a*b*c", "axxbyyc"));
    assert!(!matches("a*b*c", "axxcyyb"));
    assert!(matches("*", "anything"));
    assert!(!matches("x.eml", "y.eml"));
}
