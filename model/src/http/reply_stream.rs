//! A body of bytes under time limits becomes a stream of events. Knows no HTTP client.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::timeout;

use crate::limits::Limits;
use crate::wire::Decoder;
use crate::{Event, EventStream, ModelError, ModelErrorKind};

/// How long the rest of a finished body is waited for, so that its connection can be used
/// again. It nearly always came with the last frame.
const DRAIN_TIME: Duration = Duration::from_millis(20);

type Body = BoxStream<'static, Result<Vec<u8>, ModelError>>;

/// Reads a whole body of at most `bytes_max` bytes.
pub(super) async fn read_all(
    mut body: Body,
    bytes_max: usize,
    limits: &Limits,
) -> Result<Vec<u8>, ModelError> {
    let mut all = Vec::new();
    loop {
        let piece = if all.is_empty() {
            limits.first_byte(body.next()).await?
        } else {
            limits.piece(body.next()).await?
        };
        let Some(piece) = piece else { return Ok(all) };
        all.extend_from_slice(&piece?);
        if all.len() > bytes_max {
            let message = format!("the provider's reply has more than {bytes_max} bytes");
            return Err(ModelError::new(ModelErrorKind::Malformed, message));
        }
    }
}

/// Decodes a streamed body. The stream ends after `Finish` or after the first error.
pub(super) fn reply_events(body: Body, decoder: Decoder, limits: Limits) -> EventStream {
    let reading = Reading {
        body: Some(body),
        decoder,
        limits,
        has_bytes: false,
        ready: VecDeque::new(),
        failure: None,
    };
    stream::unfold(reading, Reading::next).boxed()
}

/// A reply that is being read.
struct Reading {
    /// `None` when no more shall be read.
    body: Option<Body>,
    decoder: Decoder,
    limits: Limits,
    has_bytes: bool,
    ready: VecDeque<Event>,
    failure: Option<ModelError>,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<Event, ModelError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if let Some(failure) = self.failure.take() {
                self.body = None;
                return Some((Err(failure), self));
            }
            let mut body = self.body.take()?;
            if self.decoder.is_finished() {
                drain(body).await;
                return None;
            }
            match self.read(&mut body).await {
                Ok(()) => self.body = Some(body),
                Err(error) => self.failure = Some(self.decoder.with_facts(error)),
            }
        }
    }

    async fn read(&mut self, body: &mut Body) -> Result<(), ModelError> {
        let piece = if self.has_bytes {
            self.limits.piece(body.next()).await?
        } else {
            self.limits.first_byte(body.next()).await?
        };
        let mut events = Vec::new();
        let decoded = match piece {
            Some(bytes) => {
                self.has_bytes = true;
                self.decoder.push(&bytes?, &mut events)
            }
            None => self.decoder.end(&mut events),
        };
        self.ready.extend(events);
        decoded
    }
}

async fn drain(mut body: Body) {
    let rest = async { while let Some(Ok(_)) = body.next().await {} };
    // Whatever is not there by now is not worth a wait: the connection is closed instead.
    let _is_reusable = timeout(DRAIN_TIME, rest).await.is_ok();
}
