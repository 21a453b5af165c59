//! Events: those that runs publish, on their way to the runs that listen, and out.
//!
//! A run can be told of an event as soon as it exists: what it does not take at once waits in
//! its own inbox, which is durable, and takes the same event once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::core::Core;
use super::{Engine, EngineError};
use crate::journal::Scan;
use crate::{
    Actor, Definition, Effect, EffectRequest, ExecutorError, Input, Outcome, Problem, ProblemKind,
    RunId,
};

/// Takes events on their way out.
#[async_trait]
pub trait EventSink: std::fmt::Debug + Send + Sync {
    /// Publishes an event (`CloudEvents` 1.0), all of it. The same id means the same event.
    ///
    /// # Errors
    ///
    /// When it was not taken. It may be published again.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have published the event.
    async fn publish(&self, event: &Value) -> Result<(), ExecutorError>;
}

/// How the attribute begins by which runs are found that listen to a type of events.
const LISTENS: &str = "listens:";

/// The type that stands for all.
const ANY: &str = "*";

/// How many runs are looked up at once.
const PAGE: usize = 256;

/// The most types that one definition is found by; with more it is told of every event.
const TYPES_MAX: usize = 16;

impl Engine {
    /// Tells an event (`CloudEvents` 1.0) to every run that may listen to its type; returns how
    /// many took it, when that is durable. What has no `id`, `source`, `specversion` or `time`
    /// gets one. A run takes the same event, by source and id, once.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoEvent`] when it is not an object with a `type`; or the journal's.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have told some runs; telling the same event again is safe.
    pub async fn tell(&self, event: Value) -> Result<usize, EngineError> {
        let core = self.core();
        core.require_running()?;
        let Value::Object(mut event) = event else {
            return Err(EngineError::NoEvent);
        };
        if !event.get("type").is_some_and(Value::is_string) {
            return Err(EngineError::NoEvent);
        }
        self.complete(&mut event);
        core.distribute(&Value::Object(event)).await
    }

    /// Source: `CloudEvents` 1.0.2, "Required Attributes".
    fn complete(&self, event: &mut Map<String, Value>) {
        let mut add = |name: &str, value: Value| {
            event.entry(name).or_insert(value);
        };
        add("specversion", json!("1.0"));
        add("id", json!(self.fresh_id().to_string()));
        add("source", json!("urn:layercake:engine"));
        add("time", json!(self.core().clock.now().to_string()));
    }
}

impl Core {
    /// Performs `emit`: tells the runs of this engine, then the world.
    pub(super) async fn emit(
        self: &std::sync::Arc<Self>,
        event: &Value,
    ) -> Result<Outcome, ExecutorError> {
        if !event.get("type").is_some_and(Value::is_string) {
            let title = "an event needs a `type`";
            let problem = Problem::standard(ProblemKind::Configuration, title);
            return Ok(Outcome::failed(problem));
        }
        let told = self.distribute(event).await;
        told.map_err(|error| ExecutorError {
            message: format!("the event could not be told: {error}"),
        })?;
        if let Some(sink) = &self.events {
            sink.publish(event).await?;
        }
        Ok(Outcome::completed(Value::Null))
    }

    /// Tells an event to every run that may listen to it.
    pub(super) async fn distribute(
        self: &std::sync::Arc<Self>,
        event: &Value,
    ) -> Result<usize, EngineError> {
        let kind = event["type"].as_str().unwrap_or_default();
        let mut told = 0;
        let mut seen = BTreeSet::new();
        for kind in [kind, ANY] {
            let mut before = None;
            loop {
                let page = self.journal.scan(&Scan {
                    attributes: [(format!("{LISTENS}{kind}"), String::new())].into(),
                    before,
                    ..Scan::newest(PAGE)
                })?;
                let Some(last) = page.last() else { break };
                before = Some(last.run);
                let open = page.iter().filter(|row| !row.phase.is_final());
                for row in open.filter(|row| row.trouble.is_none()) {
                    if seen.insert(row.run) && self.hand(row.run, event).await? {
                        told += 1;
                    }
                }
            }
        }
        Ok(told)
    }

    /// Hands an event to a run; says whether it took it.
    async fn hand(
        self: &std::sync::Arc<Self>,
        run: RunId,
        event: &Value,
    ) -> Result<bool, EngineError> {
        let input = Input::Signalled {
            signal: event["type"].as_str().unwrap_or_default().to_owned(),
            data: event.clone(),
            by: Actor::Engine,
        };
        match self.apply(run, input).await {
            Ok(()) => Ok(true),
            // It has ended, it has had the event, or it takes no more of them.
            Err(EngineError::Refused(reason)) => {
                tracing::debug!(run_id = %run, %reason, "an event was not taken");
                Ok(false)
            }
            Err(
                error @ (EngineError::Busy(_)
                | EngineError::Queued(_)
                | EngineError::UnknownRun(_)
                | EngineError::Troubled { .. }),
            ) => {
                tracing::warn!(run_id = %run, %error, "an event was not taken");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns the event of an effect that publishes one.
pub(super) fn event_of(effect: &Effect) -> Option<&Value> {
    match &effect.request {
        EffectRequest::Call(call) if call.function == "emit" && call.version.is_empty() => {
            Some(&call.arguments)
        }
        _ => None,
    }
}

/// Says whether an attribute is of this file's making.
pub(super) fn is_listening(attribute: &str) -> bool {
    attribute.starts_with(LISTENS)
}

/// Returns the attributes by which the runs of a definition are found when events come.
pub(super) fn listens(definition: &Definition) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    collect(definition.document(), &mut kinds);
    if kinds.len() > TYPES_MAX {
        kinds = [ANY.to_owned()].into();
    }
    kinds
        .into_iter()
        .map(|kind| format!("{LISTENS}{kind}"))
        .collect()
}

/// Looks for `listen` tasks. What only looks like one costs an event that nobody takes.
fn collect(value: &Value, kinds: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if let ("listen", Some(to)) = (key.as_str(), inner.get("to")) {
                    strategy(to, kinds);
                }
                collect(inner, kinds);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, kinds)),
        _ => {}
    }
}

/// Collects the types of events that a strategy waits for.
pub(super) fn strategy(to: &Value, kinds: &mut BTreeSet<String>) {
    let mut filter = |filter: &Value| {
        let kind = filter.pointer("/with/type").and_then(Value::as_str);
        kinds.insert(kind.filter(|kind| is_plain(kind)).unwrap_or(ANY).to_owned());
    };
    if let Some(one) = to.get("one") {
        filter(one);
    }
    for key in ["all", "any"] {
        match to.get(key).and_then(Value::as_array) {
            Some(filters) if filters.is_empty() => filter(&Value::Null),
            Some(filters) => filters.iter().for_each(&mut filter),
            None => {}
        }
    }
    if let Some(until @ Value::Object(_)) = to.get("until") {
        strategy(until, kinds);
    }
}

/// Says whether a type is one, and neither a pattern nor an expression.
fn is_plain(kind: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    !kind.is_empty() && kind.chars().all(plain)
}
