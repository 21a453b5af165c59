//! Words: how text is cut into them, and how well a document answers a question by its words.
//!
//! Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
//! 2009; the usual k1 = 1.2 and b = 0.75.

use std::collections::BTreeMap;

use crate::ItemId;
use crate::codec::{Decoder, Encoder};

/// The longest word that is kept, in characters: longer ones are numbers and noise.
const WORD_CHARS_MAX: usize = 40;
/// Words of one document that are indexed; what follows is not found by its words.
const DOCUMENT_WORDS_MAX: usize = 4_096;

/// Cuts text into words: runs of letters and digits in lower case, English plurals folded.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.chars().count() <= WORD_CHARS_MAX)
        .map(|word| stem(lower_case(word)))
}

fn lower_case(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.chars().flat_map(char::to_lowercase).collect()
}

/// Folds the most frequent English endings, and only those: `replies` and `reply`, `orders`
/// and `order` become one word. Other languages keep their words as they are.
fn stem(mut word: String) -> String {
    if !word.is_ascii() || word.len() < 4 {
        return word;
    }
    if word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if word.ends_with("sses") {
        word.truncate(word.len() - 2);
    } else if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") {
        word.truncate(word.len() - 1);
    }
    word
}

/// The words of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// How often each word occurs.
    pub(crate) counts: BTreeMap<String, u32>,
    /// Words in all.
    pub(crate) length: u32,
}

impl Document {
    pub(crate) fn of(text: &str) -> Self {
        let mut document = Self::default();
        for word in words(text).take(DOCUMENT_WORDS_MAX) {
            *document.counts.entry(word).or_default() += 1;
            document.length += 1;
        }
        document
    }
}

/// One document in the list of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) item: ItemId,
    /// How often the word occurs.
    pub(crate) count: u32,
    /// Words of the whole document.
    pub(crate) length: u32,
}

impl Posting {
    /// A word that occurs once, which is most of them, takes one number.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number((u64::from(self.length) << 1) | u64::from(self.count > 1));
        if self.count > 1 {
            out.number(u64::from(self.count));
        }
        out.finish()
    }

    pub(crate) fn decode(item: ItemId, bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        let head = input.number()?;
        Some(Self {
            item,
            count: if head & 1 == 1 { input.small()? } else { 1 },
            length: u32::try_from(head >> 1).ok()?,
        })
    }
}

/// Documents and words of a scope at a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) documents: u64,
    pub(crate) words: u64,
}

impl Totals {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.documents).number(self.words);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        Some(Self {
            documents: input.number()?,
            words: input.number()?,
        })
    }
}

/// The weight of one word in the ranking of a question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordWeight {
    idf: f64,
    average_length: f64,
}

impl WordWeight {
    const K1: f64 = 1.2;
    const B: f64 = 0.75;

    /// Weighs a word that occurs in so many documents.
    pub(crate) fn new(totals: Totals, documents_with_word: u64) -> Self {
        let all = totals.documents as f64;
        let with = documents_with_word as f64;
        Self {
            idf: (1.0 + (all - with + 0.5).max(0.0) / (with + 0.5)).ln(),
            average_length: totals.words as f64 / all.max(1.0),
        }
    }

    /// Returns what the word adds to the score of a document.
    pub(crate) fn score(self, posting: Posting) -> f64 {
        let count = f64::from(posting.count);
        let length = f64::from(posting.length) / self.average_length.max(1.0);
        let damped = count + Self::K1 * (1.0 - Self::B + Self::B * length);
        self.idf * count * (Self::K1 + 1.0) / damped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_words(text: &str, expected: &[&str]) {
        assert_eq!(words(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn text_is_cut_into_words() {
        check_words("Replies to ORDERS, 2x!", &["reply", "to", "order", "2x"]);
        check_words("Größe der Glasses", &["größe", "der", "glass"]);
        check_words("status glass", &["status", "glass"]);
        check_words("", &[]);
    }

    #[test]
    fn rare_words_and_short_documents_weigh_more() {
        let totals = Totals {
            documents: 1000,
            words: 10_000,
        };
        let posting = |length| Posting {
            item: ItemId::from_number(1),
            count: 1,
            length,
        };
        let rare = WordWeight::new(totals, 2);
        let common = WordWeight::new(totals, 900);
        assert!(rare.score(posting(10)) > common.score(posting(10)));
        assert!(rare.score(posting(5)) > rare.score(posting(50)));
    }
}
