//! The engine's words and the harness's and the model's words, both directions side by side.

use std::collections::BTreeMap;

use layercake_engine::{CostCause, CostEntry};
use layercake_harness::session::Charge;
use layercake_model::{ModelError, Price, Reply, Usage};

/// The costs of a reply: one entry for each attempt that failed before it, and its own.
pub(crate) fn costs_of(reply: &Reply, price: Option<&Price>, cause: CostCause) -> Vec<CostEntry> {
    let mut costs: Vec<CostEntry> = reply
        .failed_attempts
        .iter()
        .filter_map(|failed| cost_of_error(&failed.error, &failed.model, price, CostCause::Retry))
        .collect();
    costs.push(cost(&reply.model, &reply.usage, price, cause));
    costs
}

/// The cost of a failed call, when the provider said that it used something.
pub(crate) fn cost_of_error(
    error: &ModelError,
    model: &str,
    price: Option<&Price>,
    cause: CostCause,
) -> Option<CostEntry> {
    let usage = error.usage.as_ref()?;
    Some(cost(model, usage, price, cause))
}

fn cost(model: &str, usage: &Usage, price: Option<&Price>, cause: CostCause) -> CostEntry {
    CostEntry {
        usd: price.map(|price| price.cost(usage)),
        cause,
        model: model.to_owned(),
        tokens: tokens(usage),
    }
}

/// A charge of the harness as a cost entry of the engine.
pub(crate) fn cost_of_charge(charge: &Charge) -> CostEntry {
    CostEntry {
        usd: charge.usd,
        cause: cause_to_engine(charge.cause),
        model: charge.model.clone(),
        tokens: tokens(&charge.usage),
    }
}

fn tokens(usage: &Usage) -> BTreeMap<String, u64> {
    let classes = [
        ("input", usage.input_tokens),
        ("cache-read", usage.cache_read_tokens),
        ("cache-write", usage.cache_write_tokens),
        ("output", usage.output_tokens),
        ("reasoning", usage.reasoning_tokens),
    ];
    let used = classes.into_iter().filter(|(_, count)| *count > 0);
    used.map(|(class, count)| (class.to_owned(), count))
        .collect()
}

/// The harness's word for what money was spent for, in the engine's.
pub(crate) fn cause_to_engine(cause: layercake_harness::session::CostCause) -> CostCause {
    use layercake_harness::session::CostCause as Harness;
    match cause {
        Harness::Productive => CostCause::Productive,
        Harness::Retry => CostCause::Retry,
        Harness::Fallback => CostCause::Fallback,
        Harness::Compaction => CostCause::Compaction,
        Harness::Memory => CostCause::Memory,
        Harness::Evaluator => CostCause::Evaluator,
        Harness::Planner => CostCause::Planner,
        Harness::ApprovalRedo => CostCause::ApprovalRedo,
        Harness::Abandoned => CostCause::Abandoned,
    }
}
