//! Values as JSON text.

use std::fmt::{self, Write};

use serde_json::Value;

use super::super::meter;
use super::{Datum, number};

impl Datum {
    /// Writes the value as JSON.
    pub(in super::super) fn to_json(&self) -> String {
        let mut text = String::new();
        write!(text, "{self}").expect("writing to a string cannot fail");
        text
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        meter::charge(1);
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => match number::to_json(*float) {
                Some(number) => write!(f, "{number}"),
                // What jq writes for numbers that JSON does not have.
                None if float.is_nan() => f.write_str("null"),
                None => write!(f, "{}", f64::MAX.copysign(*float)),
            },
            Self::Text(text) => quoted(text, f),
            Self::List(list) => {
                f.write_char('[')?;
                for (at, item) in list.items.iter().enumerate() {
                    separate(at, f)?;
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Map(map) => {
                f.write_char('{')?;
                for (at, (key, item)) in map.entries.iter().enumerate() {
                    separate(at, f)?;
                    quoted(key, f)?;
                    write!(f, ":{item}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn separate(at: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if at > 0 { f.write_char(',') } else { Ok(()) }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    meter::charge_writing(text.len());
    write!(f, "{}", Value::from(text))
}
