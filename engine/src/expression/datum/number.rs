//! Arithmetic, as jq does it: integers stay exact, division gives floats.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ops::Math;
use jaq_core::{Error, ValR};
use serde_json::{Number, Value};

use super::super::meter::{self, Stop};
use super::{Datum, List, Map, SIZE_MAX};

/// Below this, every integral float is exactly one integer: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Writes a float as JSON has it: integral ones as integers. `None` when it is not finite.
pub(super) fn to_json(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        return Some((float as i64).into());
    }
    Number::from_f64(float)
}

/// Copies a value with integral floats as integers: how every result looks.
pub(in super::super) fn normalised(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().and_then(to_json);
            Value::Number(float.unwrap_or_else(|| number.clone()))
        }
        Value::Array(items) => items.iter().map(normalised).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, item)| (key.clone(), normalised(item)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Writes the integral floats inside of a value as integers.
pub(in super::super) fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integral) = number.as_f64().and_then(to_json) {
                *number = integral;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(entries) => entries.values_mut().for_each(normalise),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Datum {
    pub(super) fn from_number(number: &Number) -> Self {
        if let Some(int) = number.as_i64() {
            return Self::Int(int.into());
        }
        if let Some(int) = number.as_u64() {
            return Self::Int(int.into());
        }
        number.as_f64().map_or(Self::Null, Self::Float)
    }

    /// Returns the number as a float, if it is a number.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }
}

/// Orders floats as jq does: NaN is below everything, itself included.
pub(super) fn order(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or(if left.is_nan() {
        Ordering::Less
    } else {
        Ordering::Greater
    })
}

/// Calculates exactly when both are integers and the result fits, else with floats.
fn calculate(
    left: Datum,
    right: Datum,
    operation: Math,
    exact: fn(i128, i128) -> Option<i128>,
    float: fn(f64, f64) -> f64,
) -> ValR<Datum> {
    if let (Datum::Int(left), Datum::Int(right)) = (&left, &right)
        && let Some(int) = exact(*left, *right)
    {
        return Ok(Datum::Int(int));
    }
    match (left.float(), right.float()) {
        (Some(left), Some(right)) => Ok(Datum::Float(float(left, right))),
        _ => Err(Error::math(left, operation, right)),
    }
}

impl Add for Datum {
    type Output = ValR<Self>;

    fn add(self, right: Self) -> ValR<Self> {
        meter::step();
        match (self, right) {
            (Self::Null, value) | (value, Self::Null) => Ok(value),
            (Self::Text(left), Self::Text(right)) => {
                meter::charge_text(left.len() + right.len());
                Ok(Self::text([left.as_ref(), right.as_ref()].concat()))
            }
            (Self::List(mut left), Self::List(right)) => {
                copied(&mut left, left_len);
                meter::charge_items(right.items.len());
                let list = Arc::make_mut(&mut left);
                right.items.iter().for_each(|item| list.push(item.clone()));
                Ok(Self::List(left))
            }
            (Self::Map(mut left), Self::Map(right)) => {
                copied(&mut left, map_len);
                meter::charge(right.entries.len() as u64);
                let map = Arc::make_mut(&mut left);
                for (key, value) in &right.entries {
                    map.insert(key.clone(), value.clone());
                }
                Ok(Self::Map(left))
            }
            (left, right) => calculate(left, right, Math::Add, i128::checked_add, |l, r| l + r),
        }
    }
}

fn left_len(list: &List) -> usize {
    list.items.len()
}

fn map_len(map: &Map) -> usize {
    map.entries.len()
}

/// Charges for the copy that `make_mut` will make of a shared value.
pub(super) fn copied<T>(shared: &mut Arc<T>, length: fn(&T) -> usize) {
    if Arc::get_mut(shared).is_none() {
        meter::charge_items(length(shared));
    }
}

impl Sub for Datum {
    type Output = ValR<Self>;

    fn sub(self, right: Self) -> ValR<Self> {
        meter::step();
        match (self, right) {
            (Self::List(left), Self::List(right)) => {
                let gone: std::collections::BTreeSet<&Self> = right.items.iter().collect();
                let kept = left.items.iter().filter(|item| !gone.contains(item));
                Ok(kept.cloned().collect())
            }
            (left, right) => calculate(left, right, Math::Sub, i128::checked_sub, |l, r| l - r),
        }
    }
}

impl Mul for Datum {
    type Output = ValR<Self>;

    fn mul(self, right: Self) -> ValR<Self> {
        meter::step();
        match (self, right) {
            (Self::Text(text), Self::Int(times)) | (Self::Int(times), Self::Text(text)) => {
                repeat(&text, times as f64)
            }
            (Self::Text(text), Self::Float(times)) | (Self::Float(times), Self::Text(text)) => {
                repeat(&text, times)
            }
            (Self::Map(mut left), Self::Map(right)) => {
                merge(&mut left, &right);
                Ok(Self::Map(left))
            }
            (left, right) => calculate(left, right, Math::Mul, i128::checked_mul, |l, r| l * r),
        }
    }
}

/// Repeats text; not once is `null`, and a part of a time counts as a whole one.
fn repeat(text: &str, times: f64) -> ValR<Datum> {
    if times.is_nan() || times <= 0.0 {
        return Ok(Datum::Null);
    }
    let times = times.ceil();
    if times * text.len().max(1) as f64 > SIZE_MAX as f64 {
        meter::leave(Stop::TooLarge("larger than 32 MiB"));
    }
    meter::charge_text(text.len() * times as usize);
    Ok(Datum::text(text.repeat(times as usize)))
}

fn merge(left: &mut Arc<Map>, right: &Map) {
    copied(left, map_len);
    meter::charge(1 + right.entries.len() as u64);
    let map = Arc::make_mut(left);
    for (key, value) in &right.entries {
        let merged = match (map.entries.get(key), value) {
            (Some(Datum::Map(left)), Datum::Map(right)) => {
                let mut left = left.clone();
                merge(&mut left, right);
                Datum::Map(left)
            }
            _ => value.clone(),
        };
        map.insert(key.clone(), merged);
    }
}

impl Div for Datum {
    type Output = ValR<Self>;

    fn div(self, right: Self) -> ValR<Self> {
        meter::step();
        match (self, right) {
            (Self::Text(text), Self::Text(separator)) => {
                meter::charge_text(text.len());
                let parts: Self = match (text.is_empty(), separator.is_empty()) {
                    (true, _) => Self::default_list(),
                    (_, true) => text
                        .chars()
                        .map(|c| Self::text(c.encode_utf8(&mut [0; 4])))
                        .collect(),
                    _ => text.split(separator.as_ref()).map(Self::text).collect(),
                };
                Ok(parts)
            }
            (left, right) => calculate(left, right, Math::Div, |_, _| None, |l, r| l / r),
        }
    }
}

impl Datum {
    pub(super) fn default_list() -> Self {
        Self::List(Arc::default())
    }
}

impl Rem for Datum {
    type Output = ValR<Self>;

    fn rem(self, right: Self) -> ValR<Self> {
        meter::step();
        if let (Self::Int(_), Self::Int(0)) = (&self, &right) {
            return Err(Error::math(self, Math::Rem, right));
        }
        calculate(self, right, Math::Rem, i128::checked_rem, |l, r| l % r)
    }
}

impl Neg for Datum {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        meter::step();
        match self {
            Self::Int(int) => Ok(int
                .checked_neg()
                .map_or(Self::Float(-(int as f64)), Self::Int)),
            Self::Float(float) => Ok(Self::Float(-float)),
            other => Err(Error::typ(other, "number")),
        }
    }
}
