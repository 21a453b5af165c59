//! References to secrets in the arguments of a call. The values never come near a record.
//!
//! `$secrets.token` stands for a *mark*: text that nobody can guess, made of the run and the
//! name. The call says where in its arguments marks are meant, and whose they are; whoever
//! performs it puts the values in at the last moment. What merely looks like a mark, because
//! somebody sent it, is not one, and a mark that travelled elsewhere stays a mark.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Call, Effect, EffectRequest};
use crate::{Digest, RunId};

/// What every mark begins with; letters, digits and `-` only, so that encoding an address
/// leaves it alone.
const MARK_PREFIX: &str = "secret-";

/// One place in the arguments of a call where secrets are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// The JSON pointer of the text, relative to the arguments.
    pub pointer: String,
    /// The names of the secrets whose marks stand in it.
    pub names: Vec<String>,
}

/// A secret that is needed and not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{0}` is not set")]
pub struct MissingSecret(
    /// Its name.
    pub String,
);

/// Returns the text that stands for a secret in a run.
pub(crate) fn mark(run: RunId, name: &str) -> String {
    let mut text = run.to_bytes().to_vec();
    text.extend_from_slice(b"secret");
    text.extend_from_slice(name.as_bytes());
    format!("{MARK_PREFIX}{}", Digest::of_bytes(&text).to_hex())
}

/// Finds the marks of a run in a text, by the names that it may use.
pub(crate) fn names_in<'n>(run: RunId, text: &str, names: &'n [String]) -> Vec<&'n String> {
    let is_in = |name: &&String| text.contains(&mark(run, name));
    match text.contains(MARK_PREFIX) {
        true => names.iter().filter(is_in).collect(),
        false => Vec::new(),
    }
}

impl Effect {
    /// Returns the arguments of a call with the values of its secrets put in, for whoever
    /// performs it. What comes out must not be logged or kept.
    ///
    /// Arguments of anything but a call are `null`.
    ///
    /// # Errors
    ///
    /// When a secret is not at hand.
    pub fn revealed(
        &self,
        secret: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Value, MissingSecret> {
        let EffectRequest::Call(call) = &self.request else {
            return Ok(Value::Null);
        };
        call.revealed(self.run, secret)
    }
}

impl Call {
    fn revealed(
        &self,
        run: RunId,
        secret: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Value, MissingSecret> {
        let mut arguments = self.arguments.clone();
        for SecretUse { pointer, names } in &self.secrets {
            let Some(Value::String(text)) = arguments.pointer_mut(pointer) else {
                continue;
            };
            for name in names {
                let value = secret(name).ok_or_else(|| MissingSecret(name.clone()))?;
                *text = text.replace(&mark(run, name), &value);
            }
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{EffectClass, Timestamp};

    fn run(identity: u128) -> RunId {
        RunId::from_parts(Timestamp::from_millis(0), identity)
    }

    fn call(token: String, other: String) -> Call {
        Call {
            function: "http".to_owned(),
            version: String::new(),
            arguments: json!({ "headers": { "a/b": token }, "body": other }),
            class: EffectClass::Read,
            secrets: vec![SecretUse {
                pointer: "/headers/a~1b".to_owned(),
                names: vec!["token".to_owned()],
            }],
        }
    }

    fn value(name: &str) -> Option<String> {
        (name == "token").then(|| "hunter2".to_owned())
    }

    #[test]
    fn values_stand_only_where_they_are_meant() {
        let marked = mark(run(1), "token");
        let call = call(format!("Bearer {marked}"), marked.clone());
        assert_eq!(
            call.revealed(run(1), &value),
            Ok(json!({ "headers": { "a/b": "Bearer hunter2" }, "body": marked }))
        );
    }

    #[test]
    fn the_mark_of_another_run_or_name_stays() {
        for strange in [mark(run(2), "token"), mark(run(1), "other")] {
            let call = call(strange.clone(), String::new());
            let revealed = call.revealed(run(1), &value).expect("it is at hand");
            assert_eq!(revealed["headers"]["a/b"], json!(strange));
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        let call = call(mark(run(1), "token"), String::new());
        assert_eq!(
            call.revealed(run(1), &|_| None),
            Err(MissingSecret("token".to_owned()))
        );
    }

    #[test]
    fn marks_survive_the_encoding_of_addresses() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(mark(run(1), "a name/with: all").chars().all(plain));
    }
}
