//! What a model call may use: reserved before it is made, so that no limit is overrun by it.

use layercake_model::{ModelDescriptor, Price, Usage};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{ModelCall, Rules};
use crate::BudgetKind;
use crate::budget::Reservation;
use crate::session::{CallPurpose, CostCause, NoticeCause};
use crate::state::SessionState;
use crate::window::estimated_tokens;

/// Output that is set aside when neither the specification nor the model names a limit.
const OUTPUT_TOKENS_ASSUMED: u64 = 8_192;

/// A reply shorter than this is of no use; a budget that leaves less is used up.
const OUTPUT_TOKENS_MIN: u64 = 256;

/// The share of the context window that the input may fill, in percent; the rest is for the
/// reply and for the error of the estimate.
const WINDOW_FILL_PERCENT: u64 = 80;

/// Plans the next model call within what the budget leaves.
pub(super) fn plan(state: &SessionState, rules: &Rules<'_>) -> Result<ModelCall, BudgetKind> {
    let input_tokens = estimated_tokens(state);
    let wish = match (
        rules.sampling.output_tokens_max,
        rules.descriptor.output_tokens_max,
    ) {
        (Some(wish), Some(most)) => Some(u64::from(wish).min(most)),
        (Some(wish), None) => Some(u64::from(wish)),
        (None, most) => most,
    };
    let within_tokens = match state.budget.tokens_left(&state.spent) {
        None => None,
        Some(left) if left < input_tokens + OUTPUT_TOKENS_MIN => return Err(BudgetKind::Tokens),
        Some(left) => Some(left - input_tokens),
    };
    let within_money = match (state.budget.usd_left(&state.spent), &rules.descriptor.price) {
        (Some(left), Some(price)) => affordable_output(left, price, input_tokens)?,
        _ => None,
    };
    let limit = [within_tokens, within_money].into_iter().flatten().min();
    let cap = match (wish, limit) {
        (Some(wish), Some(limit)) => Some(wish.min(limit)),
        (wish, limit) => wish.or(limit),
    };
    let output_tokens = cap.unwrap_or(OUTPUT_TOKENS_ASSUMED);
    let price = rules.descriptor.price.as_ref();
    Ok(ModelCall {
        purpose: CallPurpose::Turn,
        turn: state.turns_replied + 1,
        attempt: state.attempts + 1,
        cause: cause(state),
        reservation: Reservation {
            input_tokens,
            output_tokens,
            usd: price.map(|price| most_cost(price, input_tokens, output_tokens)),
        },
        output_tokens_max: cap.map(|cap| u32::try_from(cap).unwrap_or(u32::MAX)),
    })
}

/// Plans the call for a summary; `None` when the budget does not leave enough for it.
pub(crate) fn plan_summary(
    state: &SessionState,
    descriptor: &ModelDescriptor,
    input_tokens: u64,
    output_tokens_max: u32,
) -> Option<ModelCall> {
    let output_tokens = u64::from(output_tokens_max);
    let usd = descriptor.price.as_ref();
    let usd = usd.map(|price| most_cost(price, input_tokens, output_tokens));
    let tokens_left = state.budget.tokens_left(&state.spent).unwrap_or(u64::MAX);
    let fits_money = match (state.budget.usd_left(&state.spent), usd) {
        (Some(left), Some(usd)) => usd <= left,
        _ => true,
    };
    let fits = fits_money && input_tokens + output_tokens <= tokens_left;
    fits.then_some(ModelCall {
        purpose: CallPurpose::Compaction,
        turn: state.turns_replied + 1,
        attempt: state.attempts + 1,
        cause: CostCause::Compaction,
        reservation: Reservation {
            input_tokens,
            output_tokens,
            usd,
        },
        output_tokens_max: Some(output_tokens_max),
    })
}

/// Returns the output that the money left can pay for; `None` when output costs nothing.
fn affordable_output(
    left: Decimal,
    price: &Price,
    input_tokens: u64,
) -> Result<Option<u64>, BudgetKind> {
    let after_input = left - most_cost(price, input_tokens, 0);
    if after_input < Decimal::ZERO {
        return Err(BudgetKind::Money);
    }
    if price.output <= Decimal::ZERO {
        return Ok(None);
    }
    let tokens = (after_input * Decimal::from(1_000_000) / price.output).floor();
    match tokens.to_u64() {
        Some(tokens) if tokens >= OUTPUT_TOKENS_MIN => Ok(Some(tokens)),
        Some(_) => Err(BudgetKind::Money),
        None => Ok(None), // More than can be counted: no limit.
    }
}

/// Returns what a call can cost at most: some providers take more for input that they cache.
fn most_cost(price: &Price, input_tokens: u64, output_tokens: u64) -> Decimal {
    let mut usage = Usage {
        output_tokens,
        ..Usage::default()
    };
    if price.cache_write > price.input {
        usage.cache_write_tokens = input_tokens;
    } else {
        usage.input_tokens = input_tokens;
    }
    price.cost(&usage)
}

/// Names what the call is for.
fn cause(state: &SessionState) -> CostCause {
    let is_repair = matches!(
        state.watch.noticed,
        Some((NoticeCause::AnswerRepair | NoticeCause::Truncated, turn)) if turn == state.turns_replied
    );
    if is_repair || state.attempts > 0 {
        CostCause::Retry
    } else {
        CostCause::Productive
    }
}

/// Says whether a planned call leaves too little for another one.
pub(super) fn runs_out_after(state: &SessionState, call: &ModelCall) -> Option<BudgetKind> {
    if let Some(kind) = state.budget.nearly_exhausted(&state.spent) {
        return Some(kind);
    }
    let next_input = call.reservation.input_tokens * 2 + 2 * OUTPUT_TOKENS_MIN;
    let left = state.budget.tokens_left(&state.spent)?;
    (left < next_input).then_some(BudgetKind::Tokens)
}

/// Says whether the input no longer fits well into the model's context window.
pub(super) fn window_is_full(state: &SessionState, descriptor: &ModelDescriptor) -> bool {
    descriptor
        .context_tokens_max
        .is_some_and(|max| estimated_tokens(state) * 100 > max * WINDOW_FILL_PERCENT)
}
