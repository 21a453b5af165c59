//! A key that nothing shows by accident.

use std::fmt;

/// A secret text: its `Debug` is redacted, and it has no `Display` and no serde form.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself, for the one place that must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the text with every occurrence of the secret replaced.
    pub fn redact(&self, text: &str) -> String {
        /// Anything shorter is no key, and would be found in ordinary words.
        const LENGTH_MIN: usize = 6;
        if self.0.len() < LENGTH_MIN {
            return text.to_owned();
        }
        text.replace(&self.0, "[secret]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}
