//! The byte forms of stored rows: little numbers take little room. Readers ignore bytes at
//! the end that they do not know, so rows may grow there.

use crate::{Interval, ItemId, Moment, Snapshot};

/// Appends the parts of a row.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.bytes.push(byte);
        self
    }

    /// Seven bits a byte, the low ones first, the top bit says that more follow.
    pub(crate) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.bytes.push((number as u8) | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
        self
    }

    /// Zigzag, so that small negative numbers are short as well.
    pub(crate) fn signed(&mut self, number: i64) -> &mut Self {
        self.number(((number << 1) ^ (number >> 63)) as u64)
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).raw(bytes)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.blob(text.as_bytes())
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.byte(0),
            Some(text) => self.byte(1).text(text),
        }
    }

    pub(crate) fn optional_snapshot(&mut self, snapshot: Option<Snapshot>) -> &mut Self {
        self.number(snapshot.map_or(0, |s| s.number() + 1))
    }

    pub(crate) fn optional_moment(&mut self, moment: Option<Moment>) -> &mut Self {
        match moment {
            None => self.byte(0),
            Some(moment) => self.byte(1).signed(moment.as_millis()),
        }
    }

    pub(crate) fn items(&mut self, items: &[ItemId]) -> &mut Self {
        self.number(items.len() as u64);
        for item in items {
            self.number(item.number());
        }
        self
    }

    /// A byte that says which ends there are, then those ends.
    pub(crate) fn interval(&mut self, interval: Interval) -> &mut Self {
        let has_from = interval.from() != Moment::BEGINNING;
        let has_to = interval.to() != Moment::END;
        self.byte(u8::from(has_from) | (u8::from(has_to) << 1));
        if has_from {
            self.signed(interval.from().as_millis());
        }
        if has_to {
            self.signed(interval.to().as_millis());
        }
        self
    }
}

/// Takes the parts of a row off its front. Every method gives `None` when the row is too short
/// or the part is not of its form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(byte)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    pub(crate) fn blob(&mut self) -> Option<&'a [u8]> {
        let length = self.small::<usize>()?;
        self.take(length)
    }

    /// Takes so many bytes.
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(head)
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.blob()?.to_vec()).ok()
    }

    pub(crate) fn optional_text(&mut self) -> Option<Option<String>> {
        match self.byte()? {
            0 => Some(None),
            1 => Some(Some(self.text()?)),
            _ => None,
        }
    }

    pub(crate) fn optional_snapshot(&mut self) -> Option<Option<Snapshot>> {
        let number = self.number()?;
        Some(number.checked_sub(1).map(Snapshot::from_number))
    }

    pub(crate) fn optional_moment(&mut self) -> Option<Option<Moment>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(Moment::from_millis(self.signed()?))),
        }
    }

    pub(crate) fn items(&mut self) -> Option<Vec<ItemId>> {
        let count = self.number()?;
        (0..count)
            .map(|_| self.number().map(ItemId::from_number))
            .collect()
    }

    pub(crate) fn interval(&mut self) -> Option<Interval> {
        let flags = self.byte()?;
        let from = match flags & 1 {
            0 => Moment::BEGINNING,
            _ => Moment::from_millis(self.signed()?),
        };
        let to = match flags & 2 {
            0 => Moment::END,
            _ => Moment::from_millis(self.signed()?),
        };
        Interval::between(from, to)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_round_trip(number: u64, signed: i64, text: String) {
            let mut out = Encoder::new();
            out.number(number).signed(signed).text(&text).optional_text(Some(&text));
            let bytes = out.finish();
            let mut input = Decoder::new(&bytes);
            prop_assert_eq!(input.number(), Some(number));
            prop_assert_eq!(input.signed(), Some(signed));
            prop_assert_eq!(input.text(), Some(text.clone()));
            prop_assert_eq!(input.optional_text(), Some(Some(text)));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let mut input = Decoder::new(&bytes);
            while !input.is_empty() && input.interval().is_some() {
                drop((input.number(), input.text(), input.items()));
            }
        }
    }
}
