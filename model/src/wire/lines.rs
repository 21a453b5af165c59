//! Newline-delimited JSON: bytes in any pieces become lines. Knows nothing of what they carry.

use memchr::memchr;

use crate::{ModelError, ModelErrorKind};

/// The most bytes of one line. A picture in base64 is the longest thing that comes.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Splits a byte stream into lines, whatever the pieces are that it arrives in. Empty lines
/// are left out.
#[derive(Debug, Default)]
pub(super) struct LineDecoder {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
}

impl LineDecoder {
    /// Takes the next bytes and hands every line that they complete to `take`.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        while let Some(at) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..at], &bytes[at + 1..]);
            if self.line.is_empty() {
                hand_over(line, &mut take)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                hand_over(&whole, &mut take)?;
            }
            bytes = rest;
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > LINE_BYTES_MAX {
            let message = "the provider sent a line of more than 32 MiB";
            return Err(ModelError::new(ModelErrorKind::Malformed, message));
        }
        Ok(())
    }

    /// Takes the end of the stream: a last line without its end counts all the same.
    pub(super) fn end(
        &mut self,
        mut take: impl FnMut(&str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        hand_over(&std::mem::take(&mut self.line), &mut take)
    }
}

fn hand_over(
    line: &[u8],
    take: &mut impl FnMut(&str) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    take(&String::from_utf8_lossy(line))
}
