//! The arguments of a call, and where in them secrets are meant.

use serde_json::Value;

use super::datum::Datum;
use super::frame::Branch;
use super::machine::Machine;
use crate::definition::escape;
use crate::effect::names_in;
use crate::{Problem, ProblemKind, RunId, SecretUse, Template};

/// The variable that stands for secrets.
const SECRETS: &str = "secrets";

impl Machine<'_> {
    /// Evaluates the arguments of a call.
    pub(super) fn arguments(
        &self,
        branch: &mut Branch<Datum>,
        with: &Template,
    ) -> Result<(Datum, Vec<SecretUse>), Problem> {
        let input = branch.top().input.clone();
        let arguments = self.evaluate(branch, with, &input)?;
        let mut search = Search {
            run: self.state.id,
            names: &self.definition.tree().uses.secrets,
            uses: Vec::new(),
        };
        if !search.names.is_empty() {
            search.template(with, arguments.value(), String::new())?;
        }
        Ok((arguments, search.uses))
    }
}

/// Looks for secrets in arguments.
struct Search<'a> {
    run: RunId,
    names: &'a [String],
    uses: Vec<SecretUse>,
}

impl Search<'_> {
    fn template(&mut self, with: &Template, value: &Value, place: String) -> Result<(), Problem> {
        match with {
            Template::Literal(_) => Ok(()),
            Template::Expression(expression) => {
                let is_meant = expression.variables().iter().any(|name| name == SECRETS);
                let before = self.uses.len();
                self.value(value, place, is_meant)?;
                let is_lost = self.uses.len() == before && !value.is_null() && !value.is_boolean();
                if is_meant && is_lost {
                    let detail = format!("`{}` gives something else", expression.source());
                    return Err(misused(
                        "an expression may join secrets with text, not change them",
                    )
                    .with_detail(detail));
                }
                Ok(())
            }
            Template::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .zip(value.as_array().into_iter().flatten())
                    .try_for_each(|((at, with), value)| {
                        self.template(with, value, format!("{place}/{at}"))
                    })
            }
            Template::Object(entries) => entries.iter().try_for_each(|(key, with)| {
                let value = value.get(key).unwrap_or(&Value::Null);
                self.template(with, value, format!("{place}/{}", escape(key)))
            }),
        }
    }

    /// Looks for marks in what an expression gave.
    fn value(&mut self, value: &Value, place: String, is_meant: bool) -> Result<(), Problem> {
        match value {
            Value::String(text) => {
                let names = names_in(self.run, text, self.names);
                if names.is_empty() {
                    return Ok(());
                }
                if !is_meant {
                    return Err(misused("a secret came here by way of data")
                        .with_detail("name it where it is needed: `${ $secrets.name }`"));
                }
                self.uses.push(SecretUse {
                    pointer: place,
                    names: names.into_iter().cloned().collect(),
                });
                Ok(())
            }
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(at, item)| self.value(item, format!("{place}/{at}"), is_meant))
            }
            Value::Object(map) => map.iter().try_for_each(|(key, item)| {
                self.value(item, format!("{place}/{}", escape(key)), is_meant)
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }
}

fn misused(title: &str) -> Problem {
    Problem::standard(ProblemKind::Expression, title)
}
