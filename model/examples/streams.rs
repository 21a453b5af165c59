//! This crate as a contestant beside its peers: `cargo xtask bench --peers model` starts it.

#[path = "../benches/peers/rust/src/stage.rs"]
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use layercake_model::{CallContext, Event, Message, Model, Providers, Request};

use stage::{Failure, Heard, Server};

fn main() -> Result<(), Failure> {
    stage::serve_if_asked();
    run()
}

#[tokio::main(worker_threads = 2)]
async fn run() -> Result<(), Failure> {
    let server = Server::start()?;
    let providers = Providers::builtin().with_address("llamacpp", &server.address);
    let model = providers.open(&"llamacpp/tiny".parse()?, &|_| None)?;
    let name = format!("layercake-model {}", env!("CARGO_PKG_VERSION"));
    stage::perform(&name, |tokens| read(Arc::clone(&model), tokens)).await
}

async fn read(model: Arc<dyn Model>, tokens: u64) -> Result<Heard, Failure> {
    let began = Instant::now();
    let request = Request {
        messages: vec![Message::user(stage::question(tokens))],
        ..Request::default()
    };
    let mut events = model.respond(request, CallContext::default()).await?;
    let mut heard = Heard {
        tokens: 0,
        first: Duration::ZERO,
    };
    while let Some(event) = events.next().await {
        if let Event::Delta { .. } = event? {
            if heard.tokens == 0 {
                heard.first = began.elapsed();
            }
            heard.tokens += 1;
        }
    }
    Ok(heard)
}
