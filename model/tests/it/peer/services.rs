//! The calls beside answers, as far as aimock serves them.

use layercake_model::{CallContext, Providers};

use super::{Aimock, key};

fn providers(server: &Aimock) -> Providers {
    let address = &server.address;
    Providers::builtin()
        .with_address("anthropic", address)
        .with_address("openai", format!("{address}/v1"))
        .with_address("google", format!("{address}/v1beta"))
        .with_address("ollama-native", address)
}

#[tokio::test]
async fn texts_are_embedded() {
    let Some(server) = Aimock::start(&[]).await else {
        return;
    };
    for spec in [
        "openai/text-embedding-3-small",
        "google/gemini-embedding-001",
    ] {
        let embedder = providers(&server).open_embedder(&spec.parse().unwrap(), &key);
        let texts = ["a cat".to_owned()];
        let embedded = embedder
            .unwrap()
            .embed(&texts, &CallContext::default())
            .await;
        assert_eq!(embedded.unwrap().vectors, [[0.5, -0.25, 1.0]], "{spec}");
    }
}

#[tokio::test]
async fn models_are_listed() {
    let Some(server) = Aimock::start(&[]).await else {
        return;
    };
    let mut specs = vec!["anthropic/x", "openai/x"];
    if cfg!(feature = "ollama") {
        specs.push("ollama-native/x");
    }
    for spec in specs {
        let lister = providers(&server).open_lister(&spec.parse().unwrap(), &key);
        let listed = lister.unwrap().list_models(&CallContext::default()).await;
        let listed = listed.unwrap();
        assert!(
            listed.iter().any(|model| model.name == "gpt-4o"),
            "{spec}: {listed:?}"
        );
    }
}
