//! One rule: when it fits, and what it says.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::one_or_many::OneOrMany;
use super::pattern::{OPERATIONS, TextPattern, glob_fits};
use super::request_view::RequestView;
use super::template;
use crate::ModelErrorKind;

/// A rule of a script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default, rename = "match")]
    pub(super) matches: Match,
    /// How often it may be used; afterwards it fits nothing.
    #[serde(default)]
    pub(super) times: Option<u32>,
    #[serde(default)]
    pub(super) reasoning: Option<String>,
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) answer: Option<Value>,
    /// Whether to answer with the smallest value of the wanted shape.
    #[serde(default)]
    pub(super) sample: bool,
    #[serde(default)]
    pub(super) tool_calls: Vec<Call>,
    #[serde(default)]
    pub(super) stop: Option<Stop>,
    #[serde(default)]
    pub(super) usage: Option<PretendUsage>,
    #[serde(default)]
    pub(super) delay_ms: u64,
    #[serde(default)]
    pub(super) chunk_chars: Option<usize>,
    #[serde(default)]
    pub(super) chunk_delay_ms: u64,
    #[serde(default)]
    pub(super) error: Option<Failure>,
}

/// A tool call that a rule makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Value,
    #[serde(default)]
    pub(super) id: Option<String>,
}

/// Why the reply ends, when it is not the usual reason.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stop {
    End,
    ToolCalls,
    OutputLimit,
    #[serde(rename = "stop_text")]
    Text,
    Refusal,
    ContextLimit,
    Paused,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PretendUsage {
    pub(super) input_tokens: u64,
    pub(super) cache_read_tokens: u64,
    pub(super) cache_write_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) reasoning_tokens: u64,
}

/// The error that a rule gives instead of an answer, or in the middle of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    pub(super) kind: ModelErrorKind,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) retry_after_ms: Option<u64>,
    #[serde(default)]
    pub(super) status: Option<u16>,
    /// How many pieces of the answer come before it; without it, the call fails at once.
    #[serde(default)]
    pub(super) after_chunks: Option<usize>,
}

impl Rule {
    /// Names the rule in messages.
    pub(super) fn title(&self, number: usize) -> String {
        match &self.name {
            Some(name) => format!("rule `{name}`"),
            None => format!("rule {}", number + 1),
        }
    }

    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<(), String> {
        let answers = [self.text.is_some(), self.answer.is_some(), self.sample];
        let answers = answers.into_iter().filter(|given| *given).count();
        if answers > 1 {
            return Err("give one of `text`, `answer` and `sample`".to_owned());
        }
        let says_nothing = answers == 0 && self.tool_calls.is_empty() && self.reasoning.is_none();
        if says_nothing && self.error.is_none() && self.stop.is_none() {
            return Err(
                "say something: `text`, `answer`, `sample`, `tool_calls` or `error`".to_owned(),
            );
        }
        if self.chunk_chars == Some(0) {
            return Err("`chunk_chars` is at least 1".to_owned());
        }
        for text in self.text.iter().chain(&self.reasoning) {
            template::check(text)?;
        }
        let calls = self.tool_calls.iter().map(|call| &call.arguments);
        self.answer
            .iter()
            .chain(calls)
            .try_for_each(template::check_value)
    }
}

/// When a rule fits: everything that is given must hold.
#[derive(Debug, Default)]
pub(super) struct Match {
    system: TextPattern,
    user: TextPattern,
    tool_result: TextPattern,
    user_json: BTreeMap<String, TextPattern>,
    tool_json: BTreeMap<String, TextPattern>,
    /// Globs for the tool whose result stands last.
    tool: OneOrMany<String>,
    after_tool: Option<bool>,
    called: OneOrMany<String>,
    not_called: OneOrMany<String>,
    offers: OneOrMany<String>,
    answer_name: OneOrMany<String>,
    structured: Option<bool>,
    model: OneOrMany<String>,
    turn: OneOrMany<u64>,
}

/// The keys of a match beside those that are made of a source and an operation.
const KEYS: [&str; 11] = [
    "user_json",
    "tool_json",
    "tool",
    "after_tool",
    "called",
    "not_called",
    "offers",
    "answer_name",
    "structured",
    "model",
    "turn",
];
const SOURCES: [&str; 3] = ["system", "user", "tool_result"];

impl Match {
    pub(super) fn fits(&self, view: &RequestView<'_>) -> bool {
        let name_fits = |globs: &OneOrMany<String>, name: &str| {
            globs.0.is_empty() || globs.0.iter().any(|glob| glob_fits(glob, name))
        };
        let all_in = |globs: &OneOrMany<String>, names: &[&str]| {
            let has = |glob: &String| names.iter().any(|name| glob_fits(glob, name));
            globs.0.iter().all(has)
        };
        let calls_before = view.calls_before();
        let is_called = |glob: &String| calls_before.iter().any(|name| glob_fits(glob, name));
        self.system.fits(view.system_text())
            && self.user.fits(&view.user_text())
            && self.tool_fits(view)
            && self
                .after_tool
                .is_none_or(|after| after == view.is_after_tool())
            && json_fits(&self.user_json, view.user_json().as_ref())
            && json_fits(&self.tool_json, view.tool_json().as_ref())
            && all_in(&self.called, &calls_before)
            && !self.not_called.0.iter().any(is_called)
            && all_in(&self.offers, &view.offered())
            && self
                .structured
                .is_none_or(|wanted| wanted == view.answer_name().is_some())
            && (self.answer_name.0.is_empty()
                || view
                    .answer_name()
                    .is_some_and(|name| name_fits(&self.answer_name, name)))
            && name_fits(&self.model, view.model())
            && (self.turn.0.is_empty() || self.turn.0.contains(&view.turn()))
    }

    fn tool_fits(&self, view: &RequestView<'_>) -> bool {
        if self.tool.0.is_empty() && self.tool_result.is_empty() {
            return true;
        }
        let results = view.tool_results();
        let mut named = results.iter().filter(|(name, _)| {
            self.tool.0.is_empty() || self.tool.0.iter().any(|glob| glob_fits(glob, name))
        });
        named.any(|(_, text)| self.tool_result.fits(text))
    }

    fn put<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "user_json" => self.user_json = map.next_value()?,
            "tool_json" => self.tool_json = map.next_value()?,
            "tool" => self.tool = map.next_value()?,
            "after_tool" => self.after_tool = Some(map.next_value()?),
            "called" => self.called = map.next_value()?,
            "not_called" => self.not_called = map.next_value()?,
            "offers" => self.offers = map.next_value()?,
            "answer_name" => self.answer_name = map.next_value()?,
            "structured" => self.structured = Some(map.next_value()?),
            "model" => self.model = map.next_value()?,
            "turn" => self.turn = map.next_value()?,
            _ => {
                let slot = self.text_slot(key).ok_or_else(|| unknown_key(key))?;
                *slot = map.next_value()?;
            }
        }
        Ok(())
    }

    /// Finds the place of a key such as `user_contains`.
    fn text_slot(&mut self, key: &str) -> Option<&mut OneOrMany<String>> {
        let (source, operation) = key.rsplit_once('_')?;
        let pattern = match source {
            "system" => &mut self.system,
            "user" => &mut self.user,
            "tool_result" => &mut self.tool_result,
            _ => return None,
        };
        pattern.operation_mut(operation)
    }
}

fn unknown_key<E: Error>(key: &str) -> E {
    let texts = SOURCES.iter().flat_map(|source| {
        OPERATIONS
            .iter()
            .map(move |operation| format!("{source}_{operation}"))
    });
    let known: Vec<String> = texts.chain(KEYS.map(str::to_owned)).collect();
    E::custom(format!(
        "`match` has no key `{key}`; it has {}",
        known.join(", ")
    ))
}

fn json_fits(patterns: &BTreeMap<String, TextPattern>, json: Option<&Value>) -> bool {
    patterns.iter().all(|(path, pattern)| {
        let found = json.and_then(|json| template::at_path(json, path));
        found.is_some_and(|value| pattern.fits(&template::text_of(value)))
    })
}

impl<'de> Deserialize<'de> for Match {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MatchVisitor;

        impl<'de> Visitor<'de> for MatchVisitor {
            type Value = Match;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("conditions such as `user_contains: [invoice]`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Match, A::Error> {
                let mut matches = Match::default();
                while let Some(key) = map.next_key::<String>()? {
                    matches.put(&key, &mut map)?;
                }
                Ok(matches)
            }
        }

        deserializer.deserialize_map(MatchVisitor)
    }
}
