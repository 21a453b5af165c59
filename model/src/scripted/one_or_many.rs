//! A value in a script that may be one thing or a list of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Zero, one or more texts or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de> Deserialize<'de> for OneOrMany<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor(PhantomData::<String>))
    }
}

impl<'de> Deserialize<'de> for OneOrMany<u64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor(PhantomData::<u64>))
    }
}

struct OneVisitor<T>(PhantomData<T>);

impl<'de> Visitor<'de> for OneVisitor<String> {
    type Value = OneOrMany<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![text.to_owned()]))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![value.to_string()]))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![number.to_string()]))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![number.to_string()]))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![number.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
    }
}

impl<'de> Visitor<'de> for OneVisitor<u64> {
    type Value = OneOrMany<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number or a list of numbers")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(OneOrMany(vec![number]))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        let number = u64::try_from(number);
        number
            .map(|number| OneOrMany(vec![number]))
            .map_err(|_| E::custom("a negative number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
    }
}
