//! Prepares new runs: those that somebody starts, and the children that they ask for at
//! once. A child's first records become durable together with the intent that asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actor::Actor;
use super::core::Core;
use super::ledger::Ledger;
use super::registry::Mailbox;
use super::{EngineError, events, queue};
use crate::journal::{Batch, RunRow, StoredDefinition, Write};
use crate::{
    Actor as By, Definition, Effect, EffectId, EffectRequest, Input, Outcome, Payload, Phase,
    Problem, ProblemKind, Record, RecordKind, ReplayError, Run, RunId, RunKind, RunStart,
};

/// How deep a first step may start children that start children at once.
const DEPTH_MAX: usize = 64;

/// New runs that are not durable yet. They are registered from the beginning, so that nobody
/// else brings them to life when their rows become visible; dropping them takes them out.
#[derive(Debug)]
pub(super) struct Births {
    core: Arc<Core>,
    /// What has to be written for them.
    pub(super) writes: Vec<Write>,
    /// The runs, to be brought to life when that is durable.
    pub(super) runs: Vec<Birth>,
}

/// A new run.
#[derive(Debug)]
pub(super) struct Birth {
    run: Run,
    ledger: Ledger,
    mailbox: Mailbox,
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
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            writes: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Prepares a run from its definition.
    pub(super) fn run(
        &mut self,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        attributes: BTreeMap<String, String>,
    ) {
        self.run_at(id, start, definition, attributes, 0);
    }

    fn run_at(
        &mut self,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        attributes: BTreeMap<String, String>,
        depth: usize,
    ) {
        // A run of that id is in memory, so it exists: the journal would refuse another one.
        let Some(mailbox) = self.core.registry.register(id) else {
            return;
        };
        self.define(definition);
        let (run, records) = Run::start(id, start, definition.clone(), self.core.clock.now());
        let Some(mut ledger) = records.first().and_then(|first| Ledger::begin(&run, first)) else {
            return;
        };
        ledger.row.attributes = attributes;
        let listens = events::listens(definition).into_iter();
        let listens = listens.map(|name| (name, String::new()));
        ledger.row.attributes.extend(listens);
        self.add(run, ledger, mailbox, records, depth);
    }

    /// Prepares the run of a queued row, whose first record is stored already; perhaps only to
    /// end it at once.
    pub(super) fn queued(
        &mut self,
        row: RunRow,
        first: &Record,
        definition: &Definition,
        ending: Option<Input>,
    ) -> Result<(), ReplayError> {
        let (mut run, mut records) = Run::begin_stored(first, definition.clone())?;
        let now = self.core.clock.now();
        if let Some(input) = ending {
            match run.apply(input, now) {
                Ok(more) => records.extend(more),
                Err(error) => tracing::debug!(run_id = %row.run, %error, "it ended by itself"),
            }
        }
        let Some(mailbox) = self.core.registry.register(row.run) else {
            return Ok(());
        };
        let mut ledger = Ledger::resume(row, Vec::new(), 0);
        let released = now.as_millis().to_string();
        ledger
            .row
            .attributes
            .insert(queue::RELEASED.to_owned(), released);
        self.add(run, ledger, mailbox, records, 0);
        Ok(())
    }

    /// Prepares the row of a run that has to wait: it has nothing but its first record.
    pub(super) fn waiting(
        &mut self,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        attributes: BTreeMap<String, String>,
    ) {
        self.define(definition);
        let (run, mut records) = Run::start(id, start, definition.clone(), self.core.clock.now());
        records.truncate(1);
        let Some(first) = records.first() else { return };
        let Some(ledger) = Ledger::begin(&run, first) else {
            return;
        };
        let row = RunRow {
            phase: Phase::Pending,
            active: false,
            attributes,
            last_seq: first.seq,
            ..ledger.row
        };
        self.writes
            .push(Batch::of_records(id, records).with_row(row).into());
    }

    /// Prepares a run that was told a history.
    pub(super) fn retold(
        &mut self,
        run: Run,
        records: Vec<Record>,
        attributes: BTreeMap<String, String>,
    ) {
        let Some(mailbox) = self.core.registry.register(run.id()) else {
            return;
        };
        let Some(mut ledger) = records.first().and_then(|first| Ledger::begin(&run, first)) else {
            return;
        };
        ledger.row.attributes = attributes;
        self.add(run, ledger, mailbox, records, 0);
    }

    fn define(&mut self, definition: &Definition) {
        if !self.core.definitions.is_kept(definition.digest()) {
            self.writes.push(Write::Define(StoredDefinition {
                digest: definition.digest(),
                source: definition.source().to_owned(),
            }));
        }
    }

    fn add(
        &mut self,
        run: Run,
        mut ledger: Ledger,
        mailbox: Mailbox,
        records: Vec<Record>,
        depth: usize,
    ) {
        let children: Vec<Effect> = intended_runs(&records).cloned().collect();
        self.writes.push(ledger.batch(&run, records).into());
        self.runs.push(Birth {
            run,
            ledger,
            mailbox,
        });
        if depth < DEPTH_MAX {
            for effect in &children {
                // What cannot be started is found again by the run itself, and settled there.
                self.child(effect, depth + 1).ok();
            }
        }
    }

    /// Prepares a run that has records already.
    pub(super) fn grown(
        &mut self,
        run: Run,
        records: Vec<Record>,
        attributes: BTreeMap<String, String>,
    ) {
        let Some(mailbox) = self.core.registry.register(run.id()) else {
            return;
        };
        let definition = run.definition().clone();
        if !self.core.definitions.is_kept(definition.digest()) {
            self.writes.push(Write::Define(StoredDefinition {
                digest: definition.digest(),
                source: definition.source().to_owned(),
            }));
        }
        let Some(mut ledger) = records.first().and_then(|first| Ledger::begin(&run, first)) else {
            return;
        };
        ledger.row.attributes = attributes;
        self.writes.push(ledger.batch(&run, records).into());
        let pending: Vec<Effect> = run.pending().cloned().collect();
        self.runs.push(Birth {
            run,
            ledger,
            mailbox,
        });
        for effect in &pending {
            // What cannot be started is found again by the run itself, and settled there.
            self.child(effect, 1).ok();
        }
    }

    /// Prepares the child that an effect asks for.
    fn child(&mut self, effect: &Effect, depth: usize) -> Result<(), Problem> {
        let EffectRequest::Run {
            child,
            routine,
            input,
            ..
        } = &effect.request
        else {
            return Ok(());
        };
        let definition = self.core.definitions.of_name(routine).map_err(|error| {
            let title = format!("the routine `{routine}` cannot be started");
            Problem::standard(ProblemKind::Configuration, title).with_detail(detail_of(&error))
        })?;
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: definition.name().to_owned(),
            input: Payload::Inline(input.clone()),
            parent: Some((effect.run, effect.task.clone())),
            key: None,
            by: By::Engine,
        };
        self.run_at(*child, start, &definition, BTreeMap::new(), depth);
        Ok(())
    }

    /// Prepares the children that effects ask for.
    pub(super) fn children<'a>(&mut self, effects: impl Iterator<Item = &'a Effect>) -> Asked {
        let mut asked = Asked::default();
        for effect in effects {
            let EffectRequest::Run { child, wait, .. } = &effect.request else {
                continue;
            };
            match self.child(effect, 0) {
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
    pub(super) fn live(mut self) {
        for birth in self.runs.drain(..) {
            let Birth {
                run,
                ledger,
                mailbox,
            } = birth;
            self.core.definitions.keep(run.definition().clone());
            Actor::spawn(&self.core, run, ledger, mailbox);
        }
    }
}

impl Drop for Births {
    /// What did not become durable does not exist.
    fn drop(&mut self) {
        for mut birth in self.runs.drain(..) {
            let id = birth.run.id();
            let refusal = EngineError::UnknownRun(id);
            self.core.registry.leave(id, &mut birth.mailbox, &refusal);
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
