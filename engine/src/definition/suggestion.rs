//! "Did you mean …": the nearest known word.

/// Words longer than this are not compared; nobody mistypes a paragraph.
const WORD_MAX: usize = 64;

/// The most known words that are compared, and the most that are listed.
const COMPARED_MAX: usize = 2_000;
const LISTED_MAX: usize = 12;

/// Returns the known word that is nearest to what was written, if it is near enough.
pub(crate) fn nearest<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    if written.len() > WORD_MAX {
        return None;
    }
    let lower = written.to_lowercase();
    known
        .into_iter()
        .take(COMPARED_MAX)
        .filter(|word| *word != written && word.len() <= WORD_MAX)
        .map(|word| (distance(&lower, &word.to_lowercase()), word))
        .filter(|(distance, word)| {
            let length = word.chars().count();
            let longer = length.max(lower.chars().count());
            *distance < longer && *distance <= 1.max(length.min(12) / 3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Returns the number of edits (insert, delete, replace, swap neighbours) between two words.
///
/// Source: the optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Writes words as `a`, `b` or `c`.
pub(crate) fn alternatives<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let mut words = words.into_iter();
    let listed = words.by_ref().take(LISTED_MAX);
    let mut quoted: Vec<String> = listed.map(|word| format!("`{word}`")).collect();
    let more = words.count();
    if more > 0 {
        quoted.push(format!("{more} more"));
    }
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_find_their_neighbour() {
        let known = ["set", "switch", "schema", "endpoint", "seconds", "raise"];
        let cases = [
            ("sett", Some("set")),
            ("est", Some("set")),
            ("swicth", Some("switch")),
            ("second", Some("seconds")),
            ("Endpoint", Some("endpoint")),
            ("url", None),
            ("rise", Some("raise")),
            ("completely-different", None),
            ("a", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
