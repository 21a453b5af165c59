//! Filters on values that jaq leaves to whoever owns the values, and guards.

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};
use jaq_std::ValT as _;
use serde_json::Value;

use super::datum::Datum;
use super::meter;
use super::program::Kind;

/// The longest regular expression. Nobody reads longer ones.
const PATTERN_BYTES_MAX: usize = 1024;

/// The longest time format.
const FORMAT_BYTES_MAX: usize = 256;

/// States of a regular expression, times bytes of text, that count as one step.
const REGEX_WORK_PER_STEP: u64 = 16;

/// Returns the filters.
pub(super) fn all() -> impl Iterator<Item = Fun<Kind>> {
    let filters: [Filter<RunPtr<Kind>>; 11] = [
        ("tojson", v(0), |cv| bome(Ok(Datum::text(cv.1.to_json())))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("length", v(0), |cv| bome(cv.1.length())),
        ("contains", v(1), |cv| {
            unary(cv, |value, part| value.contains(&part).map(Datum::Bool))
        }),
        ("has", v(1), |cv| {
            unary(cv, |value, key| value.has(&key).map(Datum::Bool))
        }),
        ("indices", v(1), |cv| {
            unary(cv, |value, part| value.indices_of(&part))
        }),
        ("bsearch", v(1), |cv| {
            unary(cv, |value, wanted| value.search(&wanted))
        }),
        ("tobytes", v(0), |cv| {
            bome(Err(Error::typ(cv.1, "bytes, which JSON does not have")))
        }),
        ("isnan_native", v(0), |cv| {
            bome(Ok(Datum::Bool(cv.1.as_f64().is_some_and(f64::is_nan))))
        }),
        ("regex_guard", v(1), |cv| unary(cv, guard_regex)),
        ("time_format_guard", v(1), |cv| unary(cv, guard_format)),
    ];
    filters.into_iter().map(run::<Kind>)
}

fn from_json(value: &Datum) -> ValR<Datum> {
    let Datum::Text(text) = value else {
        return Err(Error::typ(value.clone(), "string"));
    };
    meter::charge_text(text.len());
    let fail = |why: String| Error::str(format!("cannot read this text as JSON: {why}"));
    let value: Value = serde_json::from_str(text).map_err(|error| fail(error.to_string()))?;
    let mut nodes = 0;
    let datum = Datum::from_value(&value, &mut nodes);
    meter::charge(nodes);
    datum.map_err(|_| fail("it is nested too deeply".to_owned()))
}

/// Takes steps for a regular expression in proportion to its states and the text.
fn guard_regex(text: Datum, pattern: Datum) -> ValR<Datum> {
    if let (Datum::Text(text), Datum::Text(pattern)) = (&text, &pattern) {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(Error::str(
                "the regular expression is longer than 1024 bytes",
            ));
        }
        let work = states(pattern).saturating_mul(text.len() as u64 + 1);
        meter::charge(work / REGEX_WORK_PER_STEP);
    }
    Ok(text)
}

/// Returns more states than the compiled expression can have: each repetition `{n}` multiplies.
fn states(pattern: &str) -> u64 {
    let counts = pattern.split('{').skip(1).map(|part| {
        let counts = part.split('}').next().unwrap_or("").split(',');
        counts
            .filter_map(|count| count.trim().parse().ok())
            .max()
            .unwrap_or(1_u64)
            .max(1)
    });
    // `.` and classes become several states for the bytes of a character.
    counts.fold(8 * pattern.len() as u64, u64::saturating_mul)
}

/// Refuses time formats that name a time zone (they would read the machine's database) or pad
/// without bound.
fn guard_format(value: Datum, format: Datum) -> ValR<Datum> {
    if let Datum::Text(format) = &format {
        let flags = |c: char| "_-0^#:.".contains(c) || c.is_ascii_digit();
        let mut directives = format.split('%').skip(1);
        let zone = directives.any(|part| part.trim_start_matches(flags).starts_with('Q'));
        let wide = format
            .as_bytes()
            .windows(4)
            .any(|part| part.iter().all(u8::is_ascii_digit));
        if zone || wide || format.len() > FORMAT_BYTES_MAX {
            return Err(Error::str("this time format is not supported"));
        }
    }
    Ok(value)
}
