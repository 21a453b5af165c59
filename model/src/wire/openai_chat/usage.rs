//! The usage of Chat Completions as a partition, whatever its speakers count into what.

use serde_json::Value;

use crate::Usage;

/// Reads a usage object; `None` when it counts nothing.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let count = |path: &[&str]| {
        let found = path.iter().try_fold(usage, |at, name| at.get(name));
        found.and_then(Value::as_u64)
    };
    let prompt = count(&["prompt_tokens"])?;
    let completion = count(&["completion_tokens"]).unwrap_or_default();
    let cache_read = count(&["prompt_tokens_details", "cached_tokens"])
        .or_else(|| count(&["prompt_cache_hit_tokens"]))
        .or_else(|| count(&["cached_tokens"]))
        .unwrap_or_default()
        .min(prompt);
    let cache_write = count(&["prompt_tokens_details", "cache_write_tokens"])
        .or_else(|| count(&["cache_creation_input_tokens"]))
        .unwrap_or_default()
        .min(prompt - cache_read);
    let reasoning = count(&["completion_tokens_details", "reasoning_tokens"])
        .or_else(|| count(&["reasoning_tokens"]))
        .unwrap_or_default();
    // OpenAI counts reasoning into the completion, xAI beside it; the total tells which.
    let total = count(&["total_tokens"]).unwrap_or_default();
    let beside = prompt.saturating_add(completion).saturating_add(reasoning);
    let output = if reasoning > 0 && total == beside {
        completion
    } else {
        completion.saturating_sub(reasoning)
    };
    Some(Usage {
        input_tokens: prompt - cache_read - cache_write,
        cache_read_tokens: cache_read,
        cache_write_tokens: cache_write,
        output_tokens: output,
        reasoning_tokens: reasoning,
    })
}
