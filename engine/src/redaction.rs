//! Secrets in values: found by what they look like or by what they are, and replaced by tokens
//! that keep equality. Pure; the same secret gives the same token under the same key.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Digest;

mod shapes;

/// The shortest known value that is looked for; a shorter one would be found everywhere.
const KNOWN_BYTES_MIN: usize = 6;
/// How many digits of the keyed hash a token shows: enough to tell secrets apart, too few to
/// find one out.
const TOKEN_DIGITS: usize = 10;
/// How a token begins.
const TOKEN_START: &str = "[redacted:";
/// How often a text is decoded when it looks like base64.
const DECODE_DEPTH: usize = 2;

/// Finds secrets and replaces them.
#[derive(Clone, Default)]
pub struct Redaction {
    /// Values that are secret whatever they look like, by the name they go by.
    known: BTreeMap<String, String>,
    /// Makes tokens of one bundle or store different from those of another.
    key: String,
}

/// What was replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionReport {
    /// How often each kind of secret was replaced.
    pub replaced: BTreeMap<String, u64>,
    /// The tokens that stand for secrets now.
    pub tokens: BTreeSet<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: the values are what must not be seen.
        f.debug_struct("Redaction")
            .field("known", &self.known.values())
            .finish_non_exhaustive()
    }
}

impl Redaction {
    /// Makes a redaction that goes by what secrets look like. The key makes its tokens its own.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            known: BTreeMap::new(),
            key: key.into(),
        }
    }

    /// Adds a value that is secret whatever it looks like, by the name it goes by.
    #[must_use]
    pub fn with_known(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.len() >= KNOWN_BYTES_MIN {
            self.known.insert(value, name.into());
        }
        self
    }

    /// Returns a text without its secrets.
    pub fn text(&self, text: &str, report: &mut RedactionReport) -> String {
        self.text_at(text, DECODE_DEPTH, report)
    }

    /// Redacts what is known, then what stands between the tokens.
    fn text_at(&self, text: &str, depth: usize, report: &mut RedactionReport) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.known {
            if text.contains(value.as_str()) {
                let token = self.token(name, value, report);
                text = text.replace(value.as_str(), &token);
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(from) = rest.find(TOKEN_START) {
            let to = rest[from..]
                .find(']')
                .map_or(rest.len(), |end| from + end + 1);
            out.push_str(&self.plain(&rest[..from], depth, report));
            out.push_str(&rest[from..to]);
            rest = &rest[to..];
        }
        out.push_str(&self.plain(rest, depth, report));
        out
    }

    fn plain(&self, clean: &str, depth: usize, report: &mut RedactionReport) -> String {
        let mut out = String::with_capacity(clean.len());
        let mut rest = clean;
        while let Some(found) = shapes::find(rest) {
            out.push_str(&rest[..found.from]);
            out.push_str(&self.token(found.kind, &rest[found.from..found.to], report));
            rest = &rest[found.to..];
        }
        out.push_str(rest);
        if depth == 0 {
            return out;
        }
        self.decoded(&out, depth, report)
    }

    /// Replaces stretches of base64 that hide a secret.
    fn decoded(&self, text: &str, depth: usize, report: &mut RedactionReport) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((from, to)) = shapes::base64_stretch(rest) {
            let stretch = &rest[from..to];
            out.push_str(&rest[..from]);
            let hidden = shapes::decode(stretch);
            let mut inside = RedactionReport::default();
            let hides =
                hidden.is_some_and(|text| self.text_at(&text, depth - 1, &mut inside) != text);
            if hides {
                out.push_str(&self.token("base64", stretch, report));
            } else {
                out.push_str(stretch);
            }
            rest = &rest[to..];
        }
        out.push_str(rest);
        out
    }

    /// Takes every secret out of a value, names of members included. Members whose name says
    /// that they hold a secret lose their text whatever it looks like.
    pub fn value(&self, value: &mut Value, report: &mut RedactionReport) {
        match value {
            Value::String(text) => *text = self.text(text, report),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, report)),
            Value::Object(members) => {
                let fields = std::mem::take(members);
                for (name, mut member) in fields {
                    match &mut member {
                        Value::String(text) if shapes::names_secret(&name, text) => {
                            *text = self.token("named", text, report);
                        }
                        other => self.value(other, report),
                    }
                    members.insert(self.text(&name, report), member);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn token(&self, kind: &str, secret: &str, report: &mut RedactionReport) -> String {
        let digest = Digest::of_bytes(format!("{}\u{0}{secret}", self.key).as_bytes());
        let token = format!("{TOKEN_START}{kind}:{}]", &digest.to_hex()[..TOKEN_DIGITS]);
        *report.replaced.entry(kind.to_owned()).or_default() += 1;
        report.tokens.insert(token.clone());
        token
    }
}

impl RedactionReport {
    /// Returns how many secrets were replaced.
    pub fn count(&self) -> u64 {
        self.replaced.values().sum()
    }
}

#[cfg(test)]
mod tests;
