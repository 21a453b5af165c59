//! Prepares new runs: those that somebody starts, and the children that they ask for at
//! once. A child's first records become durable together with the intent that asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::EngineError;
use super::core::Core;
use super::ledger::Ledger;
use crate::journal::{StoredDefinition, Write};
use crate::{
    Actor, Definition, Effect, EffectId, EffectRequest, Outcome, Payload, Problem, ProblemKind,
    Record, RecordKind, Run, RunId, RunKind, RunStart,
};

/// How deep a first step may start children that start children at once.
const DEPTH_MAX: usize = 64;

/// New runs that are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Births {
    /// What has to be written for them.
    pub(super) writes: Vec<Write>,
    /// The runs, to be brought to life when that is durable.
    pub(super) runs: Vec<(Run, Ledger)>,
}

/// What became of the children that some records ask for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The intents of children that are waited for, and the children.
    pub(super) awaited: Vec<(EffectId, RunId)>,
    /// Intents that are settled as soon as the children are durable, or that failed.
    pub(super) settled: Vec<(EffectId, Outcome)>,
}

impl Births {
    /// Prepares a run from its definition.
    pub(super) fn run(
        &mut self,
        core: &Core,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        attributes: BTreeMap<String, String>,
    ) {
        self.run_at(core, id, start, definition, attributes, 0);
    }

    fn run_at(
        &mut self,
        core: &Core,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        attributes: BTreeMap<String, String>,
        depth: usize,
    ) {
        if !core.definitions.is_kept(definition.digest()) {
            self.writes.push(Write::Define(StoredDefinition {
                digest: definition.digest(),
                source: definition.source().to_owned(),
            }));
        }
        let (run, records) = Run::start(id, start, definition.clone(), core.clock.now());
        let Some(mut ledger) = records.first().and_then(|first| Ledger::begin(&run, first)) else {
            return;
        };
        ledger.row.attributes = attributes;
        let children: Vec<Effect> = intended_runs(&records).cloned().collect();
        self.writes.push(ledger.batch(&run, records).into());
        self.runs.push((run, ledger));
        if depth < DEPTH_MAX {
            for effect in &children {
                // What cannot be started is found again by the run itself, and settled there.
                self.child(core, effect, depth + 1).ok();
            }
        }
    }

    /// Prepares the child that an effect asks for.
    fn child(&mut self, core: &Core, effect: &Effect, depth: usize) -> Result<(), Problem> {
        let EffectRequest::Run {
            child,
            routine,
            input,
            ..
        } = &effect.request
        else {
            return Ok(());
        };
        let definition = core.definitions.of_name(routine).map_err(|error| {
            let title = format!("the routine `{routine}` cannot be started");
            Problem::standard(ProblemKind::Configuration, title).with_detail(detail_of(&error))
        })?;
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: definition.name().to_owned(),
            input: Payload::Inline(input.clone()),
            parent: Some((effect.run, effect.task.clone())),
            key: None,
            by: Actor::Engine,
        };
        self.run_at(core, *child, start, &definition, BTreeMap::new(), depth);
        Ok(())
    }

    /// Prepares the children that effects ask for.
    pub(super) fn children<'a>(
        &mut self,
        core: &Core,
        effects: impl Iterator<Item = &'a Effect>,
    ) -> Asked {
        let mut asked = Asked::default();
        for effect in effects {
            let EffectRequest::Run { child, wait, .. } = &effect.request else {
                continue;
            };
            match self.child(core, effect, 0) {
                Ok(()) if *wait => asked.awaited.push((effect.id, *child)),
                Ok(()) => {
                    let output = serde_json::json!({ "run": child.to_string() });
                    asked.settled.push((effect.id, Outcome::completed(output)));
                }
                Err(problem) => asked.settled.push((effect.id, Outcome::failed(problem))),
            }
        }
        asked
    }

    /// Brings the runs to life; everything that was prepared is durable.
    pub(super) fn live(self, core: &Arc<Core>) {
        for (run, ledger) in self.runs {
            core.definitions.keep(run.definition().clone());
            super::actor::Actor::spawn(core, run, ledger);
        }
    }
}

/// Returns the effects among some records that ask for another run.
pub(super) fn intended_runs(records: &[Record]) -> impl Iterator<Item = &Effect> {
    records.iter().filter_map(|record| match &record.kind {
        RecordKind::EffectIntended(effect)
            if matches!(effect.request, EffectRequest::Run { .. }) =>
        {
            Some(&**effect)
        }
        _ => None,
    })
}

/// Writes an error with what it comes from.
fn detail_of(error: &EngineError) -> String {
    match error {
        EngineError::Definition(diagnostics) => {
            let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            all.join("; ")
        }
        other => other.to_string(),
    }
}
