//! Durations of the standard: an object of units, or ISO 8601 text.

use serde_json::Value;

/// The units of a duration object, with their length in milliseconds.
///
/// Source: the specification, "Duration".
pub(crate) const UNITS: [(&str, u64); 5] = [
    ("days", 86_400_000),
    ("hours", 3_600_000),
    ("minutes", 60_000),
    ("seconds", 1_000),
    ("milliseconds", 1),
];

/// Returns a duration in milliseconds.
///
/// It takes the object form (`{ minutes: 5 }`) and ISO 8601 text (`PT5M`). Days have 24 hours and
/// weeks seven days; years and months have no fixed length and are refused, as are negative
/// durations. Parts of a millisecond are dropped.
///
/// # Errors
///
/// When the value is no duration, or longer than 2^64 milliseconds.
pub fn duration_millis(value: &Value) -> Result<u64, InvalidDuration> {
    match value {
        Value::Object(units) => units.iter().try_fold(0, |sum: u64, (name, count)| {
            let (_, millis) = UNITS
                .iter()
                .find(|(unit, _)| unit == name)
                .ok_or_else(|| InvalidDuration::Unit(name.clone()))?;
            let count = count
                .as_f64()
                .filter(|count| *count >= 0.0)
                .ok_or_else(|| InvalidDuration::Count(name.clone(), count.to_string()))?;
            add(sum, count, *millis)
        }),
        Value::String(text) => iso_millis(text),
        other => Err(InvalidDuration::Kind(other.to_string())),
    }
}

fn add(sum: u64, count: f64, unit: u64) -> Result<u64, InvalidDuration> {
    let part = count * unit as f64;
    // 2^64 as a float; anything below it fits after truncation.
    if part >= 18_446_744_073_709_551_616.0 {
        return Err(InvalidDuration::TooLong);
    }
    sum.checked_add(part as u64).ok_or(InvalidDuration::TooLong)
}

/// Source: ISO 8601-1:2019, 5.5.2, without years and months.
fn iso_millis(text: &str) -> Result<u64, InvalidDuration> {
    let invalid = || InvalidDuration::Iso(text.to_owned());
    let body = text.strip_prefix('P').ok_or_else(invalid)?;
    let (date, time) = match body.split_once('T') {
        Some((_, "")) => return Err(invalid()),
        Some((date, time)) => (date, time),
        None => (body, ""),
    };
    if date.is_empty() && time.is_empty() {
        return Err(invalid());
    }
    let date_units = [('W', 604_800_000), ('D', 86_400_000)];
    let time_units = [('H', 3_600_000), ('M', 60_000), ('S', 1_000)];
    let days = iso_part(date, &date_units, text)?;
    let rest = iso_part(time, &time_units, text)?;
    days.checked_add(rest).ok_or(InvalidDuration::TooLong)
}

fn iso_part(part: &str, units: &[(char, u64)], text: &str) -> Result<u64, InvalidDuration> {
    let invalid = || InvalidDuration::Iso(text.to_owned());
    let (mut sum, mut rest, mut units) = (0, part, units.iter());
    while !rest.is_empty() {
        let length = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
            .ok_or_else(invalid)?;
        let letter = rest[length..].chars().next().ok_or_else(invalid)?;
        let count = rest[..length].replace(',', ".");
        let (_, unit) = units.find(|(l, _)| *l == letter).ok_or_else(invalid)?;
        let starts_and_ends_with_digit = count.starts_with(|c: char| c.is_ascii_digit())
            && count.ends_with(|c: char| c.is_ascii_digit());
        if !starts_and_ends_with_digit {
            return Err(invalid());
        }
        sum = add(sum, count.parse().map_err(|_| invalid())?, *unit)?;
        rest = &rest[length + letter.len_utf8()..];
    }
    Ok(sum)
}

/// A value that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// A key of the object is no unit.
    #[error("`{0}` is not a unit: days, hours, minutes, seconds, milliseconds are expected")]
    Unit(String),
    /// A count is no number, or negative.
    #[error("`{0}` is {1}: a number from 0 is expected")]
    Count(String, String),
    /// The text is not ISO 8601.
    #[error("`{0}` is not an ISO 8601 duration such as `PT15M` or `P1DT12H`")]
    Iso(String),
    /// Neither object nor text.
    #[error("{0} is not a duration such as `{{ minutes: 5 }}` or `PT5M`")]
    Kind(String),
    /// It does not fit.
    #[error("the duration is longer than 2^64 milliseconds")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_have_a_length_in_milliseconds() {
        let cases = [
            (json!({ "seconds": 30 }), Some(30_000)),
            (
                json!({ "days": 1, "hours": 2, "minutes": 3, "seconds": 4, "milliseconds": 5 }),
                Some(93_784_005),
            ),
            (json!({ "seconds": 0.5 }), Some(500)),
            (json!({}), Some(0)),
            (json!("PT15S"), Some(15_000)),
            (json!("P1DT2H3M4.5S"), Some(93_784_500)),
            (json!("P2W"), Some(1_209_600_000)),
            (json!("PT0,25S"), Some(250)),
            (json!("P"), None),
            (json!("PT"), None),
            (json!("P1DT"), None),
            (json!("P1Y"), None),
            (json!("P1M"), None),
            (json!("PT1S2M"), None),
            (json!("PT.5S"), None),
            (json!("-PT5S"), None),
            (json!("PT1é"), None),
            (json!("5 minutes"), None),
            (json!({ "second": 1 }), None),
            (json!({ "seconds": -1 }), None),
            (json!({ "seconds": "1" }), None),
            (json!({ "days": 1e300 }), None),
            (json!(5), None),
        ];
        for (value, expected) in cases {
            assert_eq!(duration_millis(&value).ok(), expected, "{value}");
        }
    }
}
