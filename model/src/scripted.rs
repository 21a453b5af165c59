//! A model that answers from rules in a file: for demos, tests and work without a network.
//!
//! The format of the file is described on [`ScriptedModel`].

mod one_or_many;
mod pattern;
mod play;
mod request_view;
mod rule;
mod sample;
mod script;
mod services;
mod template;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use self::request_view::RequestView;
use self::rule::Rule;
use self::script::Script;
use crate::descriptor::AnswerMeans;
use crate::limits::Limits;
use crate::{
    CallContext, EventStream, Model, ModelDescriptor, ModelError, ModelErrorKind, Request,
};

const BUILTIN: &str = include_str!("scripted/builtin.yaml");
/// The dialect of the scripted model's reasoning.
const DIALECT: &str = "scripted";

#[doc = include_str!("scripted/format.md")]
pub struct ScriptedModel {
    descriptor: ModelDescriptor,
    /// The script's file, or what stands for it in messages.
    origin: String,
    rules: Vec<CountedRule>,
}

/// A rule, and how often it was used by this value.
struct CountedRule {
    rule: Rule,
    uses: AtomicU32,
}

impl ScriptedModel {
    /// Makes the model with the rules that are built in: it gives the smallest answer of a
    /// wanted shape, and otherwise says plainly that no language model is configured.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a test reads the built-in script"
    )]
    pub fn builtin() -> Self {
        Self::from_yaml("the built-in script", BUILTIN).expect("a test reads the built-in script")
    }

    /// Reads the rules of a file.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Script` when the file cannot be read, or is wrong; then the
    /// message says where: `FILE:LINE:COLUMN`.
    pub fn from_file(file: &Path) -> Result<Self, ModelError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!("cannot read the script {}: {error}", file.display());
            ModelError::new(ModelErrorKind::Script, message)
        })?;
        Self::from_yaml(&file.display().to_string(), &text)
    }

    /// Reads rules from YAML text. `origin` names the text in messages.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Script` that says what is wrong, and where.
    pub fn from_yaml(origin: &str, text: &str) -> Result<Self, ModelError> {
        let script = Script::read(origin, text)?;
        let descriptor = ModelDescriptor {
            price: Some(script.price()),
            answer_means: AnswerMeans::Native,
            ..ModelDescriptor::new("scripted", script.model_name(), DIALECT)
        };
        let rules = script.rules.into_iter();
        Ok(Self {
            descriptor,
            origin: origin.to_owned(),
            rules: rules.map(CountedRule::new).collect(),
        })
    }

    fn rule_for(&self, view: &RequestView<'_>) -> Result<&Rule, ModelError> {
        let mut rules = self.rules.iter();
        let found = rules.find(|counted| counted.rule.matches.fits(view) && counted.take());
        found.map(|counted| &counted.rule).ok_or_else(|| {
            let message = format!(
                "no rule of {} answers this request ({}); add a rule without `match` as the last",
                self.origin,
                view.summary(),
            );
            ModelError::new(ModelErrorKind::Configuration, message)
        })
    }
}

impl CountedRule {
    fn new(rule: Rule) -> Self {
        Self {
            rule,
            uses: AtomicU32::new(0),
        }
    }

    /// Uses the rule once more, unless it was used up.
    fn take(&self) -> bool {
        let Some(times) = self.rule.times else {
            return true;
        };
        let more = |uses| (uses < times).then_some(uses + 1);
        self.uses
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ScriptedModel");
        shown
            .field("origin", &self.origin)
            .field("rules", &self.rules.len());
        shown.finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let view = RequestView::of(&request, &self.descriptor.model);
        let rule = self.rule_for(&view)?;
        let steps = play::steps(rule, &view, &self.origin)?;
        Ok(play::stream(steps, Limits::of(&context)))
    }
}

#[cfg(test)]
mod tests;
