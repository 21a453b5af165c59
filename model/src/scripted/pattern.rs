//! What a text must be like: it contains, it has one of, it is, it fits a glob.

use serde::Deserialize;

use super::one_or_many::OneOrMany;

/// Conditions on one text; all that are given must hold. Letters of both cases are the same,
/// except for `is`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TextPattern {
    /// Each of these occurs in it.
    pub(super) contains: OneOrMany<String>,
    /// At least one of these occurs in it.
    pub(super) any: OneOrMany<String>,
    /// None of these occurs in it.
    pub(super) not: OneOrMany<String>,
    /// The whole text fits one of these; `*` stands for any letters, `?` for one.
    pub(super) glob: OneOrMany<String>,
    /// It is one of these.
    pub(super) is: OneOrMany<String>,
}

/// The names of the conditions, as they end the keys of a match.
pub(super) const OPERATIONS: [&str; 5] = ["contains", "any", "not", "glob", "is"];

impl TextPattern {
    pub(super) fn operation_mut(&mut self, name: &str) -> Option<&mut OneOrMany<String>> {
        match name {
            "contains" => Some(&mut self.contains),
            "any" => Some(&mut self.any),
            "not" => Some(&mut self.not),
            "glob" => Some(&mut self.glob),
            "is" => Some(&mut self.is),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        if self.is_empty() {
            return true;
        }
        let lower = text.to_lowercase();
        let has = |word: &String| lower.contains(&word.to_lowercase());
        let some = |list: &OneOrMany<String>, fits: &dyn Fn(&String) -> bool| {
            list.0.is_empty() || list.0.iter().any(fits)
        };
        self.contains.0.iter().all(has)
            && some(&self.any, &has)
            && !self.not.0.iter().any(has)
            && some(&self.glob, &|glob| glob_fits(&glob.to_lowercase(), &lower))
            && some(&self.is, &|whole| whole.trim() == text.trim())
    }
}

/// Whether the text fits the glob. Takes time in proportion to the product of both lengths.
pub(super) fn glob_fits(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at_glob, mut at_text) = (0, 0);
    // Where to go on when the letters after the last star did not fit.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match glob.get(at_glob) {
            Some('*') => {
                retry = Some((at_glob + 1, at_text));
                at_glob += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[at_text] => {
                at_glob += 1;
                at_text += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                (at_glob, at_text) = (after_star, taken + 1);
            }
        }
    }
    glob[at_glob..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::glob_fits;

    #[test]
    fn globs_cover_whole_texts() {
        for (glob, text) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("a?c", "abc"),
            ("*b*", "abc"),
            ("a**", "a"),
        ] {
            assert!(glob_fits(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("a", "ab"), ("a*d", "abc"), ("?", ""), ("", "a")] {
            assert!(!glob_fits(glob, text), "{glob} {text}");
        }
    }
}
