//! `emit`: publishing an event.

use serde_json::{Map, Value, json};

use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::machine::{Machine, Step};
use crate::{Call, EffectClass, EffectId, EffectRequest, Problem, ProblemKind, Template};

/// The function that publishes. The same event is published under the same id, so whoever
/// receives it twice can tell.
pub(in crate::run) const EMIT: &str = "emit";

impl<'a> Machine<'a> {
    pub(super) fn emit(
        &mut self,
        branch: &mut Branch<Datum>,
        attributes: &'a Template,
    ) -> Result<Step<'a>, Problem> {
        let input = branch.top().input.clone();
        let given = self.evaluate(branch, attributes, &input)?;
        let Value::Object(given) = given.value() else {
            return Err(Problem::standard(
                ProblemKind::Expression,
                "the attributes of an event are not an object",
            ));
        };
        let event = Datum::new(self.complete(branch, given.clone()).into());
        let request = EffectRequest::Call(Call {
            function: EMIT.to_owned(),
            version: String::new(),
            arguments: event.value().clone(),
            class: EffectClass::Idempotent,
            secrets: Vec::new(),
        });
        Ok(self.intend(branch, request, Some(event.digest())))
    }

    /// Adds the attributes that every event has.
    ///
    /// Source: `CloudEvents` 1.0.2, "Required Attributes".
    fn complete(
        &self,
        branch: &Branch<Datum>,
        mut event: Map<String, Value>,
    ) -> Map<String, Value> {
        let frame = branch.top();
        let id = EffectId::derive(self.state.id, &frame.key, frame.attempt);
        let head = &self.definition.tree().document;
        let source = format!("urn:layercake:{}/{}", head.namespace, head.name);
        let mut add = |name: &str, value: Value| {
            event.entry(name).or_insert(value);
        };
        add("specversion", json!("1.0"));
        add("id", json!(id.to_string()));
        add("source", json!(source));
        add("time", json!(self.state.now.to_string()));
        event
    }
}
