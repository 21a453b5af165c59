//! The seam to secrets: values that routines name and never hold.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// A secret's value. Never shows itself.
#[derive(Clone, PartialEq)]
pub struct Secret(Value);

impl Secret {
    /// Makes a secret of several fields, for instance `username` and `password`.
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Reads a secret from text: a JSON object has fields, everything else is one value.
    pub fn from_text(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Self(value),
            Ok(_) | Err(_) => Self(Value::String(text.to_owned())),
        }
    }

    /// Returns the value, to be used and not to be kept.
    pub fn reveal(&self) -> &Value {
        &self.0
    }

    /// Returns the value as text: JSON, unless it is text already.
    pub fn text(&self) -> String {
        match &self.0 {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Finds secrets by the names under which routines declare them.
///
/// A closure from a name to text is one; so is [`NamedSecrets`].
pub trait Secrets: Send + Sync {
    /// Returns the secret of that name, as it is now; nothing when there is none.
    fn secret(&self, name: &str) -> Option<Secret>;
}

impl<F> Secrets for F
where
    F: Fn(&str) -> Option<String> + Send + Sync,
{
    fn secret(&self, name: &str) -> Option<Secret> {
        self(name).map(|text| Secret::from_text(&text))
    }
}

/// Secrets that are held in memory.
#[derive(Debug, Clone, Default)]
pub struct NamedSecrets(BTreeMap<String, Secret>);

impl NamedSecrets {
    /// Makes an empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret; the same name replaces.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, secret: Secret) -> Self {
        self.0.insert(name.into(), secret);
        self
    }
}

impl Secrets for NamedSecrets {
    fn secret(&self, name: &str) -> Option<Secret> {
        self.0.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NamedSecrets, Secret, Secrets};

    fn check(secrets: &dyn Secrets) {
        let login = secrets.secret("login").expect("it is known");
        assert_eq!(
            login.reveal(),
            &json!({ "username": "ada", "password": "p" })
        );
        let token = secrets.secret("token").expect("it is known");
        assert_eq!(token.reveal(), &json!("1234"), "digits stay text");
        assert_eq!(secrets.secret("other"), None);
        assert_eq!(format!("{login:?}{token:?}"), "Secret(…)Secret(…)");
    }

    #[test]
    fn every_source_of_secrets_gives_the_same() {
        let login = r#"{"username":"ada","password":"p"}"#;
        check(&|name: &str| match name {
            "login" => Some(login.to_owned()),
            "token" => Some("1234".to_owned()),
            _ => None,
        });
        let named = NamedSecrets::new()
            .with("login", Secret::from_text(login))
            .with("token", Secret::from_text("1234"));
        check(&named);
    }
}
