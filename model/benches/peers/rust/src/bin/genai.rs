//! The client `genai` as a contestant.

#[path = "../stage.rs"]
mod stage;

use std::time::Instant;

use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ModelSpec, ServiceTarget};

use stage::{Failure, Heard, Server};

fn main() -> Result<(), Failure> {
    stage::serve_if_asked();
    run()
}

#[tokio::main(worker_threads = 2)]
async fn run() -> Result<(), Failure> {
    let server = Server::start()?;
    let client = Client::new()?;
    let address = format!("{}/", server.address);
    stage::perform("genai 0.7.2", |tokens| {
        let (client, address) = (client.clone(), address.clone());
        async move {
            let began = Instant::now();
            let target = ServiceTarget {
                model: ModelIden::from_static(AdapterKind::OpenAI, "tiny"),
                endpoint: Endpoint::from_owned(address),
                auth: AuthData::Key("sk-mock".to_owned()),
            };
            let request = ChatRequest::new(vec![ChatMessage::user(stage::question(tokens))]);
            let model = ModelSpec::Target(target);
            let mut stream = client.exec_chat_stream(model, request, None).await?.stream;
            let mut heard = Heard { tokens: 0, first: Default::default() };
            while let Some(event) = stream.next().await {
                if let ChatStreamEvent::Chunk(_) = event? {
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
