//! How many tokens a request has, before anybody counted them. An estimate, and named so.

use crate::{ModelDescriptor, Part, Request, Usage};

/// How many bytes are taken for one token. English prose has four, code and other languages
/// fewer; an estimate that reserves should rather be too high than too low.
const BYTES_PER_TOKEN: usize = 3;
/// What a picture counts, whatever its bytes: providers bill it by its area, near this.
const PICTURE_TOKENS: usize = 1_600;
/// What a reply may use when nobody set a limit.
const OUTPUT_TOKENS: u64 = 4_096;

/// Returns the most that one call is expected to use.
pub(crate) fn usage_at_most(request: &Request, descriptor: &ModelDescriptor) -> Usage {
    let asked = request.sampling.output_tokens_max.map(u64::from);
    let output_tokens = asked.or(descriptor
        .output_tokens_max
        .map(|most| most.min(OUTPUT_TOKENS)));
    Usage {
        input_tokens: input_tokens(request),
        output_tokens: output_tokens.unwrap_or(OUTPUT_TOKENS),
        ..Usage::default()
    }
}

/// Returns about how many tokens the request has.
pub(crate) fn input_tokens(request: &Request) -> u64 {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let said: usize = parts.map(part_tokens).sum();
    let tools = request.tools.iter().map(|tool| {
        let schema = tool.input_schema.to_string();
        tokens(tool.name.len() + tool.description.len() + schema.len())
    });
    let answer = request
        .answer
        .as_ref()
        .map(|answer| tokens(answer.schema.to_string().len()));
    let system = tokens(request.system.as_deref().unwrap_or_default().len());
    (system + said + tools.sum::<usize>() + answer.unwrap_or_default()) as u64
}

fn part_tokens(part: &Part) -> usize {
    match part {
        Part::Text { text } => tokens(text.len()),
        Part::Image { .. } => PICTURE_TOKENS,
        Part::File { name, data, .. } => tokens(name.len() + data.len()),
        Part::ToolCall(call) => tokens(call.name.len() + call.arguments.to_string().len()),
        Part::ToolResult(result) => tokens(result.content.len()),
        Part::Reasoning(reasoning) => {
            let signature = reasoning.signature.as_deref().unwrap_or_default();
            tokens(reasoning.text.len() + signature.len())
        }
        Part::Opaque { item, .. } => tokens(item.to_string().len()),
    }
}

fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}
