//! The event stream of Amazon: bytes in any pieces become messages. Knows nothing of what
//! they carry.
//!
//! A message is: its length and its headers' length (each 4 bytes, the highest first), a
//! CRC-32 of these 8 bytes, the headers, the payload, and a CRC-32 of everything before.
//!
//! Source: the `vnd.amazon.eventstream` page of the Smithy specification, version 2.0.

use serde_json::{Value, json};

use crate::wire::decoder::malformed;
use crate::{ModelError, ModelErrorKind};

/// The most bytes of one message; the format allows 24 MiB.
const MESSAGE_BYTES_MAX: usize = 24 << 20;
/// Lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// Splits a byte stream into messages, whatever the pieces are that it arrives in.
#[derive(Debug, Default)]
pub(super) struct AwsEventDecoder {
    /// The start of a message whose end has not come.
    bytes: Vec<u8>,
}

impl AwsEventDecoder {
    /// Takes the next bytes and hands every message that they complete to `take`, as JSON with
    /// the event's name around its payload: `{"messageStart": {…}}`. An exception becomes
    /// `{"error": {"type": …, "message": …}}`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.bytes.extend_from_slice(bytes);
        let mut from = 0;
        let mut taken = Ok(());
        while taken.is_ok() {
            match message_at(&self.bytes[from..]) {
                Ok(Some((text, length))) => {
                    from += length;
                    taken = take(&text);
                }
                Ok(None) => break,
                Err(error) => taken = Err(error),
            }
        }
        self.bytes.drain(..from);
        taken
    }
}

/// Reads the message at the start of the bytes, and how long it is; `None` while it is cut.
fn message_at(bytes: &[u8]) -> Result<Option<(String, usize)>, ModelError> {
    let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE_BYTES>() else {
        return Ok(None);
    };
    let (length, headers_length) = (number(prelude, 0), number(prelude, 4));
    check_sum(&prelude[..8], number(prelude, 8))?;
    let frame = PRELUDE_BYTES + CHECKSUM_BYTES;
    if length > MESSAGE_BYTES_MAX || length < frame || headers_length > length - frame {
        return Err(malformed("a message with impossible lengths"));
    }
    let Some(message) = bytes.get(..length) else {
        return Ok(None);
    };
    let (covered, checksum) = message.split_at(length - CHECKSUM_BYTES);
    check_sum(covered, number(checksum, 0))?;
    let (headers, payload) = covered[PRELUDE_BYTES..].split_at(headers_length);
    let text = wrapped(&Headers::read(headers)?, payload)?;
    Ok(Some((text, length)))
}

fn wrapped(headers: &Headers, payload: &[u8]) -> Result<String, ModelError> {
    let payload = String::from_utf8_lossy(payload);
    if headers.kind == "event" {
        // The payload is read as JSON by whoever takes it.
        let name = Value::from(headers.name.as_str());
        return Ok(format!("{{{name}: {payload}}}"));
    }
    if headers.kind != "exception" && headers.kind != "error" {
        return Err(malformed("a message that is neither event nor exception"));
    }
    let said: Value = serde_json::from_str(&payload).unwrap_or_default();
    let message = said.get("message").or_else(|| said.get("Message"));
    let message = message.and_then(Value::as_str).unwrap_or(&headers.message);
    let error = json!({ "type": headers.name, "message": message });
    Ok(json!({ "error": error }).to_string())
}

/// The headers that matter.
#[derive(Debug, Default)]
struct Headers {
    /// `event`, `exception` or `error`.
    kind: String,
    /// The name of the event, or the code of what went wrong.
    name: String,
    message: String,
}

impl Headers {
    fn read(mut bytes: &[u8]) -> Result<Self, ModelError> {
        let mut headers = Self::default();
        let cut = || malformed("headers that are cut");
        while let Some((length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked((*length).into()).ok_or_else(cut)?;
            let (kind, rest) = rest.split_first().ok_or_else(cut)?;
            let (value, rest) = value_at(*kind, rest).ok_or_else(cut)?;
            let value = String::from_utf8_lossy(value).into_owned();
            match name {
                b":message-type" => headers.kind = value,
                b":event-type" | b":exception-type" | b":error-code" => headers.name = value,
                b":error-message" => headers.message = value,
                _ => {}
            }
            bytes = rest;
        }
        Ok(headers)
    }
}

/// Splits off the value of a header of the given type.
fn value_at(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match kind {
        // True and false.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        // A long number, and a time.
        5 | 8 => 8,
        // Bytes, and text: with their length before them.
        6 | 7 => {
            let (length, rest) = bytes.split_first_chunk::<2>()?;
            return rest.split_at_checked(u16::from_be_bytes(*length).into());
        }
        // An id of 128 bits.
        9 => 16,
        _ => return None,
    };
    bytes.split_at_checked(length)
}

fn number(bytes: &[u8], at: usize) -> usize {
    let four = bytes[at..].first_chunk::<4>().copied();
    u32::from_be_bytes(four.unwrap_or_default()) as usize
}

fn check_sum(bytes: &[u8], expected: usize) -> Result<(), ModelError> {
    if crc32fast::hash(bytes) as usize == expected {
        return Ok(());
    }
    // The connection garbled it, so the reply is broken, and another may be whole.
    let message = "a message of the stream does not match its checksum";
    Err(ModelError::new(ModelErrorKind::Malformed, message))
}
