//! Simple expressions, evaluated on JSON values as they are.
//!
//! Most expressions of a definition are paths, comparisons and small objects. For these it would
//! cost more to hand all variables to jaq than to look at the few parts that matter. Whatever is
//! not plain here (an error, a rare type) is left to jaq, so that there is one truth: `None`
//! always means "evaluate it properly".

use std::borrow::Cow;
use std::cmp::Ordering;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};
use serde_json::{Map, Number, Value};

use super::datum::{normalise, normalised};

/// The deepest nesting of terms that is evaluated here.
const DEPTH_MAX: usize = 24;

/// The longest text or list that is built here.
const LENGTH_MAX: usize = 64 * 1024;

/// A term that is simple enough.
#[derive(Debug)]
pub(super) enum Direct {
    Input,
    Variable(usize),
    Literal(Value),
    Key(Box<Self>, String),
    Item(Box<Self>, i64),
    Compare(Box<Self>, Cmp, Box<Self>),
    Logic(Box<Self>, Logic, Box<Self>),
    Add(Box<Self>, Box<Self>),
    Count(Box<Self>, Math, Box<Self>),
    Not(Box<Self>),
    Length(Box<Self>),
    If(Box<Self>, Box<Self>, Box<Self>),
    Text(Vec<Self>),
    Array(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

/// Operators that look at the truth of their left side.
#[derive(Debug, Clone, Copy)]
pub(super) enum Logic {
    And,
    Or,
    Alternative,
}

/// What is looked at while evaluating.
#[derive(Clone, Copy)]
struct Scope<'v> {
    input: &'v Value,
    variables: &'v [Cow<'v, Value>],
}

type Found<'v> = Option<Cow<'v, Value>>;

impl Direct {
    /// Takes a term apart; `None` when it is not simple.
    pub(super) fn of(term: &Term<&str>, variables: &[String]) -> Option<Self> {
        Self::at_depth(term, variables, 0)
    }

    fn at_depth(term: &Term<&str>, variables: &[String], depth: usize) -> Option<Self> {
        if depth > DEPTH_MAX {
            return None;
        }
        let inner = |term: &Term<&str>| Self::at_depth(term, variables, depth + 1);
        let boxed = |term: &Term<&str>| inner(term).map(Box::new);
        Some(match term {
            Term::Id => Self::Input,
            Term::Var(name) => {
                let name = name.trim_start_matches('$');
                Self::Variable(variables.iter().position(|known| known == name)?)
            }
            Term::Num(text) => Self::Literal(literal_number(text)?),
            Term::Str(None, parts) => Self::text(parts, inner)?,
            Term::Arr(None) => Self::Literal(Value::Array(Vec::new())),
            Term::Arr(Some(items)) => Self::Array(commas(items).map(inner).collect::<Option<_>>()?),
            Term::Obj(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| object_entry(key, value.as_ref(), inner));
                Self::Object(entries.collect::<Option<_>>()?)
            }
            Term::BinOp(left, operator, right) => match operator {
                BinaryOp::Pipe(None) if is_call(right, "not") => Self::Not(boxed(left)?),
                BinaryOp::Pipe(None) if is_call(right, "length") => Self::Length(boxed(left)?),
                BinaryOp::Cmp(cmp) => Self::Compare(boxed(left)?, *cmp, boxed(right)?),
                BinaryOp::And => Self::Logic(boxed(left)?, Logic::And, boxed(right)?),
                BinaryOp::Or => Self::Logic(boxed(left)?, Logic::Or, boxed(right)?),
                BinaryOp::Alt => Self::Logic(boxed(left)?, Logic::Alternative, boxed(right)?),
                BinaryOp::Math(Math::Add) => Self::Add(boxed(left)?, boxed(right)?),
                BinaryOp::Math(math @ (Math::Sub | Math::Mul)) => {
                    Self::Count(boxed(left)?, *math, boxed(right)?)
                }
                _ => return None,
            },
            Term::IfThenElse(cases, otherwise) => {
                let otherwise = otherwise.as_deref().map_or(Some(Self::Input), inner)?;
                cases
                    .iter()
                    .rev()
                    .try_fold(otherwise, |otherwise, (when, then)| {
                        Some(Self::If(boxed(when)?, boxed(then)?, Box::new(otherwise)))
                    })?
            }
            Term::Call(name, arguments) if arguments.is_empty() => match *name {
                "null" => Self::Literal(Value::Null),
                "true" => Self::Literal(Value::Bool(true)),
                "false" => Self::Literal(Value::Bool(false)),
                "not" => Self::Not(Box::new(Self::Input)),
                "length" => Self::Length(Box::new(Self::Input)),
                _ => return None,
            },
            Term::Path(start, path) => {
                let start = inner(start)?;
                path.0
                    .iter()
                    .try_fold(start, |from, (part, opt)| match (part, opt) {
                        (Part::Index(index), Opt::Essential) => match index {
                            Term::Str(None, parts) => {
                                Some(Self::Key(Box::new(from), plain_text(parts)?))
                            }
                            Term::Num(text) => Some(Self::Item(Box::new(from), text.parse().ok()?)),
                            _ => None,
                        },
                        _ => None,
                    })?
            }
            _ => return None,
        })
    }

    fn text(
        parts: &[StrPart<&str, Term<&str>>],
        inner: impl Fn(&Term<&str>) -> Option<Self>,
    ) -> Option<Self> {
        if let Some(text) = plain_text(parts) {
            return Some(Self::Literal(Value::String(text)));
        }
        let parts = parts.iter().map(|part| match part {
            StrPart::Str(text) => Some(Self::Literal(Value::from(*text))),
            StrPart::Char(c) => Some(Self::Literal(Value::from(c.to_string()))),
            StrPart::Term(term) => inner(term),
        });
        parts.collect::<Option<_>>().map(Self::Text)
    }

    /// Evaluates it; `None` when it has to be done properly.
    pub(super) fn evaluate(&self, input: &Value, variables: &[Cow<'_, Value>]) -> Option<Value> {
        let scope = Scope { input, variables };
        match self.find(scope)? {
            Cow::Borrowed(value) => Some(normalised(value)),
            Cow::Owned(mut value) => {
                normalise(&mut value);
                Some(value)
            }
        }
    }

    fn find<'v>(&'v self, scope: Scope<'v>) -> Found<'v> {
        match self {
            Self::Input => Some(Cow::Borrowed(scope.input)),
            Self::Variable(at) => Some(Cow::Borrowed(scope.variables.get(*at)?)),
            Self::Literal(value) => Some(Cow::Borrowed(value)),
            Self::Key(from, key) => part_of(from.find(scope)?, |value| match value {
                Value::Object(map) => Some(map.get(key)),
                Value::Null => Some(None),
                _ => None,
            }),
            Self::Item(from, at) => part_of(from.find(scope)?, |value| match value {
                Value::Array(items) => {
                    let at = if *at < 0 {
                        at.checked_add_unsigned(items.len() as u64)?
                    } else {
                        *at
                    };
                    Some(usize::try_from(at).ok().and_then(|at| items.get(at)))
                }
                Value::Null => Some(None),
                _ => None,
            }),
            Self::Compare(left, cmp, right) => {
                let (left, right) = (left.find(scope)?, right.find(scope)?);
                compare(&left, *cmp, &right).map(owned_bool)
            }
            Self::Logic(left, logic, right) => logic.find(left, right, scope),
            Self::Add(left, right) => add(left.find(scope)?, right.find(scope)?),
            Self::Count(left, math, right) => {
                let (left, right) = (left.find(scope)?.as_i64()?, right.find(scope)?.as_i64()?);
                let result = match math {
                    Math::Sub => left.checked_sub(right)?,
                    _ => left.checked_mul(right)?,
                };
                Some(Cow::Owned(result.into()))
            }
            Self::Not(inner) => inner.find(scope).map(|value| owned_bool(!is_true(&value))),
            Self::Length(inner) => length(&*inner.find(scope)?).map(|n| Cow::Owned(n.into())),
            Self::If(when, then, otherwise) => match is_true(&*when.find(scope)?) {
                true => then.find(scope),
                false => otherwise.find(scope),
            },
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    write(&*part.find(scope)?, &mut text)?;
                }
                Some(Cow::Owned(Value::String(text)))
            }
            Self::Array(items) => {
                let items = items
                    .iter()
                    .map(|item| item.find(scope).map(Cow::into_owned));
                items
                    .collect::<Option<Vec<_>>>()
                    .map(|items| Cow::Owned(Value::Array(items)))
            }
            Self::Object(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = key.find(scope)?.as_str()?.to_owned();
                    map.insert(key, value.find(scope)?.into_owned());
                }
                Some(Cow::Owned(Value::Object(map)))
            }
        }
    }
}

impl Logic {
    fn find<'v>(self, left: &'v Direct, right: &'v Direct, scope: Scope<'v>) -> Found<'v> {
        let left = left.find(scope)?;
        match (self, is_true(&left)) {
            (Self::Alternative, true) => Some(left),
            (Self::Alternative, false) => right.find(scope),
            (Self::And, false) => Some(owned_bool(false)),
            (Self::Or, true) => Some(owned_bool(true)),
            (Self::And | Self::Or, _) => right.find(scope).map(|value| owned_bool(is_true(&value))),
        }
    }
}

/// Flattens `a, b, c`.
fn commas<'t>(term: &'t Term<&'t str>) -> Box<dyn Iterator<Item = &'t Term<&'t str>> + 't> {
    match term {
        Term::BinOp(left, BinaryOp::Comma, right) => Box::new(commas(left).chain(commas(right))),
        _ => Box::new(std::iter::once(term)),
    }
}

fn is_call(term: &Term<&str>, name: &str) -> bool {
    matches!(term, Term::Call(called, arguments) if *called == name && arguments.is_empty())
}

fn plain_text(parts: &[StrPart<&str, Term<&str>>]) -> Option<String> {
    let parts = parts.iter().map(|part| match part {
        StrPart::Str(text) => Some((*text).to_owned()),
        StrPart::Char(c) => Some(c.to_string()),
        StrPart::Term(_) => None,
    });
    parts.collect()
}

fn literal_number(text: &str) -> Option<Value> {
    if let Ok(int) = text.parse::<i64>() {
        return Some(int.into());
    }
    text.parse()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
}

/// `{ a: f }`, `{ a }`, `{ $x }`, `{ "a": f }`.
fn object_entry(
    key: &Term<&str>,
    value: Option<&Term<&str>>,
    inner: impl Fn(&Term<&str>) -> Option<Direct>,
) -> Option<(Direct, Direct)> {
    if let Some(value) = value {
        return Some((inner(key)?, inner(value)?));
    }
    match key {
        Term::Var(name) => {
            let name = name.trim_start_matches('$');
            Some((Direct::Literal(Value::from(name)), inner(key)?))
        }
        Term::Str(None, parts) => {
            let name = plain_text(parts)?;
            let value = Direct::Key(Box::new(Direct::Input), name.clone());
            Some((Direct::Literal(Value::String(name)), value))
        }
        _ => None,
    }
}

/// Takes a part out of a value; `Some(None)` means that it is `null`.
fn part_of<'v>(
    value: Cow<'v, Value>,
    part: impl Fn(&Value) -> Option<Option<&Value>>,
) -> Found<'v> {
    match value {
        Cow::Borrowed(value) => Some(part(value)?.map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
        Cow::Owned(value) => Some(Cow::Owned(part(&value)?.cloned().unwrap_or_default())),
    }
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn owned_bool<'v>(bool: bool) -> Cow<'v, Value> {
    Cow::Owned(Value::Bool(bool))
}

/// Compares values of simple kinds.
fn compare(left: &Value, cmp: Cmp, right: &Value) -> Option<bool> {
    let ordering = match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?)?,
        },
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ if rank(left) != rank(right) => rank(left).cmp(&rank(right)),
        _ => return None,
    };
    Some(match cmp {
        Cmp::Lt => ordering.is_lt(),
        Cmp::Le => ordering.is_le(),
        Cmp::Gt => ordering.is_gt(),
        Cmp::Ge => ordering.is_ge(),
        Cmp::Eq => ordering.is_eq(),
        Cmp::Ne => ordering.is_ne(),
    })
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn add<'v>(left: Cow<'v, Value>, right: Cow<'v, Value>) -> Found<'v> {
    match (&*left, &*right) {
        (Value::Null, _) => return Some(right),
        (_, Value::Null) => return Some(left),
        _ => {}
    }
    let sum = match (left.into_owned(), &*right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_i64()?.checked_add(right.as_i64()?)?.into()
        }
        (Value::String(left), Value::String(right)) if left.len() + right.len() < LENGTH_MAX => {
            Value::String(left + right)
        }
        (Value::Array(mut left), Value::Array(right)) if left.len() + right.len() < LENGTH_MAX => {
            left.extend(right.iter().cloned());
            Value::Array(left)
        }
        (Value::Object(mut left), Value::Object(right))
            if left.len() + right.len() < LENGTH_MAX =>
        {
            left.extend(
                right
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            Value::Object(left)
        }
        _ => return None,
    };
    Some(Cow::Owned(sum))
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::Null => 0,
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(length as u64)
}

/// Writes a value into interpolated text.
fn write(value: &Value, text: &mut String) -> Option<()> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    match value {
        Value::String(part) => text.push_str(part),
        Value::Null | Value::Bool(_) => text.push_str(&value.to_string()),
        Value::Number(number) if number.is_i64() => text.push_str(&number.to_string()),
        _ => return None,
    }
    Some(())
}
