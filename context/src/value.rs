//! Values: what an assertion says about an entity when it does not point to another entity.

use std::fmt;

use crate::Moment;

/// The longest value, in bytes of its text: a fact is a sentence, not a document. Documents
/// belong in files, and an observation names them by their hash.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Depth of nesting at which JSON is refused, below what overflows a small stack.
const JSON_DEPTH_MAX: usize = 64;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A moment.
    Moment(Moment),
    /// Anything else, as canonical JSON; made by [`Value::json`].
    Json(Json),
}

/// A JSON document in canonical form: sorted keys, no white space.
///
/// Source: RFC 8785, except that numbers keep the digits they were written with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Json(String);

impl Json {
    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a field of an object, when it is a string.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(&self.0).ok()?;
        Some(value.get(name)?.as_str()?.to_owned())
    }
}

impl Value {
    /// Makes a value of JSON text; strings, whole numbers and truth values get their own kind.
    ///
    /// # Errors
    /// When the text is not JSON, or nested more than 64 levels deep.
    pub fn json(text: &str) -> Result<Self, InvalidJson> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|source| InvalidJson::Syntax {
                detail: source.to_string(),
            })?;
        if let Some(number) = value.as_i64() {
            return Ok(Self::Integer(number));
        }
        Ok(match value {
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            other => {
                let mut out = String::new();
                write_canonical(&other, JSON_DEPTH_MAX, &mut out)?;
                Self::Json(Json(out))
            }
        })
    }

    /// Makes a JSON object of strings, whose names are given in order.
    pub(crate) fn object(fields: &[(&str, &str)]) -> Self {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{}:{}", text(name), text(value)));
        Self::Json(Json(format!(
            "{{{}}}",
            fields.collect::<Vec<_>>().join(",")
        )))
    }

    /// Takes stored JSON as it is: it was canonical when it was written.
    pub(crate) fn stored_json(text: String) -> Self {
        Self::Json(Json(text))
    }

    /// Returns the value as JSON text; moments become RFC 3339 strings.
    pub fn to_json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Moment(moment) => format!("\"{moment}\""),
            Self::Json(json) => json.0.clone(),
        }
    }

    /// Returns the length of the value's text, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.0.len(),
            Self::Integer(_) | Self::Bool(_) | Self::Moment(_) => 8,
        }
    }

    /// Returns the form under which two values count as the same: letter case and white space
    /// of words make no difference.
    pub(crate) fn normalised(&self) -> String {
        match self {
            Self::Text(text) => normalise(text),
            Self::Integer(_) | Self::Bool(_) | Self::Moment(_) | Self::Json(_) => self.to_json(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
            Self::Json(json) => f.write_str(&json.0),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Folds letter case and runs of white space, so that one name has one form.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            let begin = out.len();
            out.push_str(word);
            out[begin..].make_ascii_lowercase();
        } else {
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    out
}

fn write_canonical(
    value: &serde_json::Value,
    depth: usize,
    out: &mut String,
) -> Result<(), InvalidJson> {
    let inner = depth.checked_sub(1).ok_or(InvalidJson::Depth)?;
    match value {
        serde_json::Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, inner, out)?;
            }
            out.push(']');
        }
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|&(key, _)| key);
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(item, inner, out)?;
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
    Ok(())
}

/// The text cannot be a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// It is not JSON.
    #[error("not JSON: {detail}")]
    Syntax {
        /// Where and why.
        detail: String,
    },
    /// It is nested too deeply.
    #[error("nested more than {JSON_DEPTH_MAX} levels deep")]
    Depth,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_json(text: &str, canonical: &str) {
        assert_eq!(Value::json(text).unwrap().to_json(), canonical);
    }

    #[test]
    fn json_becomes_canonical() {
        check_json(
            r#"{"b": 1, "a": [true, null]}"#,
            r#"{"a":[true,null],"b":1}"#,
        );
        check_json(" 12 ", "12");
        check_json("0.25", "0.25");
        check_json(r#""text""#, r#""text""#);
    }

    #[test]
    fn deep_json_is_refused_not_overflown() {
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(Value::json(&deep), Err(InvalidJson::Depth));
    }

    #[test]
    fn normalising_folds_case_and_space() {
        assert_eq!(normalise("  Ada\n LOVELACE "), "ada lovelace");
    }
}
