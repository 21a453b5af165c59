//! The usage of Gemini as a partition.

use serde::Deserialize;

use crate::Usage;

/// The counts as they come: totals so far. The prompt includes what the cache served, and
/// excludes what the provider's own tools read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        let prompt = self.prompt_token_count.unwrap_or_default();
        let prompt = prompt.saturating_add(self.tool_use_prompt_token_count.unwrap_or_default());
        let cached = self
            .cached_content_token_count
            .unwrap_or_default()
            .min(prompt);
        Usage {
            input_tokens: prompt - cached,
            cache_read_tokens: cached,
            cache_write_tokens: 0,
            output_tokens: self.candidates_token_count.unwrap_or_default(),
            reasoning_tokens: self.thoughts_token_count.unwrap_or_default(),
        }
    }
}
