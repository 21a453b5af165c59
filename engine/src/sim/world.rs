//! The outside: performs calls, and notes whether it was right to ask.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::plan::{FUNCTIONS, Plan};
use crate::{
    Call, Catalog, Effect, EffectClass, EffectId, FunctionSpec, Outcome, Problem, ProblemKind,
};

/// What the outside remembers, also when the process falls.
#[derive(Debug, Default)]
pub(super) struct World {
    /// How often each effect was performed.
    performed: BTreeMap<EffectId, u32>,
    /// Effects whose intent is durable.
    intended: BTreeSet<EffectId>,
    /// Unsafe effects that a person let be performed once more.
    allowed: BTreeSet<EffectId>,
}

impl World {
    pub(super) fn note_intent(&mut self, effect: EffectId) {
        self.intended.insert(effect);
    }

    pub(super) fn allow(&mut self, effect: EffectId) {
        self.allowed.insert(effect);
    }

    /// Begins to perform a call, and returns when it comes back.
    pub(super) fn perform(
        &mut self,
        plan: &Plan,
        effect: &Effect,
        call: &Call,
    ) -> Result<u64, String> {
        let place = &effect.task;
        if !self.intended.contains(&effect.id) {
            return Err(format!("`{place}` was begun before its intent was durable"));
        }
        let times = self.performed.entry(effect.id).or_default();
        *times += 1;
        let is_again = *times > 1;
        let was_allowed = self.allowed.remove(&effect.id);
        if is_again && call.class == EffectClass::Unsafe && !was_allowed {
            return Err(format!(
                "`{place}` is unsafe and was performed twice unasked"
            ));
        }
        let answer = plan.answer(place.as_str(), effect.attempt);
        Ok(effect.asked_at.plus_millis(answer.takes).as_millis())
    }
}

/// Returns what a call comes back with.
pub(super) fn outcome(plan: &Plan, effect: &Effect, call: &Call) -> Outcome {
    match plan.answer(effect.task.as_str(), effect.attempt).result {
        Ok(add) => {
            let n = call.arguments.get("n").and_then(Value::as_u64).unwrap_or(0);
            Outcome::completed(json!({ "n": (n * 2 + add) % 1_000 }))
        }
        Err(status) => {
            let problem = Problem::standard(ProblemKind::Communication, "no answer");
            Outcome::failed(problem.with_status(status))
        }
    }
}

/// Returns the functions that plans call, one of each class that matters after a crash.
pub(super) fn catalog() -> Catalog {
    let classes = [
        EffectClass::Pure,
        EffectClass::Read,
        EffectClass::Idempotent,
        EffectClass::Unsafe,
    ];
    let specs = FUNCTIONS
        .iter()
        .zip(classes)
        .map(|(name, class)| FunctionSpec {
            name: (*name).to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            input: json!(true),
            output: json!(true),
            class,
        });
    specs.fold(Catalog::default(), Catalog::with)
}
