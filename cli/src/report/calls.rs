//! The calls of a run, one by one: what was asked, what came back, how long it took and what it
//! cost. Pure: the same records give the same view.

use std::collections::BTreeMap;

use layercake_engine::{
    Effect, EffectId, EffectRequest, Payload, Record, RecordKind, RunTree, Sequence,
};
use layercake_harness::session::SessionRecord;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::paint::{Paint, duration, safe_text};
use crate::session::record::to_session;

/// One call with everything that is recorded of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CallView {
    /// The run.
    pub(crate) run: String,
    /// The stable key.
    pub(crate) task: String,
    /// `model`, `call`, `tool`, `approval`, `timer` or `run`.
    pub(crate) kind: &'static str,
    /// The function, the tool or the question.
    pub(crate) name: String,
    /// The attempt of the task, from 1.
    pub(crate) attempt: u32,
    /// The model, as reported.
    pub(crate) model: Option<String>,
    /// What was asked. Of a model everything that it was shown, each part with its layer.
    pub(crate) request: Value,
    /// What came back; null while it is open.
    pub(crate) reply: Value,
    /// Everything else that was kept of it: replies that did not fit, requests as sent.
    pub(crate) evidence: Value,
    /// Whether it is settled, and how.
    pub(crate) status: &'static str,
    /// Milliseconds from the asking to the answer.
    pub(crate) latency_ms: Option<u64>,
    /// Billable attempts.
    pub(crate) billed: usize,
    /// Tokens by class.
    pub(crate) tokens: BTreeMap<String, u64>,
    /// The known part of what it cost.
    pub(crate) usd: Decimal,
    /// Whether every price was known.
    pub(crate) exact: bool,
    /// The records of the asking and of the answer.
    pub(crate) records: (Sequence, Option<Sequence>),
}

/// Returns the calls of one task of one log, or of all its tasks.
pub(crate) fn calls(log: &[Record], tree: &RunTree, task: Option<&str>) -> Vec<CallView> {
    let mut fold = CallFold {
        tree,
        log,
        calls: Vec::new(),
        open: BTreeMap::new(),
    };
    log.iter().for_each(|record| fold.add(record));
    let mut calls = fold.calls;
    calls.retain(|call| task.is_none_or(|task| call.task == task));
    calls
}

struct CallFold<'a> {
    tree: &'a RunTree,
    log: &'a [Record],
    calls: Vec<CallView>,
    /// Positions of calls without an answer: effects by id, those of agents by task.
    open: BTreeMap<Key, (usize, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Effect(EffectId),
    Task(String),
}

impl CallFold<'_> {
    fn add(&mut self, record: &Record) {
        match &record.kind {
            RecordKind::EffectIntended(effect) => self.asked(record, effect),
            RecordKind::EffectFinished {
                effect,
                result,
                evidence,
            } => {
                let (status, reply) = match result {
                    Ok(payload) => ("completed", self.value(payload)),
                    Err(problem) => ("faulted", json!(problem)),
                };
                let evidence = evidence.as_ref().map_or(Value::Null, |it| self.value(it));
                self.answered(record, &Key::Effect(*effect), status, reply, evidence);
            }
            RecordKind::Decided { effect, decision } => {
                let key = Key::Effect(*effect);
                self.answered(record, &key, "completed", json!(decision), Value::Null);
            }
            RecordKind::EffectAbandoned { effect } => {
                let key = Key::Effect(*effect);
                self.answered(record, &key, "abandoned", Value::Null, Value::Null);
            }
            RecordKind::Session { event, body } => self.add_session(record, event, body),
            _ => {}
        }
    }

    fn asked(&mut self, record: &Record, effect: &Effect) {
        let (kind, name, request) = match &effect.request {
            EffectRequest::Call(call) if call.function == "decide" => {
                ("model", call.function.clone(), call.arguments.clone())
            }
            EffectRequest::Call(call) => ("call", call.function.clone(), call.arguments.clone()),
            EffectRequest::Timer { due } => ("timer", String::new(), json!(due)),
            EffectRequest::Approval(approval) => {
                ("approval", approval.title.clone(), approval.shown.clone())
            }
            EffectRequest::Run { routine, input, .. } => ("run", routine.clone(), input.clone()),
        };
        self.open(record, Key::Effect(effect.id), kind, name, request);
    }

    fn add_session(&mut self, record: &Record, event: &str, body: &Payload) {
        let key = Key::Task(record.task.to_string());
        let body = self.value(body);
        match event {
            "model-requested" => {
                let request = seen(self.log, record.seq);
                self.open(record, key, "model", "model".to_owned(), request);
            }
            "model-settled" => {
                let outcome = &body["outcome"];
                let status = match outcome.get("replied") {
                    Some(_) => "completed",
                    None => "faulted",
                };
                self.answered(record, &key, status, outcome.clone(), Value::Null);
            }
            "tool-intended" => {
                let name = body["call"]["name"].as_str().unwrap_or_default().to_owned();
                self.open(record, key, "tool", name, body["call"]["arguments"].clone());
            }
            "tool-settled" => {
                let failed = body["isError"] == json!(true);
                let status = if failed { "faulted" } else { "completed" };
                let (content, evidence) = (body["content"].clone(), body["evidence"].clone());
                self.answered(record, &key, status, content, evidence);
            }
            "budget-charged" => self.charge(record),
            _ => {}
        }
    }

    fn open(
        &mut self,
        record: &Record,
        key: Key,
        kind: &'static str,
        name: String,
        request: Value,
    ) {
        self.open
            .insert(key, (self.calls.len(), record.at.as_millis()));
        self.calls.push(CallView {
            run: record.run.to_string(),
            task: record.task.to_string(),
            kind,
            name,
            attempt: record.attempt,
            model: None,
            request,
            reply: Value::Null,
            evidence: Value::Null,
            status: "open",
            latency_ms: None,
            billed: 0,
            tokens: BTreeMap::new(),
            usd: Decimal::ZERO,
            exact: true,
            records: (record.seq, None),
        });
    }

    fn answered(
        &mut self,
        record: &Record,
        key: &Key,
        status: &'static str,
        reply: Value,
        evidence: Value,
    ) {
        let Some((index, asked_at)) = self.open.remove(key) else {
            return;
        };
        let call = &mut self.calls[index];
        call.status = status;
        call.reply = reply;
        call.evidence = evidence;
        call.model = record.versions.get("model").cloned();
        call.latency_ms = Some(record.at.as_millis().saturating_sub(asked_at));
        call.records.1 = Some(record.seq);
        bill(call, record);
    }

    /// What is charged after an answer belongs to the call of the same task.
    fn charge(&mut self, record: &Record) {
        let same = |call: &&mut CallView| call.task == record.task.as_str();
        if let Some(call) = self.calls.iter_mut().rev().find(same) {
            bill(call, record);
        }
    }

    fn value(&self, payload: &Payload) -> Value {
        self.tree.value(payload).cloned().unwrap_or_default()
    }
}

fn bill(call: &mut CallView, record: &Record) {
    for cost in &record.costs {
        call.billed += 1;
        call.usd += cost.usd.unwrap_or_default();
        call.exact &= cost.usd.is_some();
        for (class, count) in &cost.tokens {
            *call.tokens.entry(class.clone()).or_default() += count;
        }
    }
}

/// Returns everything that a model was shown at the call that a record of its session asks for.
fn seen(log: &[Record], until: Sequence) -> Value {
    let events = log.iter().take_while(|record| record.seq <= until);
    let events = events.filter(|record| matches!(record.kind, RecordKind::Session { .. }));
    let records: Option<Vec<SessionRecord>> = events
        .zip(1..)
        .map(|(record, seq)| to_session(record, seq))
        .collect();
    let seen = records.and_then(|records| layercake_harness::seen::seen(&records).ok());
    seen.map_or(Value::Null, |seen| json!(seen))
}

/// Paints calls with everything in them.
pub(crate) fn paint(calls: &[CallView], paint: Paint) -> String {
    let blocks: Vec<String> = calls.iter().map(|call| block(call, paint)).collect();
    blocks.join("\n\n")
}

fn block(call: &CallView, paint: Paint) -> String {
    let took = call.latency_ms.map(|ms| format!(" in {}", duration(ms)));
    let mut lines = vec![format!(
        "{} {}  {}{}  {}",
        paint.cyan(call.kind),
        paint.bold(&safe_text(&call.name)),
        paint.status(call.status),
        took.unwrap_or_default(),
        paint.dim(&record_words(call))
    )];
    if call.attempt > 1 {
        lines.push(format!("  attempt {}", call.attempt));
    }
    if call.billed > 0 {
        lines.push(format!("  {}", price_words(call)));
    }
    lines.extend(value_lines("request", &call.request, paint));
    lines.extend(value_lines("reply", &call.reply, paint));
    lines.extend(value_lines("evidence", &call.evidence, paint));
    lines.join("\n")
}

fn record_words(call: &CallView) -> String {
    match call.records {
        (asked, Some(answered)) => format!("records {asked} and {answered}"),
        (asked, None) => format!("record {asked}"),
    }
}

fn price_words(call: &CallView) -> String {
    let bound = if call.exact { "" } else { "≥ " };
    let tokens: Vec<String> = call
        .tokens
        .iter()
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    format!(
        "{}: {bound}${}, billed attempts {}, tokens: {}",
        call.model.as_deref().unwrap_or("model"),
        call.usd.normalize(),
        call.billed,
        tokens.join(", ")
    )
}

fn value_lines(title: &str, value: &Value, paint: Paint) -> Vec<String> {
    let text = match value {
        Value::Null => return Vec::new(),
        Value::String(text) => text.clone(),
        Value::Object(seen) if seen.contains_key("shown") => return seen_lines(value, paint),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    let mut lines = vec![format!("  {}", paint.bold(title))];
    lines.extend(indented(&text));
    lines
}

/// What a model was shown, each part under the name of the layer that produced it.
fn seen_lines(value: &Value, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("  {}", paint.bold("shown to the model"))];
    for part in value["shown"].as_array().into_iter().flatten() {
        let layer = part["layer"].as_str().unwrap_or_default();
        lines.push(format!("    {}", paint.cyan(&format!("[{layer}]"))));
        for piece in part["parts"].as_array().into_iter().flatten() {
            let text = match piece.get("text").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => piece.to_string(),
            };
            lines.extend(indented(&text));
        }
    }
    let names = value["tools"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|tool| tool["name"].as_str()).collect();
    if !names.is_empty() {
        lines.push(format!("    tools: {}", names.join(", ")));
    }
    lines
}

fn indented(text: &str) -> Vec<String> {
    let safe = safe_text(text);
    safe.lines().map(|line| format!("    {line}")).collect()
}
