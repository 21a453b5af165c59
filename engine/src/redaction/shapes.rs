//! What secrets look like: the shapes of well-known keys, and names that say what they hold.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: &'static str,
}

/// How keys of well-known services begin, and how many characters follow at least.
///
/// Source: the services' own documentation of their key formats.
const PREFIXES: [(&str, usize, &str); 24] = [
    ("sk-", 16, "key"),
    ("sk_live_", 16, "key"),
    ("sk_test_", 16, "key"),
    ("rk_live_", 16, "key"),
    ("AIza", 30, "key"),
    ("gsk_", 16, "key"),
    ("xai-", 16, "key"),
    ("hf_", 16, "key"),
    ("r8_", 16, "key"),
    ("npm_", 20, "key"),
    ("pypi-", 20, "key"),
    ("SG.", 20, "key"),
    ("ghp_", 20, "token"),
    ("gho_", 20, "token"),
    ("ghs_", 20, "token"),
    ("ghu_", 20, "token"),
    ("github_pat_", 20, "token"),
    ("glpat-", 16, "token"),
    ("xoxb-", 16, "token"),
    ("xoxp-", 16, "token"),
    ("xapp-", 16, "token"),
    ("AKIA", 16, "access-key"),
    ("ASIA", 16, "access-key"),
    ("dop_v1_", 20, "token"),
];

/// What stands before a secret that has no shape of its own, up to the separator.
const LABELS: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "auth_token",
    "client_secret",
    "secret_key",
    "private_key",
    "accountkey",
    "sharedaccesskey",
];

/// The shortest value after a label that counts as a secret.
const LABELLED_MIN: usize = 6;
/// The shortest stretch of base64 that is decoded.
const BASE64_MIN: usize = 20;

/// Finds the first secret of a text.
pub(super) fn find(text: &str) -> Option<Found> {
    let finders: [fn(&str) -> Option<Found>; 6] =
        [private_key, prefixed, bearer, jwt, connection, labelled];
    let found = finders.into_iter().filter_map(|find| find(text));
    found.min_by_key(|found| (found.from, usize::MAX - found.to))
}

fn is_key_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.".contains(letter)
}

fn end_of(text: &str, from: usize, is_part: fn(char) -> bool) -> usize {
    let tail = &text[from..];
    from + tail.find(|letter| !is_part(letter)).unwrap_or(tail.len())
}

fn is_inside_word(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn private_key(text: &str) -> Option<Found> {
    let from = text.find("-----BEGIN ")?;
    let head = &text[from..];
    if !head.lines().next()?.contains("PRIVATE KEY") && !head.contains("PRIVATE KEY-----") {
        return None;
    }
    let end = head.find("-----END ").map(|at| {
        let close = head[at + 9..].find("-----");
        close.map_or(head.len(), |close| at + 9 + close + 5)
    });
    Some(Found {
        from,
        to: from + end.unwrap_or(head.len()),
        kind: "private-key",
    })
}

fn prefixed(text: &str) -> Option<Found> {
    let found = PREFIXES.iter().flat_map(|(prefix, length_min, kind)| {
        let starts = text.match_indices(prefix).map(|(at, _)| at);
        let keys = starts.filter_map(move |from| {
            let to = end_of(text, from + prefix.len(), is_key_letter);
            let tail = &text[from + prefix.len()..to];
            let is_key = tail.len() >= *length_min
                && tail.bytes().any(|byte| byte.is_ascii_digit())
                && !is_inside_word(text, from);
            is_key.then_some(Found { from, to, kind })
        });
        keys.take(1)
    });
    found.min_by_key(|found| found.from)
}

/// `Bearer …` and `Basic …`, as headers have them.
fn bearer(text: &str) -> Option<Found> {
    let found = ["Bearer ", "bearer ", "Basic ", "basic ", "Token "]
        .iter()
        .flat_map(|scheme| {
            let starts = text.match_indices(scheme).map(|(at, _)| at + scheme.len());
            let keys = starts.filter_map(move |from| {
                let is_part = |letter: char| is_key_letter(letter) || "+/=~".contains(letter);
                let to = end_of(text, from, is_part);
                let long = to - from >= 12;
                let has_digit = text[from..to]
                    .bytes()
                    .any(|byte| byte.is_ascii_digit() || byte == b'=');
                (long && has_digit).then_some(Found {
                    from,
                    to,
                    kind: "authorization",
                })
            });
            keys.take(1)
        });
    found.min_by_key(|found| found.from)
}

/// A JSON Web Token: three parts, of which the first two begin with `eyJ`.
fn jwt(text: &str) -> Option<Found> {
    text.match_indices("eyJ")
        .map(|(at, _)| at)
        .find_map(|from| {
            let to = end_of(text, from, is_key_letter);
            let mut parts = text[from..to].split('.');
            let (_, body) = (parts.next()?, parts.next()?);
            (body.starts_with("eyJ") && !is_inside_word(text, from)).then_some(Found {
                from,
                to,
                kind: "jwt",
            })
        })
}

/// The password of `scheme://user:password@host`.
fn connection(text: &str) -> Option<Found> {
    text.match_indices("://").find_map(|(at, _)| {
        let from = at + 3;
        let end = end_of(text, from, |letter| {
            !letter.is_whitespace() && !"\"'<>/?#".contains(letter)
        });
        let authority = &text[from..end];
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let from = from + name.len() + 1;
        (!password.is_empty() && !password.starts_with("[redacted:")).then_some(Found {
            from,
            to: from + password.len(),
            kind: "connection",
        })
    })
}

/// `password=…`, `"api_key": "…"` and the like, inside a text.
fn labelled(text: &str) -> Option<Found> {
    let lower = text.to_ascii_lowercase();
    let found = LABELS.iter().flat_map(|label| {
        let starts = lower.match_indices(label).map(|(at, _)| at + label.len());
        let values = starts.filter_map(|end| {
            let rest = &text[end..];
            let after = rest.trim_start_matches(['"', '\'', ' ', '\\']);
            let after = after.strip_prefix(['=', ':'])?;
            let value = after.trim_start_matches(['"', '\'', ' ', '\\']);
            let from = text.len() - value.len();
            let to = end_of(text, from, |letter| {
                !letter.is_whitespace() && !"\"',;&}\\".contains(letter)
            });
            let secret = &text[from..to];
            let is_secret = secret.len() >= LABELLED_MIN
                && !secret.starts_with("[redacted:")
                && !secret.starts_with("${")
                && looks_random(secret);
            is_secret.then_some(Found {
                from,
                to,
                kind: "labelled",
            })
        });
        values.take(1).collect::<Vec<_>>()
    });
    found.min_by_key(|found| found.from)
}

/// Words are not secrets; something with a digit or a sign in it may be.
fn looks_random(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte.is_ascii_digit() || byte.is_ascii_punctuation())
}

/// Says whether a member's name says that its text is a secret.
pub(super) fn names_secret(name: &str, text: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_start_matches("x-");
    let says = LABELS.contains(&name)
        || [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "token",
            "private-key",
        ]
        .contains(&name);
    says && text.len() >= LABELLED_MIN && !text.starts_with("[redacted:")
}

/// Finds the first stretch that may be base64.
pub(super) fn base64_stretch(text: &str) -> Option<(usize, usize)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+/=-_".contains(letter);
    let mut from = 0;
    while from < text.len() {
        let start = from + text[from..].find(is_part)?;
        let end = end_of(text, start, |letter| {
            letter.is_ascii_alphanumeric() || "+/=-_".contains(letter)
        });
        if end - start >= BASE64_MIN {
            return Some((start, end));
        }
        from = end;
    }
    None
}

/// Decodes base64 in either alphabet; nothing when it is none, or no text.
pub(super) fn decode(stretch: &str) -> Option<String> {
    let plain = stretch
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(plain);
    String::from_utf8(bytes.ok()?).ok()
}
