//! Compiling and running expressions with jaq.

use std::collections::BTreeSet;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Ctx, Vars, data};
use jaq_json::{Num, Val};
use serde_json::Value;

use super::{ExpressionError, ExpressionFailure, InvalidExpression, Mistake, Variables};

/// A compiled expression with what is needed to run it.
pub(super) struct Program {
    source: String,
    variables: Vec<String>,
    filter: jaq_core::Filter<data::JustLut<Val>>,
}

impl Program {
    pub(super) fn compile(source: &str, variables: &[&str]) -> Result<Self, InvalidExpression> {
        let invalid = |message: String, part: &str| InvalidExpression {
            mistake: Mistake::Syntax,
            message,
            help: None,
            start: jaq_core::load::span(source, part).start,
            end: jaq_core::load::span(source, part).end,
        };
        let mentioned: BTreeSet<&str> = variables
            .iter()
            .copied()
            .filter(|name| source.contains(&format!("${name}")))
            .collect();
        let globals: Vec<String> = mentioned.iter().map(|name| format!("${name}")).collect();
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(
                &arena,
                File {
                    code: source,
                    path: (),
                },
            )
            .map_err(|_| invalid("this is not jq".to_owned(), source))?;
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let filter = jaq_core::Compiler::default()
            .with_funs(funs)
            .with_global_vars(globals.iter().map(String::as_str))
            .compile(modules)
            .map_err(
                |errors| match errors.first().and_then(|(_, list)| list.first()) {
                    Some((name, undefined)) => {
                        invalid(format!("undefined {}: `{name}`", undefined.as_str()), name)
                    }
                    None => invalid("this is not jq".to_owned(), source),
                },
            )?;
        Ok(Self {
            source: source.to_owned(),
            variables: mentioned.into_iter().map(str::to_owned).collect(),
            filter,
        })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn variables(&self) -> &[String] {
        &self.variables
    }

    pub(super) fn evaluate(
        &self,
        input: &Value,
        variables: &dyn Variables,
    ) -> Result<Value, ExpressionError> {
        let fail = |failure| ExpressionError {
            expression: self.source.clone(),
            failure,
        };
        let values = self
            .variables
            .iter()
            .map(|name| match variables.lookup(name) {
                Some(value) => Ok(to_val(&value)),
                None => Err(fail(ExpressionFailure::Unset(name.clone()))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let ctx = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, Vars::new(values));
        let mut results = self
            .filter
            .id
            .run((ctx, to_val(input)))
            .map(jaq_core::unwrap_valr);
        let Some(first) = results.next() else {
            return Ok(Value::Null);
        };
        let first = first.map_err(|e| fail(ExpressionFailure::Raised(e.to_string())))?;
        if results.next().is_some() {
            return Err(fail(ExpressionFailure::ManyResults));
        }
        from_val(&first).map_err(|why| fail(ExpressionFailure::NotJson(why)))
    }
}

fn to_val(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(bool) => Val::Bool(*bool),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Val::from(int as isize),
            (None, Some(float)) => Val::from(float),
            (None, None) => Val::Null,
        },
        Value::String(text) => Val::from(text.clone()),
        Value::Array(items) => items.iter().map(to_val).collect(),
        Value::Object(entries) => Val::obj(
            entries
                .iter()
                .map(|(key, item)| (Val::from(key.clone()), to_val(item)))
                .collect(),
        ),
    }
}

fn from_val(val: &Val) -> Result<Value, &'static str> {
    Ok(match val {
        Val::Null => Value::Null,
        Val::Bool(bool) => Value::Bool(*bool),
        Val::Num(Num::Int(int)) => Value::from(*int as i64),
        Val::Num(number) => {
            let float: f64 = number
                .to_string()
                .parse()
                .map_err(|_| "a number that is not finite")?;
            if !float.is_finite() {
                return Err("a number that is not finite");
            }
            if float.fract() == 0.0 && float.abs() < 9e15 {
                Value::from(float as i64)
            } else {
                Value::from(float)
            }
        }
        Val::BStr(bytes) | Val::TStr(bytes) => {
            Value::String(String::from_utf8_lossy(bytes).into_owned())
        }
        Val::Arr(items) => items.iter().map(from_val).collect::<Result<_, _>>()?,
        Val::Obj(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, item)| match from_val(key)? {
                    Value::String(key) => Ok((key, from_val(item)?)),
                    _ => Err("an object key that is not a string"),
                })
                .collect::<Result<_, _>>()?,
        ),
    })
}
