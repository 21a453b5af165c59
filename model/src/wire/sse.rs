//! Server-sent events: bytes in any pieces become frames. Knows nothing of what they carry.

use std::borrow::Cow;

use memchr::memchr2;

use crate::{ModelError, ModelErrorKind};

/// The most bytes of one line or frame. A picture in base64 is the longest thing that comes.
const FRAME_BYTES_MAX: usize = 32 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One frame of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SseFrame<'a> {
    /// A comment line, sent to keep the connection alive.
    Comment,
    /// A message.
    Message {
        /// The event's name; empty when the stream gives none.
        event: Cow<'a, str>,
        /// Its data lines, joined by line feeds.
        data: Cow<'a, str>,
    },
}

/// Splits a byte stream into frames, whatever the pieces are that it arrives in.
///
/// Takes line feeds, carriage returns and both, a byte order mark, and a last frame without
/// its empty line. Bytes that are not UTF-8 are replaced, as the format asks.
///
/// Source: WHATWG HTML, section 9.2 (server-sent events).
#[derive(Debug, Default)]
pub struct SseDecoder {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    /// The data lines of the frame so far, each followed by a line feed.
    data: Vec<u8>,
    event: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed may follow.
    after_return: bool,
    /// Whether the first line, which may begin with a byte order mark, was read.
    begun: bool,
}

impl SseDecoder {
    /// Makes a decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands every frame that they complete to `take`.
    ///
    /// # Errors
    ///
    /// Returns what `take` returned, or an error of kind `Malformed` when a line or frame is
    /// longer than 32 MiB.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(SseFrame<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        if self.after_return && bytes.first() == Some(&b'\n') {
            bytes = &bytes[1..];
        }
        if !bytes.is_empty() {
            self.after_return = false;
        }
        while let Some(at) = memchr2(b'\n', b'\r', bytes) {
            if self.line.is_empty() {
                self.read_line(&bytes[..at], &mut take)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..at]);
                self.read_line(&line, &mut take)?;
            }
            let returned = bytes[at] == b'\r';
            bytes = &bytes[at + 1..];
            if returned && bytes.first() == Some(&b'\n') {
                bytes = &bytes[1..];
            } else {
                self.after_return = returned && bytes.is_empty();
            }
        }
        self.line.extend_from_slice(bytes);
        check_size(self.line.len())
    }

    /// Takes the end of the stream: a frame that misses its empty line counts all the same.
    ///
    /// # Errors
    ///
    /// Returns what `take` returned.
    pub fn end(
        &mut self,
        mut take: impl FnMut(SseFrame<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.read_line(&line, &mut take)?;
        }
        self.read_line(b"", &mut take)
    }

    fn read_line(
        &mut self,
        mut line: &[u8],
        take: &mut impl FnMut(SseFrame<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        match field_of(line) {
            Field::End => return self.dispatch(take),
            Field::Comment => return take(SseFrame::Comment),
            Field::Data(value) => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
                check_size(self.data.len())?;
            }
            Field::Event(value) => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            Field::Other => {}
        }
        Ok(())
    }

    fn dispatch(
        &mut self,
        take: &mut impl FnMut(SseFrame<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let taken = match self.data.split_last() {
            // A frame without data is none, says the format.
            None => Ok(()),
            Some((_, data)) => take(SseFrame::Message {
                event: String::from_utf8_lossy(&self.event),
                data: String::from_utf8_lossy(data),
            }),
        };
        self.data.clear();
        self.event.clear();
        taken
    }
}

enum Field<'a> {
    End,
    Comment,
    Data(&'a [u8]),
    Event(&'a [u8]),
    Other,
}

fn field_of(line: &[u8]) -> Field<'_> {
    if line.is_empty() {
        return Field::End;
    }
    if line[0] == b':' {
        return Field::Comment;
    }
    if let Some(value) = value_of(line, b"data") {
        return Field::Data(value);
    }
    match value_of(line, b"event") {
        Some(value) => Field::Event(value),
        None => Field::Other,
    }
}

/// Returns the value of a line whose field has the given name: without the one space that may
/// follow the colon, and empty when there is no colon.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

fn check_size(bytes: usize) -> Result<(), ModelError> {
    if bytes > FRAME_BYTES_MAX {
        let message = "the provider sent a frame of more than 32 MiB";
        return Err(ModelError::new(ModelErrorKind::Malformed, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SseDecoder, SseFrame};
    use proptest::prelude::*;

    /// Decodes the pieces and writes each frame as `event|data`, a comment as `:`.
    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = SseDecoder::new();
        let mut seen = Vec::new();
        let mut take = |frame: SseFrame<'_>| {
            seen.push(match frame {
                SseFrame::Comment => ":".to_owned(),
                SseFrame::Message { event, data } => format!("{event}|{data}"),
            });
            Ok(())
        };
        for piece in pieces {
            decoder.push(piece, &mut take).unwrap();
        }
        decoder.end(&mut take).unwrap();
        seen
    }

    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(frames(&[stream.as_bytes()]), expected, "whole");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(frames(&bytes), expected, "byte by byte");
    }

    #[test]
    fn lines_may_end_in_three_ways() {
        check("data: a\n\ndata: b\n\n", &["|a", "|b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["|a", "|b"]);
        check("data: a\r\rdata: b\r\r", &["|a", "|b"]);
    }

    #[test]
    fn fields_comments_and_the_mark_are_read_as_the_format_says() {
        check("\u{feff}event: e\ndata: 1\ndata:2\nid: 7\n\n", &["e|1\n2"]);
        check(": ping\n\ndata:  two spaces\n\n", &[":", "| two spaces"]);
        check("event: lonely\n\ndata: x\n\n", &["|x"]);
        check("database: no\ndata\n\n", &["|"]);
    }

    #[test]
    fn a_last_frame_without_its_empty_line_counts() {
        check("data: a\n\ndata: [DONE]", &["|a", "|[DONE]"]);
        check("data: a\n\ndata: [DONE]\n", &["|a", "|[DONE]"]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            stream in "(data: ?[a-zé€]{0,5}|event: [a-z]{1,3}|: c|[a-z]{0,3}|\r|\n|\r\n){0,40}",
            cuts in prop::collection::vec(0usize..200, 0..8),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(frames(&pieces), frames(&[bytes]));
        }
    }
}
