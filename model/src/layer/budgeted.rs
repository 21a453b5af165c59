//! Reserves before it spends, and stops at the limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rust_decimal::Decimal;

use super::Layer;
use super::watch::settled;
use crate::{
    CallContext, EventStream, Model, ModelError, ModelErrorKind, Request, Usage, estimate,
};

/// What may be spent. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetLimits {
    /// US dollars.
    pub usd_max: Option<Decimal>,
    /// Tokens of all classes.
    pub tokens_max: Option<u64>,
    /// Calls, failed ones included.
    pub calls_max: Option<u64>,
}

/// A budget that several models may share.
#[derive(Debug)]
pub struct ModelBudget {
    limits: BudgetLimits,
    /// Written when a call begins and when it ends.
    spent: Mutex<Spent>,
}

/// What was spent, and what running calls may still spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// US dollars of calls that ended.
    pub usd: Decimal,
    /// Tokens of calls that ended.
    pub tokens: u64,
    /// Calls that were begun.
    pub calls: u64,
    /// US dollars reserved for running calls.
    pub reserved_usd: Decimal,
    /// Tokens reserved for running calls.
    pub reserved_tokens: u64,
}

impl ModelBudget {
    /// Makes a budget of which nothing is spent.
    pub fn new(limits: BudgetLimits) -> Self {
        Self {
            limits,
            spent: Mutex::default(),
        }
    }

    /// Returns what was spent so far.
    pub fn spent(&self) -> Spent {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves the most that a call may use, or says which limit forbids it.
    fn reserve(&self, usd: Option<Decimal>, tokens: u64) -> Result<(), ModelError> {
        let mut spent = self.lock();
        let limits = &self.limits;
        if limits.calls_max.is_some_and(|most| spent.calls >= most) {
            return Err(exceeded("the budget allows no further call"));
        }
        let taken = spent.tokens.saturating_add(spent.reserved_tokens);
        if limits
            .tokens_max
            .is_some_and(|most| taken.saturating_add(tokens) > most)
        {
            let message =
                format!("the call may use {tokens} tokens, and the budget has fewer left");
            return Err(exceeded(&message));
        }
        if let Some(most) = limits.usd_max {
            let Some(usd) = usd else {
                return Err(exceeded(
                    "the model's price is unknown, so no budget in dollars can hold",
                ));
            };
            if spent.usd + spent.reserved_usd + usd > most {
                let message = format!("the call may cost {usd} USD, and the budget has less left");
                return Err(exceeded(&message));
            }
        }
        spent.calls += 1;
        spent.reserved_tokens = spent.reserved_tokens.saturating_add(tokens);
        spent.reserved_usd += usd.unwrap_or_default();
        Ok(())
    }

    fn settle(&self, reserved: (Option<Decimal>, u64), used: (Decimal, u64)) {
        let mut spent = self.lock();
        spent.reserved_usd -= reserved.0.unwrap_or_default();
        spent.reserved_tokens = spent.reserved_tokens.saturating_sub(reserved.1);
        spent.usd += used.0;
        spent.tokens = spent.tokens.saturating_add(used.1);
    }
}

fn exceeded(message: &str) -> ModelError {
    ModelError::new(ModelErrorKind::BudgetExceeded, message)
}

/// A model under a budget: a call that could exceed it is refused before it is made.
///
/// What a call may use is estimated from its bytes and its output limit, so the last call can
/// end a little above the limit; the next one is refused. A call that ends without a report of
/// its usage counts with its whole reservation.
pub struct Budgeted {
    inner: Arc<dyn Model>,
    budget: Arc<ModelBudget>,
}

impl Budgeted {
    /// Wraps a model.
    pub fn new(inner: Arc<dyn Model>, budget: Arc<ModelBudget>) -> Self {
        Self { inner, budget }
    }

    fn cost(&self, usage: &Usage) -> Option<Decimal> {
        self.inner.descriptor().price.map(|price| price.cost(usage))
    }
}

impl std::fmt::Debug for Budgeted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Budgeted");
        shown
            .field("inner", self.inner.descriptor())
            .field("budget", &self.budget);
        shown.finish()
    }
}

#[async_trait]
impl Layer for Budgeted {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let expected = estimate::usage_at_most(&request, self.descriptor());
        let reserved = (self.cost(&expected), expected.total_tokens());
        self.budget.reserve(reserved.0, reserved.1)?;
        let budget = Arc::clone(&self.budget);
        let price = self.descriptor().price;
        let cost = move |usage: &Usage| price.map(|price| price.cost(usage)).unwrap_or_default();
        match self.inner.respond(request, context).await {
            Ok(events) => Ok(settled(events, move |seen| {
                let usage = if seen.is_known {
                    seen.usage()
                } else {
                    expected
                };
                budget.settle(reserved, (cost(&usage), usage.total_tokens()));
            })),
            Err(error) => {
                // The call was turned away; it used what the error says, and otherwise nothing.
                let usage = error.usage.unwrap_or_default();
                budget.settle(reserved, (cost(&usage), usage.total_tokens()));
                Err(error)
            }
        }
    }
}
