//! Takes secrets out of whatever comes back: servers repeat what they were told more often
//! than one would think, and what comes back is recorded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Login;
use crate::Outcome;

/// What stands where a secret was.
const MASK: &str = "[secret]";

/// Shorter values are not looked for: they would be found everywhere. In bytes.
const BYTES_MIN: usize = 3;

/// Fields of an authentication that are secret; names, addresses and scopes are not.
const SECRET_FIELDS: [&str; 6] = [
    "password",
    "token",
    "secret",
    "assertion",
    "access_token",
    "refresh_token",
];

/// The secrets of one request, in all forms in which they may come back.
#[derive(Clone, Default)]
pub(in crate::http) struct Scrub {
    /// The longest first, so that no part of one is taken for another.
    forms: Vec<String>,
}

impl Scrub {
    /// Looks for what is secret among the fields of an authentication.
    pub(super) fn fields(&mut self, fields: &Value) {
        match fields {
            Value::String(text) => self.value(text),
            Value::Object(map) => {
                for (name, value) in map {
                    match value {
                        Value::String(text) if SECRET_FIELDS.contains(&name.as_str()) => {
                            self.value(text);
                        }
                        Value::Object(_) => self.fields(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Looks for a login in the form in which it is sent.
    pub(super) fn login(&mut self, login: &Login) {
        self.form(STANDARD.encode(format!("{}:{}", login.username, login.password)));
    }

    /// Looks for a value from now on.
    pub(in crate::http) fn value(&mut self, secret: &str) {
        let json = Value::String(secret.to_owned()).to_string();
        self.form(json[1..json.len() - 1].to_owned());
        let encoded = url_encoded(secret);
        self.form(encoded.replace('+', "%20"));
        self.form(encoded);
        self.form(STANDARD.encode(secret));
        self.form(secret.to_owned());
    }

    fn form(&mut self, form: String) {
        if form.len() >= BYTES_MIN && !self.forms.contains(&form) {
            self.forms.push(form);
            self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
    }

    /// Takes the secrets out of bytes.
    pub(in crate::http) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for form in &self.forms {
            bytes = without(bytes, form.as_bytes());
        }
        bytes
    }

    /// Takes the secrets out of everything that is recorded of an effect.
    pub(in crate::http) fn outcome(&self, mut outcome: Outcome) -> Outcome {
        if self.forms.is_empty() {
            return outcome;
        }
        match &mut outcome.result {
            Ok(value) => self.json(value),
            Err(problem) => {
                problem.title = self.text(&problem.title);
                problem.detail = problem.detail.as_deref().map(|detail| self.text(detail));
            }
        }
        if let Some(evidence) = &mut outcome.evidence {
            self.json(evidence);
        }
        outcome
    }

    fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => {
                let taken = std::mem::take(fields).into_iter();
                fields.extend(taken.map(|(name, mut inner)| {
                    self.json(&mut inner);
                    (self.text(&name), inner)
                }));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes the secrets out of text.
    pub(in crate::http) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), MASK);
            }
        }
        text
    }
}

fn without(bytes: Vec<u8>, form: &[u8]) -> Vec<u8> {
    if bytes.len() < form.len() {
        return bytes;
    }
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(form) {
            clean.extend_from_slice(MASK.as_bytes());
            rest = after;
        } else {
            clean.push(*first);
            rest = tail;
        }
    }
    clean
}

fn url_encoded(text: &str) -> String {
    let mut url: reqwest::Url = "x:".parse().expect("a constant address is sound");
    url.query_pairs_mut().append_pair("", text);
    url.query()
        .unwrap_or_default()
        .trim_start_matches('=')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Login, Scrub};

    #[test]
    fn a_secret_is_found_in_every_form_it_is_sent_in() {
        let mut scrub = Scrub::default();
        scrub.fields(&json!({ "username": "ada", "password": "a\"b c/ü" }));
        scrub.login(&Login {
            username: "ada".to_owned(),
            password: "a\"b c/ü".to_owned(),
        });
        let echo =
            r#"ada; {"p":"a\"b c/ü"} a%22b+c%2F%C3%BC a%22b%20c%2F%C3%BC YWRhOmEiYiBjL8O8 a"b c/ü"#;
        let expected = r#"ada; {"p":"[secret]"} [secret] [secret] [secret] [secret]"#;
        assert_eq!(scrub.text(echo), expected);
        assert_eq!(scrub.bytes(echo.into()), expected.as_bytes());
    }

    #[test]
    fn what_is_too_short_to_be_secret_stays() {
        let mut scrub = Scrub::default();
        scrub.value("ab");
        assert_eq!(scrub.text("ab abba"), "ab abba");
    }
}
