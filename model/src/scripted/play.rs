//! A rule that fits becomes the events of a reply, with its pauses and its failure.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::request_view::RequestView;
use super::rule::{Failure, Rule, Stop};
use super::{DIALECT, sample, template};
use crate::event::PartKind;
use crate::limits::Limits;
use crate::{Event, EventStream, ModelError, ModelErrorKind, Part, Request, StopReason, Usage};

/// How many characters one piece of text has, when the rule does not say.
const CHUNK_CHARS: usize = 24;
/// How many bytes are counted as one token. Real tokenisers come near it for English prose;
/// it is an estimate and nothing else.
const BYTES_PER_TOKEN: usize = 4;

/// What happens next in a reply.
pub(super) enum Step {
    Wait(Duration),
    Say(Event),
    Fail(ModelError),
}

/// Writes down the whole reply of a rule.
pub(super) fn steps(
    rule: &Rule,
    view: &RequestView<'_>,
    origin: &str,
) -> Result<VecDeque<Step>, ModelError> {
    let wrong = |what: String| {
        let rule = rule.name.as_deref().unwrap_or("without a name");
        let message = format!("the rule {rule} of {origin} cannot be followed: {what}");
        ModelError::new(ModelErrorKind::Script, message)
    };
    let mut parts = Vec::new();
    if let Some(reasoning) = &rule.reasoning {
        let dialect = DIALECT.to_owned();
        let text = template::fill(reasoning, view).map_err(wrong)?;
        parts.push((PartKind::Reasoning { dialect }, text));
    }
    if let Some(text) = said(rule, view).map_err(wrong)? {
        parts.push((PartKind::Text, text));
    }
    for (number, call) in rule.tool_calls.iter().enumerate() {
        let kind = PartKind::ToolCall {
            // The turn makes it unique in the conversation.
            id: call
                .id
                .clone()
                .unwrap_or_else(|| format!("call_{}_{number}", view.turn())),
            name: call.name.clone(),
        };
        let arguments = template::fill_value(&call.arguments, view).map_err(wrong)?;
        let text = if arguments.is_null() {
            String::new()
        } else {
            arguments.to_string()
        };
        parts.push((kind, text));
    }
    Ok(lay_out(rule, view, parts))
}

fn said(rule: &Rule, view: &RequestView<'_>) -> Result<Option<String>, String> {
    if rule.sample {
        let answer = view.request().answer.as_ref();
        let answer = answer.ok_or("`sample` needs a request for a structured answer")?;
        return Ok(Some(sample::of(&answer.schema).to_string()));
    }
    if let Some(answer) = &rule.answer {
        return template::fill_value(answer, view).map(|answer| Some(answer.to_string()));
    }
    rule.text
        .as_ref()
        .map(|text| template::fill(text, view))
        .transpose()
}

fn lay_out(rule: &Rule, view: &RequestView<'_>, parts: Vec<(PartKind, String)>) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    if rule.delay_ms > 0 {
        steps.push_back(Step::Wait(Duration::from_millis(rule.delay_ms)));
    }
    let failure = rule.error.as_ref();
    if let Some(failure) = failure.filter(|failure| failure.after_chunks.is_none()) {
        steps.push_back(Step::Fail(error_of(failure)));
        return steps;
    }
    let usage = usage_of(rule, view.request(), &parts);
    let reason = reason_of(rule);
    steps.push_back(Step::Say(Event::Start {
        model: view.model().to_owned(),
        response_id: format!("scripted_{}", view.turn()),
    }));
    let mut chunks_left = failure.and_then(|failure| failure.after_chunks);
    for (index, (part, text)) in parts.into_iter().enumerate() {
        steps.push_back(Step::Say(Event::PartStart { index, part }));
        for text in chunks(&text, rule.chunk_chars.unwrap_or(CHUNK_CHARS)) {
            if let (Some(0), Some(failure)) = (chunks_left, failure) {
                steps.push_back(Step::Fail(error_of(failure)));
                return steps;
            }
            chunks_left = chunks_left.map(|left| left - 1);
            if rule.chunk_delay_ms > 0 {
                steps.push_back(Step::Wait(Duration::from_millis(rule.chunk_delay_ms)));
            }
            steps.push_back(Step::Say(Event::Delta { index, text }));
        }
        steps.push_back(Step::Say(Event::PartEnd { index }));
    }
    // A failure that was to come later than the answer is long comes at its end.
    if let Some(failure) = failure {
        steps.push_back(Step::Fail(error_of(failure)));
        return steps;
    }
    steps.push_back(Step::Say(Event::Usage(usage)));
    let raw_reason = rule.name.clone().unwrap_or_default();
    steps.push_back(Step::Say(Event::Finish { reason, raw_reason }));
    steps
}

fn chunks(text: &str, chars: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(chars)
        .map(|chunk| chunk.iter().collect())
        .collect()
}

fn reason_of(rule: &Rule) -> StopReason {
    match rule.stop {
        None if rule.tool_calls.is_empty() => StopReason::End,
        None | Some(Stop::ToolCalls) => StopReason::ToolCalls,
        Some(Stop::End) => StopReason::End,
        Some(Stop::OutputLimit) => StopReason::OutputLimit,
        Some(Stop::Text) => StopReason::StopText,
        Some(Stop::Refusal) => StopReason::Refusal,
        Some(Stop::ContextLimit) => StopReason::ContextLimit,
        Some(Stop::Paused) => StopReason::Paused,
    }
}

fn error_of(failure: &Failure) -> ModelError {
    let message = failure.message.clone();
    let message = message.unwrap_or_else(|| "the script wants this call to fail".to_owned());
    ModelError {
        retry_after: failure.retry_after_ms.map(Duration::from_millis),
        status: failure.status,
        partial: failure.after_chunks.is_some(),
        ..ModelError::new(failure.kind, message)
    }
}

fn usage_of(rule: &Rule, request: &Request, parts: &[(PartKind, String)]) -> Usage {
    if let Some(given) = rule.usage {
        return Usage {
            input_tokens: given.input_tokens,
            cache_read_tokens: given.cache_read_tokens,
            cache_write_tokens: given.cache_write_tokens,
            output_tokens: given.output_tokens,
            reasoning_tokens: given.reasoning_tokens,
        };
    }
    let count = |is_reasoning: bool| {
        let fitting = parts
            .iter()
            .filter(|(kind, _)| matches!(kind, PartKind::Reasoning { .. }) == is_reasoning);
        tokens(fitting.map(|(_, text)| text.len()).sum())
    };
    Usage {
        input_tokens: tokens(input_bytes(request)),
        output_tokens: count(false),
        reasoning_tokens: count(true),
        ..Usage::default()
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

fn input_bytes(request: &Request) -> usize {
    let system = request.system.as_deref().unwrap_or_default().len();
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let said: usize = parts
        .map(|part| match part {
            Part::Text { text } => text.len(),
            Part::Image { data, .. } | Part::File { data, .. } => data.len(),
            Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
            Part::ToolResult(result) => result.content.len(),
            Part::Reasoning(reasoning) => reasoning.text.len(),
            Part::Opaque { item, .. } => item.to_string().len(),
        })
        .sum();
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.input_schema.to_string().len());
    system + said + tools.sum::<usize>()
}

/// Plays the steps under the limits of the call.
pub(super) fn stream(steps: VecDeque<Step>, limits: Limits) -> EventStream {
    let state = (steps, limits, false);
    let events = stream::unfold(state, |(mut steps, limits, mut has_begun)| async move {
        loop {
            match steps.pop_front()? {
                Step::Say(event) => {
                    has_begun = true;
                    return Some((Ok(event), (steps, limits, has_begun)));
                }
                Step::Fail(error) => {
                    steps.clear();
                    return Some((Err(error), (steps, limits, has_begun)));
                }
                Step::Wait(pause) => {
                    let pause = tokio::time::sleep(pause);
                    let waited = if has_begun {
                        limits.piece(pause).await
                    } else {
                        limits.first_byte(pause).await
                    };
                    if let Err(mut error) = waited {
                        error.partial = has_begun;
                        steps.clear();
                        return Some((Err(error), (steps, limits, has_begun)));
                    }
                }
            }
        }
    });
    events.boxed()
}
