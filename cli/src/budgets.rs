//! Money limits of whole runs: what `--budget` allows, less what the run has spent by now.

use std::sync::Arc;

use layercake_engine::journal::{Journal, JournalError, JournalReads, Parent, Scan};
use layercake_engine::runtime::Engine;
use layercake_engine::{ExecutorError, RunId};
use layercake_model::layer::{BudgetLimits, ModelBudget};
use rust_decimal::Decimal;

/// The attribute of a run that holds its limit, in US dollars.
pub(crate) const BUDGET_ATTRIBUTE: &str = "budget";
/// The most runs of one tree that are looked at.
const TREE_MAX: usize = 10_000;
/// The most records of one run that are looked at.
const RECORDS_MAX: usize = 1_000_000;

/// Returns what is left of the budget of the tree that a run belongs to; nothing when there is
/// no limit. The records say what was spent, so a restart forgets nothing.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn of_run(
    engine: &Engine,
    run: RunId,
) -> Result<Option<Arc<ModelBudget>>, ExecutorError> {
    left(&**engine.journal(), run).map_err(|error| ExecutorError {
        message: error.to_string(),
    })
}

fn left(journal: &dyn Journal, run: RunId) -> Result<Option<Arc<ModelBudget>>, JournalError> {
    let mut next = Some(run);
    while let Some(run) = next {
        let Some(row) = journal.row(run)? else { break };
        if let Some(limit) = row.attributes.get(BUDGET_ATTRIBUTE) {
            let limit: Decimal = limit.parse().unwrap_or_default();
            let left = (limit - spent(journal, run)?).max(Decimal::ZERO);
            return Ok(Some(Arc::new(ModelBudget::new(BudgetLimits {
                usd_max: Some(left),
                ..BudgetLimits::default()
            }))));
        }
        next = row.parent.map(|(parent, _)| parent);
    }
    Ok(None)
}

fn spent(journal: &dyn Journal, root: RunId) -> Result<Decimal, JournalError> {
    let mut sum = Decimal::ZERO;
    let mut runs = vec![root];
    let mut seen = 0;
    while let Some(run) = runs.pop() {
        seen += 1;
        if seen > TREE_MAX {
            break;
        }
        for record in journal.records(run, 1, RECORDS_MAX)? {
            sum += record
                .costs
                .iter()
                .filter_map(|cost| cost.usd)
                .sum::<Decimal>();
        }
        let scan = Scan {
            parent: Parent::Run(run),
            ..Scan::newest(TREE_MAX)
        };
        runs.extend(journal.scan(&scan)?.iter().map(|row| row.run));
    }
    Ok(sum)
}
