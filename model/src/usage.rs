//! What a call used, and what that costs: exact, and never guessed.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The tokens of one call, as a partition: the classes add up to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Input tokens that no cache served.
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Output tokens without reasoning.
    pub output_tokens: u64,
    /// Reasoning tokens.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Returns the sum of all classes.
    pub fn total_tokens(&self) -> u64 {
        let classes = [
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
        ];
        classes.into_iter().fold(0, u64::saturating_add)
    }

    /// Returns the class-wise sum of two calls.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cache_read_tokens: self
                .cache_read_tokens
                .saturating_add(other.cache_read_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_add(other.cache_write_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }
}

/// No real call uses more of one class; a count above it is a mistake of the backend, and
/// would overflow the exact arithmetic of the price.
const BILLED_TOKENS_MAX: u64 = 1_000_000_000_000;

/// The price of a million tokens of each class, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Input that no cache served.
    pub input: Decimal,
    /// Input read from a cache.
    pub cache_read: Decimal,
    /// Input written to a cache.
    pub cache_write: Decimal,
    /// Output, reasoning included.
    pub output: Decimal,
    /// The price of a call with a long input, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_input: Option<LongInputPrice>,
}

/// The price of every token of a call whose input is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LongInputPrice {
    /// The number of input tokens, cached ones included, above which it holds.
    pub above_tokens: u64,
    /// Input that no cache served.
    pub input: Decimal,
    /// Input read from a cache.
    pub cache_read: Decimal,
    /// Input written to a cache.
    pub cache_write: Decimal,
    /// Output, reasoning included.
    pub output: Decimal,
}

impl Price {
    /// Makes a price without a cache: what it serves and keeps costs as much as other input.
    pub fn of(input: Decimal, output: Decimal) -> Self {
        Self {
            input,
            cache_read: input,
            cache_write: input,
            output,
            long_input: None,
        }
    }

    /// Returns what the usage of one call costs, exactly, in US dollars.
    pub fn cost(&self, usage: &Usage) -> Decimal {
        let read = usage.input_tokens.saturating_add(usage.cache_read_tokens);
        let read = read.saturating_add(usage.cache_write_tokens);
        let written = usage.output_tokens.saturating_add(usage.reasoning_tokens);
        let long = self.long_input.filter(|long| read > long.above_tokens);
        let (input, cache_read, cache_write, output) = match long {
            Some(long) => (long.input, long.cache_read, long.cache_write, long.output),
            None => (self.input, self.cache_read, self.cache_write, self.output),
        };
        let per_million = input * billed(usage.input_tokens)
            + cache_read * billed(usage.cache_read_tokens)
            + cache_write * billed(usage.cache_write_tokens)
            + output * billed(written);
        per_million / Decimal::from(1_000_000)
    }
}

fn billed(tokens: u64) -> Decimal {
    Decimal::from(tokens.min(BILLED_TOKENS_MAX))
}
