//! The difference of two texts, word by word.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

/// The longest texts, together, that are compared by words; longer ones are compared by lines.
const WORDS_BYTES_MAX: usize = 256 * 1024;

/// A stretch of text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// In both texts.
    Same(String),
    /// Only in the first.
    Removed(String),
    /// Only in the second.
    Added(String),
}

/// Compares two texts. The stretches of the first text put together give it back, and so do
/// those of the second.
pub fn words(a: &str, b: &str) -> Vec<Word> {
    let diff = if a.len() + b.len() <= WORDS_BYTES_MAX {
        TextDiff::from_words(a, b)
    } else {
        TextDiff::from_lines(a, b)
    };
    let mut found: Vec<Word> = Vec::new();
    for change in diff.iter_all_changes() {
        let text = change.value();
        match (change.tag(), found.last_mut()) {
            (ChangeTag::Equal, Some(Word::Same(last)))
            | (ChangeTag::Delete, Some(Word::Removed(last)))
            | (ChangeTag::Insert, Some(Word::Added(last))) => last.push_str(text),
            (ChangeTag::Equal, _) => found.push(Word::Same(text.to_owned())),
            (ChangeTag::Delete, _) => found.push(Word::Removed(text.to_owned())),
            (ChangeTag::Insert, _) => found.push(Word::Added(text.to_owned())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Word, words};

    #[test]
    fn the_words_give_both_texts_back() {
        let (a, b) = ("the old quick fox", "the quick brown fox");
        let found = words(a, b);
        let side = |is_first: bool| -> String {
            let texts = found.iter().filter_map(|word| match word {
                Word::Same(text) => Some(text),
                Word::Removed(text) if is_first => Some(text),
                Word::Added(text) if !is_first => Some(text),
                _ => None,
            });
            texts.map(String::as_str).collect()
        };
        assert_eq!((side(true).as_str(), side(false).as_str()), (a, b));
        assert!(found.contains(&Word::Same("the ".to_owned())), "{found:?}");
    }
}
