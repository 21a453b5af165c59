//! Forks of runs: computed from the record, made durable, and let go on.

use layercake_engine::fork::{ForkChange, ForkError, ForkPoint, Forked};
use layercake_engine::{Actor, Catalog, Definition, RunId, RunTree, TaskKey};

use super::protocol::{Answer, Forking};
use super::reading;
use super::service::Service;
use crate::budgets::BUDGET_ATTRIBUTE;
use crate::error::{CommandError, codes};

/// The attribute that names the run that a run was forked from.
const FORK_ATTRIBUTE: &str = "forked-from";
/// The attribute that names the last record that both share.
const SHARED_ATTRIBUTE: &str = "forked-after";

impl Service {
    /// Forks a run and lets the fork go on.
    pub(super) async fn fork(&self, forking: Forking) -> Result<Answer, CommandError> {
        let journal = &**self.engine.journal();
        let runs = reading::tree(journal, forking.run)?;
        let forked = forked(&runs, &forking)?;
        let row = self.engine.row(forking.run)?;
        let mut attributes = row.attributes;
        attributes.insert(FORK_ATTRIBUTE.to_owned(), forking.run.to_string());
        attributes.insert(SHARED_ATTRIBUTE.to_owned(), forked.shared.to_string());
        if let Some(budget) = forking.budget {
            attributes.insert(BUDGET_ATTRIBUTE.to_owned(), budget.to_string());
        }
        let run = self.engine.adopt(forked, attributes).await?;
        Ok(Answer::Started(run))
    }
}

/// Computes a fork, as far as the record goes.
///
/// # Errors
///
/// The run has no such point, or does not come to it with the change.
pub(crate) fn forked(runs: &RunTree, forking: &Forking) -> Result<Forked, CommandError> {
    let log = runs.log(forking.run);
    let recorded = log
        .first()
        .and_then(|first| runs.definitions.get(&first.definition));
    let source = match (&forking.source, recorded) {
        (Some(source), _) => source,
        (None, Some(source)) => source,
        (None, None) => return Err(refused(forking.run, &ForkError::Foreign)),
    };
    let checked = Definition::read(source, &Catalog::standard());
    let checked = checked.map_err(layercake_engine::runtime::EngineError::Definition)?;
    let change = ForkChange {
        definition: checked.definition,
        input: forking.input.clone(),
        is_counterfactual: forking.is_counterfactual,
        by: Actor::Person(forking.by.clone()),
    };
    let point = match forking.at.parse() {
        Ok(seq) => ForkPoint::Record(seq),
        Err(_) => ForkPoint::Task(TaskKey::from(forking.at.clone())),
    };
    Forked::of(log, forking.fresh, &point, change).map_err(|error| refused(forking.run, &error))
}

fn refused(run: RunId, error: &ForkError) -> CommandError {
    let happened = format!("run {run} cannot be forked like this: {error}");
    let refused = CommandError::new(codes::NOT_REPLAYABLE, happened);
    match error {
        ForkError::NoSuchPoint(_) => refused.next(format!("layercake log {run}")),
        ForkError::PrefixDiffers { reason, .. } => refused
            .because(reason)
            .next("fork at an earlier point, or without the change"),
        ForkError::Foreign => refused
            .because("only runs of routines can be forked in this version")
            .next(format!("layercake show {run}")),
        ForkError::Moved(_) => refused.next("fork at an earlier point"),
        ForkError::PayloadMissing(_) => refused.next("layercake doctor"),
    }
}
