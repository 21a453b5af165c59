//! Helpers that say what a test wants in one line.

use std::path::{Path, PathBuf};

use layercake_model::descriptor::AnswerMeans;
use layercake_model::fold::Fold;
use layercake_model::wire::{Delivery, Dialect, Quirks, Target};
use layercake_model::{Event, ModelError, Reply};

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn read(name: &str) -> String {
    let file = data(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) fn target(provider: &str, model: &str, quirks: Quirks) -> Target {
    Target {
        provider: provider.to_owned(),
        model: model.to_owned(),
        delivery: Delivery::Stream,
        quirks,
        output_tokens_max: None,
    }
}

pub(crate) fn native() -> Quirks {
    Quirks {
        answer_means: AnswerMeans::Native,
        ..Quirks::default()
    }
}

pub(crate) fn fold(events: Vec<Event>) -> Result<Reply, ModelError> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event)?;
    }
    fold.finish()
}

/// Decodes the pieces of one streamed reply.
pub(crate) fn stream_events(dialect: Dialect, pieces: &[&[u8]]) -> Result<Vec<Event>, ModelError> {
    let mut decoder = dialect.decoder(0);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut events)?;
    }
    decoder.end(&mut events)?;
    Ok(events)
}

pub(crate) fn stream_reply(dialect: Dialect, bytes: &[u8]) -> Result<Reply, ModelError> {
    fold(stream_events(dialect, &[bytes])?)
}

pub(crate) fn whole_reply(dialect: Dialect, body: &str) -> Result<Reply, ModelError> {
    fold(dialect.decode_reply(body.as_bytes(), 0)?)
}

/// Writes frames as a stream of data lines.
pub(crate) fn sse(frames: &[&str]) -> String {
    frames
        .iter()
        .map(|frame| format!("data: {frame}\n\n"))
        .collect()
}
