//! How long a provider asks to wait, in every form that it is said.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::ReplyHead;

/// The longest wait that is believed. A longer one is a mistake or a daily quota.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Headers that hold a number of seconds or a date, best first.
const SECONDS_HEADERS: [&str; 3] = ["retry-after", "x-ratelimit-reset-after", "ratelimit-reset"];
/// Headers that hold the moment at which a limit that was hit is open again.
const RESET_HEADERS: [(&str, &str); 2] = [
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
];

/// Reads the headers. A date is compared with the answer's own `Date`: the two were written
/// by one clock, and this crate reads none.
pub(super) fn of_head(head: &ReplyHead) -> Option<Duration> {
    if let Some(millis) = head.header("retry-after-ms").and_then(positive) {
        return Some(Duration::from_secs_f64(millis / 1000.0).min(WAIT_MAX));
    }
    let seconds = SECONDS_HEADERS.iter().find_map(|name| {
        let value = head.header(name)?;
        let plain = positive(value).map(Duration::from_secs_f64);
        plain
            .or_else(|| of_units(value))
            .or_else(|| until(head, http_date(value)?))
    });
    let wait = seconds.or_else(|| {
        let mut resets = RESET_HEADERS.iter();
        resets.find_map(|(remaining, reset)| {
            let is_used_up = head.header(remaining)?.trim() == "0";
            let at = OffsetDateTime::parse(head.header(reset)?, &Rfc3339).ok()?;
            until(head, at).filter(|_| is_used_up)
        })
    });
    wait.map(|wait| wait.min(WAIT_MAX))
}

/// Reads a sentence such as `Please try again in 1m2.5s`.
pub(super) fn of_message(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let lead = ["try again in ", "retry in ", "retry after "];
    let rest = lead.iter().find_map(|lead| lower.split_once(lead))?.1;
    let mut words = rest.split_whitespace();
    let first = words.next()?;
    let first = first.trim_end_matches(['.', ',', ';', ')']);
    if let Some(wait) = of_units(first) {
        return Some(wait);
    }
    let unit = words.next()?;
    let seconds = positive(first)?;
    if unit.starts_with("second") {
        return Some(Duration::from_secs_f64(seconds).min(WAIT_MAX));
    }
    let minutes = unit.starts_with("minute").then_some(seconds * 60.0)?;
    Some(Duration::from_secs_f64(minutes).min(WAIT_MAX))
}

/// Reads a duration with units, such as `17s`, `1m2.5s` or `20ms`.
pub(super) fn of_units(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number = positive(&rest[..end])?;
        let unit_end = rest[end..].find(|letter: char| letter.is_ascii_digit());
        let unit = &rest[end..unit_end.map_or(rest.len(), |at| end + at)];
        seconds += match unit {
            "ms" => number / 1000.0,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            "d" => number * 86_400.0,
            _ => return None,
        };
        rest = &rest[end + unit.len()..];
    }
    let seconds = seconds.min(WAIT_MAX.as_secs_f64());
    Some(Duration::from_secs_f64(seconds))
}

fn positive(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    let is_sane = number.is_finite() && number >= 0.0;
    is_sane.then_some(number.min(1e9))
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &Rfc2822).ok()
}

fn until(head: &ReplyHead, at: OffsetDateTime) -> Option<Duration> {
    let now = http_date(head.header("date")?)?;
    let wait = (at - now).max(time::Duration::ZERO);
    wait.try_into().ok()
}
