//! Scopes and access: where a caller may read and write, and with what authority. Both come
//! from the authenticated token, never from what a model or a tool says.

use std::fmt;

use crate::assertion::Trust;

/// The longest name of one level of a scope, in bytes: names become part of a stored key.
const LEVEL_BYTES_MAX: usize = 128;
const LEVELS: usize = 4;

/// A place of facts: a tenant, and in it a project, an agent, a run.
///
/// Scopes never see each other: every key starts with the scope, and so do counts, words and
/// statistics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    levels: [String; LEVELS],
}

impl Scope {
    /// Makes the scope of a whole tenant.
    ///
    /// # Errors
    /// When the name is empty, longer than 128 bytes, or holds `/` or a control character.
    pub fn tenant(name: impl Into<String>) -> Result<Self, InvalidScope> {
        let mut levels = <[String; LEVELS]>::default();
        levels[0] = level(name.into())?;
        Ok(Self { levels })
    }

    /// Narrows the scope to a project.
    ///
    /// # Errors
    /// As [`Scope::tenant`].
    pub fn project(self, name: impl Into<String>) -> Result<Self, InvalidScope> {
        self.with_level(1, name.into())
    }

    /// Narrows the scope to an agent.
    ///
    /// # Errors
    /// As [`Scope::tenant`].
    pub fn agent(self, name: impl Into<String>) -> Result<Self, InvalidScope> {
        self.with_level(2, name.into())
    }

    /// Narrows the scope to a run.
    ///
    /// # Errors
    /// As [`Scope::tenant`].
    pub fn run(self, name: impl Into<String>) -> Result<Self, InvalidScope> {
        self.with_level(3, name.into())
    }

    fn with_level(mut self, index: usize, name: String) -> Result<Self, InvalidScope> {
        self.levels[index] = level(name)?;
        Ok(self)
    }

    /// Writes the levels one after the other, each with its length, so that no two scopes
    /// share their bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in &self.levels {
            let length = u8::try_from(name.len()).expect("levels are at most 128 bytes");
            bytes.push(length);
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut levels = <[String; LEVELS]>::default();
        for slot in &mut levels {
            let (&length, rest) = bytes.split_first()?;
            let (name, rest) = rest.split_at_checked(usize::from(length))?;
            *slot = String::from_utf8(name.to_vec()).ok()?;
            bytes = rest;
        }
        bytes.is_empty().then_some(Self { levels })
    }
}

impl fmt::Display for Scope {
    /// Writes `tenant/project/agent/run`, with `-` for a level that is open, without the open
    /// levels at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.levels.iter().rposition(|name| !name.is_empty());
        for (i, name) in self.levels.iter().enumerate().take(last.unwrap_or(0) + 1) {
            if i > 0 {
                f.write_str("/")?;
            }
            f.write_str(if name.is_empty() { "-" } else { name })?;
        }
        Ok(())
    }
}

fn level(name: String) -> Result<String, InvalidScope> {
    let fits = !name.is_empty() && name.len() <= LEVEL_BYTES_MAX && name != "-";
    if fits && !name.chars().any(|c| c == '/' || c.is_control()) {
        Ok(name)
    } else {
        Err(InvalidScope(name))
    }
}

/// The name cannot be a level of a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a scope: 1 to 128 bytes without `/` and control characters")]
pub struct InvalidScope(String);

/// Who licenses what a caller writes. It sets the first trust of every assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authority {
    /// A model in a loop: what it writes is a candidate until somebody accepts it.
    Agent,
    /// Data from another system: a candidate as well.
    Import,
    /// A routine that copies what it measured: accepted.
    Routine,
    /// A person: accepted, and the only one who may accept, reject and lift rejections.
    Person,
}

impl Authority {
    /// Returns the trust that a new assertion gets.
    pub fn first_trust(self) -> Trust {
        match self {
            Self::Agent | Self::Import => Trust::Candidate,
            Self::Routine | Self::Person => Trust::Accepted,
        }
    }
}

/// What an authenticated caller may do: in which scope it reads and writes, and with what
/// authority.
///
/// Only the program that checks the token makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    scope: Scope,
    authority: Authority,
}

impl Access {
    /// Makes the access of a caller whose token was checked.
    pub fn new(scope: Scope, authority: Authority) -> Self {
        Self { scope, authority }
    }

    /// Returns the scope.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the authority.
    pub fn authority(&self) -> Authority {
        self.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scopes_share_their_bytes() {
        let a = Scope::tenant("a").unwrap().project("bc").unwrap();
        let b = Scope::tenant("ab").unwrap().project("c").unwrap();
        assert_ne!(a.to_bytes(), b.to_bytes());
        assert_eq!(Scope::from_bytes(&a.to_bytes()), Some(a));
    }

    #[test]
    fn scopes_read_as_paths() {
        let scope = Scope::tenant("acme").unwrap().run("r1").unwrap();
        assert_eq!(scope.to_string(), "acme/-/-/r1");
        assert!(Scope::tenant("a/b").is_err());
        assert!(Scope::tenant("").is_err());
    }
}
