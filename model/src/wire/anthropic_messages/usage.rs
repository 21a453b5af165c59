//! The usage of Anthropic Messages as a partition.

use serde_json::Value;

use crate::Usage;

/// Counts as they came so far. Later frames repeat totals, and leave out what did not change.
#[derive(Debug, Default)]
pub(super) struct Counts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    thinking: u64,
}

impl Counts {
    pub(super) fn read(&mut self, usage: &Value) -> Usage {
        let fields = [
            ("input_tokens", &mut self.input),
            ("cache_read_input_tokens", &mut self.cache_read),
            ("cache_creation_input_tokens", &mut self.cache_write),
            ("output_tokens", &mut self.output),
        ];
        for (name, count) in fields {
            if let Some(said) = usage.get(name).and_then(Value::as_u64) {
                *count = said;
            }
        }
        let details = usage.get("output_tokens_details");
        let thinking = details.and_then(|details| details.get("thinking_tokens"));
        if let Some(said) = thinking.and_then(Value::as_u64) {
            self.thinking = said;
        }
        // The output counts the thinking; the other classes exclude each other already.
        let thinking = self.thinking.min(self.output);
        Usage {
            input_tokens: self.input,
            cache_read_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            output_tokens: self.output - thinking,
            reasoning_tokens: thinking,
        }
    }
}
