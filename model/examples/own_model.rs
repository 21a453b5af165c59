//! A model of your own: this one shouts back. Run it with `cargo run --example own_model`.

use async_trait::async_trait;
use layercake_model::layer::{RetryPolicy, Retrying};
use layercake_model::{
    CallContext, EventStream, Message, Model, ModelDescriptor, ModelError, ModelErrorKind, Part,
    Reply, Request, StopReason, collect,
};

struct Shouting {
    descriptor: ModelDescriptor,
}

#[async_trait]
impl Model for Shouting {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(&self, request: Request, _: CallContext) -> Result<EventStream, ModelError> {
        let parts = request
            .messages
            .last()
            .map(|message| message.parts.as_slice());
        let Some([Part::Text { text }]) = parts else {
            let message = "this model takes one text";
            return Err(ModelError::new(ModelErrorKind::InvalidRequest, message));
        };
        let said = vec![Part::text(text.to_uppercase())];
        Ok(Reply::of("shouting-1", said, StopReason::End).into_stream())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ModelError> {
    let descriptor = ModelDescriptor::new("mine", "shouting-1", "mine");
    let model = Retrying::new(
        std::sync::Arc::new(Shouting { descriptor }),
        RetryPolicy::default(),
        1,
    );
    let request = Request {
        messages: vec![Message::user("hello")],
        ..Request::default()
    };
    let reply = collect(model.respond(request, CallContext::default()).await?).await?;
    assert_eq!(reply.text(), "HELLO");
    Ok(())
}
