//! What models cost: dated rows, which the user can override. An unknown price stays unknown.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Price;
use crate::usage::LongInputPrice;

/// The rows that are built in.
///
/// Source: the price list inside the package litellm 1.109.1 (PyPI), read on 2026-11-20,
/// which is collected from the providers' own pages. US dollars for a million tokens; cache
/// writes are those that live for five minutes.
const BUILTIN: &str = include_str!("price_table/builtin.csv");
/// Providers that run on the user's own machine and bill nothing.
const FREE: [&str; 4] = ["llamacpp", "lmstudio", "ollama", "vllm"];

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceRow {
    /// The provider's name.
    pub provider: String,
    /// The model's name. A snapshot of it (`NAME-20260101`, `NAME-latest`) has the same row;
    /// a name that ends in `*` covers everything that begins like it.
    pub model: String,
    /// The day on which the price was read, as `2026-11-20`.
    pub as_of: String,
    /// What it costs.
    pub price: Price,
    /// The size of the context window, in tokens.
    #[serde(default)]
    pub context_tokens_max: Option<u64>,
    /// The most tokens that one reply may have.
    #[serde(default)]
    pub output_tokens_max: Option<u64>,
}

/// Prices and limits by provider and model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PriceTable {
    /// Later rows win over earlier ones of the same reach.
    rows: Vec<PriceRow>,
}

impl PriceTable {
    /// Makes a table without rows: every price is unknown.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Makes the table that is built in.
    #[expect(clippy::missing_panics_doc, reason = "a test reads every built-in row")]
    pub fn builtin() -> Self {
        let lines = BUILTIN.lines().filter(|line| !line.starts_with('#'));
        let mut rows: Vec<PriceRow> = lines
            .map(|line| read_row(line).expect("a test reads every row of the built-in table"))
            .collect();
        rows.extend(FREE.iter().map(|provider| free_row(provider)));
        Self { rows }
    }

    /// Adds rows that win over those that are there.
    #[must_use]
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = PriceRow>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// Returns the row of a model, or `None`: then nothing is known of it.
    ///
    /// An exact name wins over a snapshot's, that over a pattern, and a longer pattern over a
    /// shorter one.
    pub fn row(&self, provider: &str, model: &str) -> Option<&PriceRow> {
        // One provider, spoken to in two dialects.
        let provider = if provider == "openai-chat" {
            "openai"
        } else {
            provider
        };
        let rows = self.rows.iter().filter(|row| row.provider == provider);
        let fitting = rows.filter_map(|row| Some((reach(&row.model, model)?, row)));
        fitting.max_by_key(|(reach, _)| *reach).map(|(_, row)| row)
    }

    /// Returns the price of a model, or `None` when it is unknown.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.row(provider, model).map(|row| row.price)
    }

    /// Returns all rows, those that win last.
    pub fn rows(&self) -> &[PriceRow] {
        &self.rows
    }
}

/// How well a row's name covers a model's name; more is better.
fn reach(name: &str, model: &str) -> Option<(u8, usize)> {
    if name == model {
        return Some((2, name.len()));
    }
    if let Some(prefix) = name.strip_suffix('*') {
        return model.starts_with(prefix).then_some((0, prefix.len()));
    }
    let rest = model.strip_prefix(name)?;
    is_snapshot(rest).then_some((1, name.len()))
}

/// Whether the rest of a name only dates it. Any other rest may be another model at another
/// price, so it is not guessed.
fn is_snapshot(rest: &str) -> bool {
    let Some(date) = rest.strip_prefix(['-', '@', ':']) else {
        return false;
    };
    let is_date = date.len() >= 8
        && date
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    date == "latest" || is_date
}

fn free_row(provider: &str) -> PriceRow {
    PriceRow {
        provider: provider.to_owned(),
        model: "*".to_owned(),
        as_of: "2026-11-20".to_owned(),
        price: Price::of(Decimal::ZERO, Decimal::ZERO),
        context_tokens_max: None,
        output_tokens_max: None,
    }
}

fn read_row(line: &str) -> Option<PriceRow> {
    let mut cells = line.split(',');
    let mut next = || cells.next();
    let (provider, model, as_of) = (next()?, next()?, next()?);
    let mut price = Price {
        input: next()?.parse().ok()?,
        cache_read: next()?.parse().ok()?,
        cache_write: next()?.parse().ok()?,
        output: next()?.parse().ok()?,
        long_input: None,
    };
    let context_tokens_max = next()?.parse().ok();
    let output_tokens_max = next()?.parse().ok();
    let above = next()?;
    if !above.is_empty() {
        price.long_input = Some(LongInputPrice {
            above_tokens: above.parse().ok()?,
            input: next()?.parse().ok()?,
            cache_read: next()?.parse().ok()?,
            cache_write: next()?.parse().ok()?,
            output: next()?.parse().ok()?,
        });
    }
    Some(PriceRow {
        provider: provider.to_owned(),
        model: model.to_owned(),
        as_of: as_of.to_owned(),
        price,
        context_tokens_max,
        output_tokens_max,
    })
}

#[cfg(test)]
mod tests {
    use super::{BUILTIN, PriceRow, PriceTable, read_row};
    use crate::{Price, Usage};
    use rust_decimal::Decimal;

    #[test]
    fn every_builtin_row_is_read() {
        for line in BUILTIN.lines().skip(1) {
            assert!(read_row(line).is_some(), "{line}");
        }
    }

    #[track_caller]
    fn check(provider: &str, model: &str, row: Option<&str>) {
        let table = PriceTable::builtin();
        assert_eq!(
            table.row(provider, model).map(|row| row.model.as_str()),
            row
        );
    }

    #[test]
    fn snapshots_share_a_row_and_other_models_do_not() {
        check("anthropic", "claude-sonnet-4-5", Some("claude-sonnet-4-5"));
        check(
            "anthropic",
            "claude-sonnet-4-5-20250929",
            Some("claude-sonnet-4-5"),
        );
        check("anthropic", "claude-sonnet-5-5", Some("claude-sonnet-5-5"));
        check("anthropic", "claude-sonnet-5-9", None);
        check("openai", "gpt-5-2025-08-07", Some("gpt-5"));
        check("openai", "gpt-5-supreme", None);
        check("xai", "claude-sonnet-4-5", None);
        check("ollama", "anything:latest", Some("*"));
    }

    #[test]
    fn the_users_rows_win() {
        let mine = PriceRow {
            provider: "openai".into(),
            model: "gpt-5".into(),
            as_of: "2027-01-01".into(),
            price: Price::of(Decimal::ONE, Decimal::TWO),
            context_tokens_max: None,
            output_tokens_max: None,
        };
        let table = PriceTable::builtin().with_rows([mine]);
        assert_eq!(table.price("openai", "gpt-5").unwrap().output, Decimal::TWO);
    }

    #[test]
    fn a_long_input_has_its_own_price() {
        let price = PriceTable::builtin()
            .price("google", "gemini-2.5-pro")
            .unwrap();
        let usage = |input_tokens| Usage {
            input_tokens,
            output_tokens: 1_000_000,
            ..Usage::default()
        };
        assert_eq!(price.cost(&usage(200_000)).to_string(), "10.25");
        assert_eq!(price.cost(&usage(400_000)).to_string(), "16.0");
    }
}
