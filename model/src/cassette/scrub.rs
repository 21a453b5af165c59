//! Finds keys in texts and takes them out.

use serde_json::Value;

use crate::{Request, Secret};

/// What stands in the place of a key.
const MASK: &str = "[secret]";
/// How keys of well-known services begin, and how many characters follow at least.
const SHAPES: [(&str, usize); 14] = [
    ("sk-", 16),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("AIza", 30),
    ("gsk_", 20),
    ("xai-", 20),
    ("hf_", 20),
    ("ghp_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 16),
    ("Bearer ey", 20),
];

/// Knows the secrets that must not be stored, and the shapes of keys in general.
#[derive(Debug, Clone, Default)]
pub struct Scrub {
    secrets: Vec<Secret>,
}

impl Scrub {
    /// Makes a scrub that knows the shapes of keys only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret that is looked for as it is.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Takes every secret out of a text.
    pub fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            clean = secret.redact(&clean).replace("[secret]", MASK);
        }
        while let Some((from, to)) = next_key(&clean, 0) {
            clean.replace_range(from..to, MASK);
        }
        clean
    }

    /// Takes every secret out of the texts of a value, names of fields included.
    pub fn clean(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(all) => all.iter_mut().for_each(|one| self.clean(one)),
            Value::Object(map) => {
                let fields = std::mem::take(map).into_iter();
                let clean = fields.map(|(name, mut one)| {
                    self.clean(&mut one);
                    (self.text(&name), one)
                });
                *map = clean.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Returns the request without its secrets, when it has any.
    pub(crate) fn request(&self, request: &Request) -> Option<Request> {
        let before = serde_json::to_value(request).ok()?;
        let mut after = before.clone();
        self.clean(&mut after);
        if after == before {
            return None;
        }
        serde_json::from_value(after).ok()
    }

    /// Returns the harmless beginning of the first secret in a text.
    pub(super) fn first_secret<'t>(&self, text: &'t str) -> Option<&'t str> {
        let is_known = |secret: &&Secret| secret.redact(text) != text;
        if self.secrets.iter().any(|secret| is_known(&secret)) {
            return Some("a secret that was named");
        }
        let (from, _) = next_key(text, 0)?;
        text.get(from..from + 3)
    }
}

/// Finds the next key by its shape.
fn next_key(text: &str, from: usize) -> Option<(usize, usize)> {
    let found = SHAPES.iter().filter_map(|(start, length_min)| {
        let starts = text[from..].match_indices(start).map(|(at, _)| from + at);
        let keys = starts.filter_map(|at| {
            let before = text[..at].chars().next_back();
            // In the middle of a word it is something else.
            if before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
                return None;
            }
            let tail = &text[at + start.len()..];
            let is_key_letter =
                |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            let length = tail
                .find(|letter| !is_key_letter(letter))
                .unwrap_or(tail.len());
            let has_digit = tail[..length].bytes().any(|byte| byte.is_ascii_digit());
            (length >= *length_min && has_digit).then_some((at, at + start.len() + length))
        });
        keys.min()
    });
    found.min()
}

#[cfg(test)]
mod tests {
    use super::Scrub;
    use crate::Secret;

    #[track_caller]
    fn check(text: &str, clean: &str) {
        let scrub = Scrub::new().with_secret(Secret::new("hunter2-long"));
        assert_eq!(scrub.text(text), clean);
    }

    #[test]
    fn keys_go_and_words_stay() {
        check("key sk-ant-api03-abcdefgh12345678 ok", "key [secret] ok");
        check("hunter2-long, hunter2-long", "[secret], [secret]");
        check("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[secret]");
        check(
            "a risk-averse-and-long-word-without-digits",
            "a risk-averse-and-long-word-without-digits",
        );
        check(
            "the task-1234567890123456789 is open",
            "the task-1234567890123456789 is open",
        );
        check("sk-short1", "sk-short1");
    }
}
