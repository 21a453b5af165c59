//! Moments and intervals of valid time. They arrive as arguments; nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z; negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The beginning of time: earlier than every moment that can be written.
    pub const BEGINNING: Self = Self(i64::MIN);
    /// The end of time: later than every moment that can be written.
    pub const END: Self = Self(i64::MAX);

    /// Makes a moment from milliseconds since the epoch.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Moment {
    /// Writes RFC 3339 in UTC with milliseconds, or `beginning` and `end`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BEGINNING => return f.write_str("beginning"),
            Self::END => return f.write_str("end"),
            Self(_) => {}
        }
        let nanos = i128::from(self.0) * 1_000_000;
        let Ok(moment) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else {
            return write!(f, "{}ms", self.0);
        };
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second(),
            moment.millisecond()
        )
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    /// Reads RFC 3339, `beginning`, `end`, or what `Display` writes for far moments (`…ms`).
    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        match text {
            "beginning" => return Ok(Self::BEGINNING),
            "end" => return Ok(Self::END),
            _ => {}
        }
        if let Some(millis) = text.strip_suffix("ms").and_then(|n| n.parse().ok()) {
            return Ok(Self(millis));
        }
        let invalid = || InvalidMoment(text.to_owned());
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid())?;
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).map(Self).map_err(|_| invalid())
    }
}

/// The text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a moment: RFC 3339 is expected, for instance `2026-11-20T09:00:00Z`")]
pub struct InvalidMoment(String);

/// A span of valid time: the beginning belongs to it, the end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    from: Moment,
    to: Moment,
}

impl Interval {
    /// Makes the span of all time.
    pub fn always() -> Self {
        Self {
            from: Moment::BEGINNING,
            to: Moment::END,
        }
    }

    /// Makes the span from a moment on, without an end.
    pub fn since(from: Moment) -> Self {
        Self {
            from,
            to: Moment::END,
        }
    }

    /// Makes the span between two moments; `None` when it would be empty.
    pub fn between(from: Moment, to: Moment) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// Returns the first moment that belongs to it.
    pub fn from(self) -> Moment {
        self.from
    }

    /// Returns the first moment that no longer belongs to it.
    pub fn to(self) -> Moment {
        self.to
    }

    /// Says whether a moment lies in it. The end of time lies in every span without an end.
    pub fn contains(self, moment: Moment) -> bool {
        self.from <= moment && (moment < self.to || self.to == Moment::END)
    }

    /// Says whether the two have a moment in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Returns what is left of this span when another is taken out: up to two pieces.
    pub fn without(self, other: Self) -> [Option<Self>; 2] {
        if !self.overlaps(other) {
            return [Some(self), None];
        }
        [
            Self::between(self.from, other.from),
            Self::between(other.to, self.to),
        ]
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str) {
        assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
    }

    #[test]
    fn moments_round_trip_as_text() {
        check_text("2026-11-20T09:00:00.000Z");
        check_text("1912-06-23T00:00:00.001Z");
        check_text("beginning");
        check_text("end");
        check_text("9000000000000000000ms");
        assert!("yesterday".parse::<Moment>().is_err());
    }

    #[test]
    fn taking_out_keeps_the_rest() {
        let span = |a, b| Interval::between(Moment(a), Moment(b)).unwrap();
        let whole = span(0, 10);
        assert_eq!(
            whole.without(span(3, 5)),
            [Some(span(0, 3)), Some(span(5, 10))]
        );
        assert_eq!(whole.without(span(0, 5)), [None, Some(span(5, 10))]);
        assert_eq!(whole.without(span(10, 12)), [Some(whole), None]);
        assert_eq!(whole.without(Interval::always()), [None, None]);
    }
}
