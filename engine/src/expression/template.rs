//! Values whose leaves may be expressions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Expression, ExpressionError, Variables};

/// A value of a definition whose leaves may be expressions (`${ … }`).
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A value without any expression inside.
    Literal(Value),
    /// An expression.
    Expression(Expression),
    /// An array with expressions inside.
    Array(Vec<Self>),
    /// An object with expressions inside.
    Object(BTreeMap<String, Self>),
}

impl Template {
    /// Evaluates every expression inside.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`]; the first failing leaf wins, in key order.
    pub fn evaluate(
        &self,
        input: &Value,
        variables: &dyn Variables,
    ) -> Result<Value, ExpressionError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(input, variables),
            Self::Array(items) => items
                .iter()
                .map(|item| item.evaluate(input, variables))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            Self::Object(entries) => entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), item.evaluate(input, variables)?)))
                .collect::<Result<serde_json::Map<_, _>, _>>()
                .map(Value::Object),
        }
    }

    /// Returns the variables that the expressions inside mention, without `$`, sorted.
    pub fn variables(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        self.collect_variables(&mut names);
        names.into_iter().collect()
    }

    fn collect_variables(&self, names: &mut BTreeSet<String>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => names.extend(expression.variables().iter().cloned()),
            Self::Array(items) => items.iter().for_each(|item| item.collect_variables(names)),
            Self::Object(entries) => entries
                .values()
                .for_each(|item| item.collect_variables(names)),
        }
    }

    /// Returns the value, when there is no expression inside.
    pub fn literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Expression(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns the entry of that key, when this is an object with expressions inside.
    pub fn entry(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.get(key),
            Self::Literal(_) | Self::Expression(_) | Self::Array(_) => None,
        }
    }
}
