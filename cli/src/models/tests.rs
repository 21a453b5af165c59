//! The bundled rules, on the bundled messages.

use std::collections::BTreeMap;

use layercake_model::{AnswerSchema, CallContext, Message, Model, Request, collect};
use serde_json::{Value, json};

use super::built_in;
use crate::bundle;
use crate::executor::files_list::files_list;

fn messages() -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    bundle::unpack(folder.path()).unwrap();
    let with = json!({"folder": bundle::MESSAGES, "pattern": "*.eml", "parse": "message/rfc822"});
    let mut result = files_list(&with, folder.path()).unwrap();
    let Value::Array(files) = result["files"].take() else {
        panic!("files is a list");
    };
    files
}

async fn classify(message: &Value) -> (String, Value) {
    let material = json!({
        "from": message["from"], "subject": message["subject"], "text": message["text"],
    });
    let request = Request {
        messages: vec![Message::user(material.to_string())],
        answer: Some(AnswerSchema {
            name: "decision".to_owned(),
            schema: json!({}),
        }),
        ..Request::default()
    };
    let stream = built_in()
        .respond(request, CallContext::default())
        .await
        .unwrap();
    let reply = collect(stream).await.unwrap();
    (
        reply.raw_reason.clone(),
        serde_json::from_str(&reply.text()).unwrap(),
    )
}

#[tokio::test]
async fn the_bundled_rules_sort_the_bundled_messages() {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut answered = 0;
    for message in messages() {
        let (rule, answer) = classify(&message).await;
        answered += usize::from(answer["needsReply"] == true);
        let name = message["name"].as_str().unwrap()[..2].to_owned();
        kinds.entry(rule).or_default().push(name);
    }
    let expected = [
        ("appointment", "18"),
        ("automatic-notice", "19 20 39 42 43"),
        ("complaint", "02 06 12 16 30 46"),
        ("invoice", "04 37"),
        ("invoice-with-a-question", "03 11 14"),
        ("newsletter", "21 22"),
        ("orders-to-the-machine", "26"),
        (
            "question",
            "01 05 07 08 10 13 15 17 27 31 33 34 38 40 41 45",
        ),
        ("spam", "23 24 25"),
        ("thanks", "09 28 29 44"),
    ];
    let expected = expected.map(|(rule, names)| {
        (
            rule.to_owned(),
            names.split(' ').map(str::to_owned).collect::<Vec<_>>(),
        )
    });
    assert_eq!(kinds, BTreeMap::from(expected));
    assert_eq!(answered, 26);
}
