//! Digest access authentication: the answer to a server's challenge.
//!
//! Source: RFC 7616.

use std::collections::BTreeMap;
use std::fmt::Write;

use md5::Md5;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use sha2::digest::Digest as Hash;
use sha2::{Sha256, Sha512_256};

use super::{Login, refused};
use crate::Problem;

/// What a server wants to know.
#[derive(Debug, PartialEq)]
pub(in crate::http) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// Whether the server wants the quality of protection `auth`; otherwise it speaks RFC 2069.
    has_quality: bool,
    hides_username: bool,
}

/// How values are hashed; the best one that is known comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5 { session: bool },
    Sha256 { session: bool },
    Sha512_256 { session: bool },
}

/// What is asked for, as far as the answer depends on it.
pub(in crate::http) struct Asked<'a> {
    /// The method.
    pub(in crate::http) method: &'a str,
    /// The path and the query.
    pub(in crate::http) uri: &'a str,
    /// A value that the client chooses.
    pub(in crate::http) client_nonce: &'a str,
}

impl Challenge {
    /// Reads the best challenge that a refusal carries.
    pub(in crate::http) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let challenges = texts.flat_map(split).filter_map(|text| Self::parse(&text));
        challenges
            .max_by_key(|challenge| challenge.algorithm)
            .ok_or_else(|| refused("the server asks for no digest that is known here"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields = parameters(rest);
        let mut qualities = fields.get("qop").map(|all| all.split(','));
        let has_quality = qualities.is_some();
        if let Some(all) = &mut qualities
            && !all.any(|quality| quality.trim().eq_ignore_ascii_case("auth"))
        {
            return None;
        }
        Some(Self {
            realm: fields.get("realm")?.clone(),
            nonce: fields.get("nonce")?.clone(),
            opaque: fields.get("opaque").cloned(),
            algorithm: Algorithm::named(fields.get("algorithm").map_or("MD5", String::as_str))?,
            has_quality,
            hides_username: fields
                .get("userhash")
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }

    /// Returns the value of the `Authorization` header.
    pub(in crate::http) fn answer(&self, login: &Login, asked: &Asked<'_>) -> String {
        let Login { username, password } = login;
        let (realm, nonce, client) = (&self.realm, &self.nonce, asked.client_nonce);
        let hash = |text: String| self.algorithm.hash(&text);
        let mut first = hash(format!("{username}:{realm}:{password}"));
        if self.algorithm.is_session() {
            first = hash(format!("{first}:{nonce}:{client}"));
        }
        let second = hash(format!("{}:{}", asked.method, asked.uri));
        let response = match self.has_quality {
            true => hash(format!("{first}:{nonce}:00000001:{client}:auth:{second}")),
            false => hash(format!("{first}:{nonce}:{second}")),
        };
        let shown = match self.hides_username {
            true => hash(format!("{username}:{realm}")),
            false => quoted(username),
        };
        let mut answer = format!(
            "Digest username=\"{shown}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", \
             algorithm={}, response=\"{response}\"",
            quoted(realm),
            quoted(nonce),
            asked.uri,
            self.algorithm.name(),
        );
        if self.has_quality {
            answer.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{client}\""));
        }
        if let Some(opaque) = &self.opaque {
            answer.push_str(&format!(", opaque=\"{}\"", quoted(opaque)));
        }
        if self.hides_username {
            answer.push_str(", userhash=true");
        }
        answer
    }
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let (name, session) = match upper.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (upper.as_str(), false),
        };
        match name {
            "MD5" => Some(Self::Md5 { session }),
            "SHA-256" => Some(Self::Sha256 { session }),
            "SHA-512-256" => Some(Self::Sha512_256 { session }),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Md5 { session: false } => "MD5",
            Self::Md5 { session: true } => "MD5-sess",
            Self::Sha256 { session: false } => "SHA-256",
            Self::Sha256 { session: true } => "SHA-256-sess",
            Self::Sha512_256 { session: false } => "SHA-512-256",
            Self::Sha512_256 { session: true } => "SHA-512-256-sess",
        }
    }

    fn is_session(self) -> bool {
        let (Self::Md5 { session } | Self::Sha256 { session } | Self::Sha512_256 { session }) =
            self;
        session
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 { .. } => hex(&Md5::digest(text)),
            Self::Sha256 { .. } => hex(&Sha256::digest(text)),
            Self::Sha512_256 { .. } => hex(&Sha512_256::digest(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes every write");
        text
    })
}

/// Splits a header that may carry several challenges: one begins where a word is followed by
/// a space and a parameter.
fn split(header: &str) -> Vec<String> {
    let mut challenges: Vec<String> = Vec::new();
    for part in outside_quotes(header, ',') {
        let word = part.trim().split(['=', '"']).next().unwrap_or_default();
        match challenges.last_mut() {
            Some(last) if !word.trim_end().contains(' ') && part.contains('=') => {
                last.push(',');
                last.push_str(&part);
            }
            _ => challenges.push(part.trim().to_owned()),
        }
    }
    challenges
}

fn parameters(text: &str) -> BTreeMap<String, String> {
    let parts = outside_quotes(text, ',').into_iter();
    parts
        .filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .map_or_else(|| value.to_owned(), unquoted);
            Some((name.trim().to_ascii_lowercase(), value))
        })
        .collect()
}

fn outside_quotes(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        if c == separator && !is_quoted {
            parts.push(String::new());
            continue;
        }
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = c == '\\' && !is_escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests;
