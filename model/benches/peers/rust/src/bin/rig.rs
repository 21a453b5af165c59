//! The client `rig-core` as a contestant.

#[path = "../stage.rs"]
mod stage;

use std::time::Instant;

use futures_util::StreamExt;
use rig_core::completion::CompletionRequest;
use rig_core::providers::openai::OpenAIConfig;
use rig_core::providers::openai::wire::LLAMACPP;
use rig_core::streaming::{Item, StreamEvent};

use stage::{Failure, Heard, Server};

fn main() -> Result<(), Failure> {
    stage::serve_if_asked();
    run()
}

#[tokio::main(worker_threads = 2)]
async fn run() -> Result<(), Failure> {
    let server = Server::start()?;
    let client = OpenAIConfig::with_key(&LLAMACPP, "sk-mock")
        .with_base_url(server.address.clone())
        .client();
    stage::perform("rig-core 0.44.0", |tokens| {
        let model = client.chat("tiny");
        async move {
            let began = Instant::now();
            let mut stream = model.stream(CompletionRequest::new(stage::question(tokens)))?;
            let mut heard = Heard { tokens: 0, first: Default::default() };
            while let Some(item) = stream.next().await {
                if let Item::Event(StreamEvent::Text { .. }) = item? {
                    if heard.tokens == 0 {
                        heard.first = began.elapsed();
                    }
                    heard.tokens += 1;
                }
            }
            Ok(heard)
        }
    })
    .await
}
