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

/// Reads a recorded stream, in the form in which its dialect goes over the wire.
pub(crate) fn stream_bytes(name: &str) -> Vec<u8> {
    let lines = data(&format!("{name}.ndjson"));
    if lines.exists() {
        return std::fs::read(lines).unwrap();
    }
    if data(&format!("{name}.events")).exists() {
        return aws_events(&read(&format!("{name}.events")));
    }
    read(&format!("{name}.sse")).into_bytes()
}

/// Writes lines of `name payload` as messages of an Amazon event stream; a name with a `!`
/// before it is that of an exception.
pub(crate) fn aws_events(lines: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    for line in lines.lines() {
        let (name, payload) = line.split_once(' ').unwrap();
        let (kind, name) = match name.strip_prefix('!') {
            Some(name) => ("exception", name),
            None => ("event", name),
        };
        let mut headers = Vec::new();
        for (header, value) in [
            (":message-type", kind),
            (&format!(":{kind}-type"), name),
            (":content-type", "application/json"),
        ] {
            headers.push(header.len() as u8);
            headers.extend(header.as_bytes());
            headers.push(7);
            headers.extend((value.len() as u16).to_be_bytes());
            headers.extend(value.as_bytes());
        }
        let mut message = Vec::new();
        message.extend((16 + headers.len() as u32 + payload.len() as u32).to_be_bytes());
        message.extend((headers.len() as u32).to_be_bytes());
        message.extend(crc32fast::hash(&message).to_be_bytes());
        message.extend(&headers);
        message.extend(payload.as_bytes());
        message.extend(crc32fast::hash(&message).to_be_bytes());
        stream.extend(message);
    }
    stream
}
