//! Keys are planted everywhere they may be, in twelve forms, and found nowhere they must not be.

use std::sync::{Arc, Mutex};

use layercake_model::cassette::Scrub;
use layercake_model::http::{Endpoint, HttpClient, HttpModel};
use layercake_model::layer::{Recorded, RetryPolicy, Retrying};
use layercake_model::provider::AuthForm;
use layercake_model::wire::Dialect;
use layercake_model::{
    CallContext, Message, Model, ModelDescriptor, ModelError, Request, Secret, collect,
};

use crate::ask::{native, sse, target};
use crate::server::{Server, answer};

/// Twelve kinds of keys, made up in the forms in which providers hand them out.
const KEYS: [&str; 12] = [
    "sk-ant-api03-AAAAbbbbCCCCdddd0000-1111_2222",
    "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    "sk-0123456789abcdef0123456789abcdef",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "gsk_0123456789abcdefghijABCDEFGHIJ",
    "xai-0123456789abcdefghijklmnopqrstuvwxyz",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEF",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
];

fn model(server: &Server, key: &str) -> HttpModel {
    let endpoint = Endpoint {
        address: server.address.clone(),
        dialect: Dialect::OpenaiChat,
        auth: AuthForm::Bearer,
        key: Some(Secret::new(key)),
        headers: vec![("x-second-key".into(), Secret::new(format!("{key}-2nd")))],
        target: target("mine", "m", native()),
    };
    let descriptor = ModelDescriptor::new("mine", "m", "openai-chat");
    HttpModel::new(HttpClient::plain(None).unwrap(), endpoint, descriptor)
}

/// Whatever was traced while the value lives, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

async fn ask(model: &dyn Model, text: &str) -> Result<String, ModelError> {
    let request = Request {
        messages: vec![Message::user(text)],
        ..Request::default()
    };
    let reply = collect(model.respond(request, CallContext::default()).await?).await?;
    Ok(reply.text())
}

#[tokio::test]
async fn a_planted_key_is_shown_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for key in KEYS {
        // The provider repeats the key in a failure, in a stream's failure, and the user says it.
        let refused = format!(r#"{{"error": {{"message": "bad key {key} or {key}-2nd"}}}}"#);
        let broken = sse(&[&format!(
            r#"{{"error": {{"message": "key {key} expired"}}}}"#
        )]);
        let said = r#"{"model":"m","choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}"#;
        let stream = "content-type: text/event-stream\r\n";
        let server = Server::start(vec![
            answer("401 Unauthorized", "", &refused),
            answer("200 OK", stream, &broken),
            answer("200 OK", stream, &sse(&[said, "[DONE]"])),
        ])
        .await;
        let inner = model(&server, key);
        let mut shown = vec![format!("{inner:?}")];
        let once = RetryPolicy {
            attempts_max: 1,
            ..RetryPolicy::default()
        };
        let recorded = Arc::new(Recorded::new(Arc::new(inner)));
        let outer = Retrying::new(Arc::clone(&recorded) as Arc<dyn Model>, once, 1);
        for _ in 0..2 {
            let error = ask(&outer, "hi").await.unwrap_err();
            shown.push(format!("{error} {error:?}"));
            shown.push(serde_json::to_string(&error).unwrap());
        }
        let told = format!("my key is {key}, keep it");
        assert_eq!(ask(&outer, &told).await.unwrap(), "ok");
        let wire = serde_json::to_string(&outer.encode(&Request::default()).unwrap()).unwrap();
        shown.push(wire);
        let scrub = Scrub::new().with_secret(Secret::new(key));
        shown.push(recorded.cassette().to_json(&scrub).unwrap());
        shown.push(format!("{outer:?} {recorded:?}"));
        for text in &shown {
            assert!(!text.contains(key), "{key} is shown: {text}");
        }
        let heard = server.heard();
        assert_eq!(heard.len(), 3, "{key}");
        let sent = format!("authorization: bearer {}", key.to_lowercase());
        assert!(heard[0].head.contains(&sent), "the key was really used");
        assert!(!log.text().contains(key), "{key} is in the log");
    }
    assert!(log.text().contains("model"), "something was traced at all");
}
