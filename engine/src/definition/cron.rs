//! Cron expressions: five fields, read once, asked for the next minute.
//!
//! It knows no time zone: minutes are those of a wall clock, and whoever keeps the schedule says
//! where it hangs.
//!
//! Source: POSIX.1-2017, `crontab`, "Input files": minute, hour, day of the month, month, day of
//! the week; where both days are restricted, either is enough. Names, steps and `@daily` and its
//! like are what every cron adds to it.

use std::fmt;
use std::str::FromStr;

use time::{Date, Month};

/// How far the next minute is looked for: 29 February comes back after eight years at most, on a
/// given day of the week after forty.
const DAYS_AHEAD_MAX: u32 = 41 * 366;

/// The longest text that is read; every sensible one is far shorter.
const TEXT_BYTES_MAX: usize = 1_000;

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something happens again and again, by a wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// A minute on a wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallMinute {
    /// The year.
    pub year: i32,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, from 0.
    pub hour: u8,
    /// The minute, from 0.
    pub minute: u8,
}

/// A cron expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cron expression: {0}")]
pub struct InvalidCron(String);

/// The values of one field, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it begins with `*`, which decides how the two kinds of days go together.
    is_open: bool,
}

impl Field {
    fn has(self, value: u8) -> bool {
        self.bits & (1 << value) != 0
    }
}

impl Cron {
    /// Says whether a minute is meant.
    pub fn matches(&self, at: WallMinute) -> bool {
        date(at).is_some_and(|date| self.means_day(date))
            && self.hours.has(at.hour)
            && self.minutes.has(at.minute)
    }

    /// Returns the first minute after this one that is meant; `None` when none ever is, as on 30
    /// February.
    pub fn next_after(&self, at: WallMinute) -> Option<WallMinute> {
        let mut day = date(at)?;
        let mut from = u16::from(at.hour) * 60 + u16::from(at.minute) + 1;
        for _ in 0..DAYS_AHEAD_MAX {
            if self.means_day(day)
                && let Some(minute) = (from..24 * 60).find(|minute| self.means_minute(*minute))
            {
                return Some(WallMinute {
                    year: day.year(),
                    month: day.month().into(),
                    day: day.day(),
                    hour: u8::try_from(minute / 60).unwrap_or(0),
                    minute: u8::try_from(minute % 60).unwrap_or(0),
                });
            }
            day = day.next_day()?;
            from = 0;
        }
        None
    }

    fn means_minute(&self, minute: u16) -> bool {
        let part = |value: u16| u8::try_from(value).unwrap_or(u8::MAX >> 2);
        self.hours.has(part(minute / 60)) && self.minutes.has(part(minute % 60))
    }

    fn means_day(&self, day: Date) -> bool {
        let of_month = self.days.has(day.day());
        let of_week = self.weekdays.has(day.weekday().number_days_from_sunday());
        let meant = if self.days.is_open || self.weekdays.is_open {
            of_month && of_week
        } else {
            of_month || of_week
        };
        meant && self.months.has(day.month().into())
    }
}

fn date(at: WallMinute) -> Option<Date> {
    let month = Month::try_from(at.month).ok()?;
    Date::from_calendar_date(at.year, month, at.day).ok()
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvalidCron("it is too long".to_owned()));
        }
        let fields = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(InvalidCron(format!(
                "it has {} fields instead of minute, hour, day, month and day of the week",
                fields.len()
            )));
        };
        let mut weekdays = field(weekdays, "day of the week", 0, 7, WEEKDAYS, 0)?;
        if weekdays.has(7) {
            weekdays.bits |= 1; // Sunday is 0 and 7
        }
        Ok(Self {
            text: text.trim().to_owned(),
            minutes: field(minutes, "minute", 0, 59, &[], 0)?,
            hours: field(hours, "hour", 0, 23, &[], 0)?,
            days: field(days, "day", 1, 31, &[], 0)?,
            months: field(months, "month", 1, 12, MONTHS, 1)?,
            weekdays,
        })
    }
}

/// Reads one field: a list of values, ranges and steps. Names count from `first`.
fn field(
    text: &str,
    what: &str,
    min: u8,
    max: u8,
    names: &[&str],
    first: u8,
) -> Result<Field, InvalidCron> {
    let wrong = |part: &str| InvalidCron(format!("`{part}` is not a {what}"));
    let value = |part: &str| -> Result<u8, InvalidCron> {
        let named = names
            .iter()
            .position(|name| part.eq_ignore_ascii_case(name));
        let value = match named {
            Some(at) => u8::try_from(at).unwrap_or(0) + first,
            None if part.bytes().all(|byte| byte.is_ascii_digit()) => {
                part.parse().map_err(|_| wrong(part))?
            }
            None => return Err(wrong(part)),
        };
        (min..=max)
            .contains(&value)
            .then_some(value)
            .ok_or_else(|| wrong(part))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step: u8 = step.parse().map_err(|_| wrong(part))?;
                (
                    range,
                    Some(step)
                        .filter(|step| *step > 0)
                        .ok_or_else(|| wrong(part))?,
                )
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (value(from)?, value(to)?),
            None if part.contains('/') => (value(range)?, max),
            None => (value(range)?, value(range)?),
        };
        if from > to {
            return Err(wrong(part));
        }
        (from..=to)
            .step_by(usize::from(step))
            .for_each(|value| bits |= 1_u64 << value);
    }
    Ok(Field {
        bits,
        is_open: text.starts_with('*'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallMinute {
        let mut parts = text
            .split(['-', ' ', ':'])
            .map(|part| part.parse::<u16>().expect("a number"));
        let mut next = || parts.next().expect("five parts");
        let (year, month, day, hour, minute) = (next(), next(), next(), next(), next());
        let small = |value: u16| u8::try_from(value).expect("it is small");
        WallMinute {
            year: i32::from(year),
            month: small(month),
            day: small(day),
            hour: small(hour),
            minute: small(minute),
        }
    }

    #[track_caller]
    fn check(cron: &str, after: &str, next: Option<&str>) {
        let cron: Cron = cron.parse().expect("it can be read");
        assert_eq!(cron.next_after(at(after)), next.map(at), "{cron}");
        if let Some(next) = next {
            assert!(cron.matches(at(next)));
        }
    }

    #[test]
    fn the_next_minute_is_found() {
        // 20 November 2026 is a Friday.
        check("0 0 * * *", "2026-11-20 12:30", Some("2026-11-21 0:0"));
        check("30 12 * * *", "2026-11-20 12:30", Some("2026-11-21 12:30"));
        check("*/15 * * * *", "2026-11-20 12:30", Some("2026-11-20 12:45"));
        check("0 8 * * 1-5", "2026-11-20 8:0", Some("2026-11-23 8:0"));
        check("0 8 * * Mon-Fri", "2026-11-20 8:0", Some("2026-11-23 8:0"));
        check("0 8 * * 7", "2026-11-20 8:0", Some("2026-11-22 8:0"));
        check("5/20 1 1 JAN *", "2026-11-20 0:0", Some("2027-1-1 1:5"));
        check("0 0 29 2 *", "2026-11-20 0:0", Some("2028-2-29 0:0"));
        check("0 0 29 2 1", "2026-11-20 0:0", Some("2027-2-1 0:0"));
        check("0 0 13 * 5", "2026-11-20 0:0", Some("2026-11-27 0:0"));
        check(
            "59 23 31 12 *",
            "2026-12-31 23:59",
            Some("2027-12-31 23:59"),
        );
        check("@hourly", "2026-12-31 23:59", Some("2027-1-1 0:0"));
        check("0 0 30 2 *", "2026-11-20 0:0", None);
    }

    #[test]
    fn what_is_no_cron_expression_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "a * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "1, * * * *",
            "-1 * * * *",
            "+1 * * * *",
            "@never",
            "1/x * * * *",
            "999 * * * *",
        ] {
            assert!(text.parse::<Cron>().is_err(), "{text}");
        }
    }
}
