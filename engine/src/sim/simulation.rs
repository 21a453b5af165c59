//! One seed: runs, a journal, a world, and everything that may go wrong between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::Summary;
use super::chance::Chance;
use super::mutant::Mutant;
use super::plan::Plan;
use super::recovery::open;
use super::reference::Expected;
use super::subject::{Checked, Subject, call_of};
use super::world::{self, World};
use crate::journal::{Batch, CostSummary, Epoch, Journal, RunRow, SimulatedDisk, Snapshot, Write};
use crate::{
    Actor, ApplyError, Definition, EffectId, Input, Payload, Phase, Record, RecordKind, Run, RunId,
    RunKind, RunStart, Timestamp,
};

/// When every simulation begins, in milliseconds.
const BEGIN: u64 = 1_000_000;

/// The most inputs of one simulation. The reference bounds the tasks, so more means that
/// something goes round in circles.
const STEPS_MAX: u64 = 20_000;

pub(super) struct Simulation {
    pub(super) chance: Chance,
    pub(super) journal: Arc<dyn Journal>,
    /// The disk under the journal, when it can fail.
    pub(super) disk: Option<SimulatedDisk>,
    pub(super) epoch: Epoch,
    pub(super) now: u64,
    pub(super) world: World,
    pub(super) subjects: Vec<Subject>,
    pub(super) summary: Summary,
    /// A mistake that is planted.
    pub(super) mutant: Option<Mutant>,
}

impl Simulation {
    /// Draws the routines of a seed.
    pub(super) fn plans(seed: u64) -> Vec<Plan> {
        let mut chance = Chance::of_seed(seed ^ 0x5EED);
        let count = 1 + chance.below(3);
        (0..count).map(|_| Plan::draw(chance.number())).collect()
    }

    pub(super) fn run(seed: u64, plans: Vec<Plan>, mutant: Option<Mutant>) -> Checked<Summary> {
        let mut chance = Chance::of_seed(seed);
        let disk = chance.percent(30).then(SimulatedDisk::new);
        if mutant == Some(Mutant::FlushSkipped)
            && let Some(disk) = &disk
        {
            disk.skip_flushes();
        }
        let journal = open(disk.as_ref(), mutant)?;
        let epoch = journal.claim().map_err(|e| e.to_string())?;
        let mut simulation = Self {
            chance,
            journal,
            disk,
            epoch,
            now: BEGIN,
            world: World::default(),
            subjects: Vec::new(),
            summary: Summary::default(),
            mutant,
        };
        for (i, plan) in plans.into_iter().enumerate() {
            simulation.add(i, plan)?;
        }
        simulation.go_on()?;
        simulation.check()?;
        Ok(simulation.summary)
    }

    fn add(&mut self, number: usize, plan: Plan) -> Checked {
        let Some(expected) = Expected::of(&plan) else {
            return Ok(()); // it does not come to an end soon enough
        };
        let text = match self.mutant {
            Some(mutant) => mutant.misread(&plan).to_text(),
            None => plan.to_text(),
        };
        let checked = Definition::read(&text, &world::catalog());
        let definition = match checked {
            Ok(checked) => checked.definition,
            Err(remarks) => return Err(format!("the routine is refused: {remarks:?}")),
        };
        self.subjects.push(Subject {
            plan,
            expected,
            definition,
            id: RunId::from_parts(Timestamp::from_millis(BEGIN), number as u128 + 1),
            run: None,
            begun: BTreeMap::new(),
            acknowledged: 0,
            vouched: BTreeSet::new(),
            settled: None,
        });
        Ok(())
    }

    fn go_on(&mut self) -> Checked {
        while let Some(subject) = self.next_subject()? {
            self.summary.steps += 1;
            if self.summary.steps > STEPS_MAX {
                return Err("it does not come to an end".to_owned());
            }
            self.disturb(subject)?;
            self.step(subject)?;
        }
        self.summary.runs = self.subjects.len() as u64;
        Ok(())
    }

    /// Chooses whose turn it is: whoever has something to do first; nothing when all are done.
    fn next_subject(&mut self) -> Checked<Option<usize>> {
        let mut best: Option<(u64, usize)> = None;
        for i in 0..self.subjects.len() {
            let Some(at) = self.next_moment(i)? else {
                continue;
            };
            let at = at.max(self.now);
            // Of several at once, any may come first.
            let wins = match best {
                None => true,
                Some((first, _)) => at < first || (at == first && self.chance.percent(50)),
            };
            if wins {
                best = Some((at, i));
            }
        }
        Ok(best.map(|(at, i)| {
            self.now = at + u64::from(self.mutant == Some(Mutant::ClockLate));
            i
        }))
    }

    /// Returns when a subject has something to do; nothing when its run has ended.
    fn next_moment(&mut self, i: usize) -> Checked<Option<u64>> {
        if self.subjects[i].run.is_none() {
            self.recover(i)?;
        }
        let subject = &self.subjects[i];
        let Some(run) = &subject.run else {
            return Ok(Some(self.now)); // it is to be started
        };
        if run.phase().is_final() {
            return Ok(None);
        }
        if run.phase() == Phase::Suspended || subject.unbegun().is_some() {
            return Ok(Some(self.now));
        }
        let due = run.next_due().map(Timestamp::as_millis);
        let answer = subject.begun.values().copied().min();
        match due.into_iter().chain(answer).min() {
            Some(at) => Ok(Some(at)),
            None => Err(format!("run {i} waits for nothing and does not end")),
        }
    }

    /// Does the next thing of a subject.
    fn step(&mut self, i: usize) -> Checked {
        // The process has just fallen, or nothing was begun yet.
        if self.subjects[i].run.is_none() && !self.recover(i)? {
            return self.start(i);
        }
        let Some(run) = &self.subjects[i].run else {
            return Ok(()); // it fell again
        };
        if run.phase() == Phase::Suspended && self.chance.percent(50) {
            return self.apply(i, Input::ResumeRequested { by: Actor::Engine });
        }
        if let Some((effect, call)) = self.subjects[i].unbegun() {
            let subject = &mut self.subjects[i];
            let at = self.world.perform(&subject.plan, &effect, &call)?;
            subject.begun.insert(effect.id, at);
            return Ok(());
        }
        let due = run.next_due().map(Timestamp::as_millis);
        let answer = self.subjects[i].first_answer();
        match (answer, due) {
            (Some((_, at)), due) if at <= self.now && due.is_none_or(|due| at < due) => {
                self.answer(i)
            }
            (_, Some(due)) if due <= self.now => self.apply(i, Input::TimePassed),
            // It is suspended, and what it waits for has yet to come.
            _ => Ok(()),
        }
    }

    /// Delivers the answer that comes first.
    fn answer(&mut self, i: usize) -> Checked {
        let subject = &mut self.subjects[i];
        let (Some((id, _)), Some(run)) = (subject.first_answer(), &subject.run) else {
            return Ok(());
        };
        subject.begun.remove(&id);
        if self.mutant == Some(Mutant::AnswerDropped) && self.chance.percent(20) {
            return Ok(());
        }
        let found = run
            .effect(&id)
            .and_then(|effect| Some((effect.clone(), call_of(effect)?)));
        let Some((effect, call)) = found else {
            // It was given up in the meantime; the machine must say so.
            let outcome = crate::Outcome::completed(json!(null));
            return self.refused(
                i,
                Input::EffectFinished {
                    effect: id,
                    outcome,
                },
            );
        };
        let outcome = world::outcome(&subject.plan, &effect, &call);
        self.apply(
            i,
            Input::EffectFinished {
                effect: id,
                outcome,
            },
        )?;
        let subject = &mut self.subjects[i];
        // The process may have fallen before the answer was durable; then it comes again.
        if subject.run.is_some() {
            subject.settled = Some((effect, call));
        }
        Ok(())
    }

    fn start(&mut self, i: usize) -> Checked {
        let subject = &self.subjects[i];
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: subject.definition.name().to_owned(),
            input: Payload::Inline(json!({ "n": subject.plan.start })),
            parent: None,
            key: None,
            by: Actor::Engine,
        };
        let at = Timestamp::from_millis(self.now);
        let (run, records) = Run::start(subject.id, start, subject.definition.clone(), at);
        self.store(i, run, records)
    }

    /// Lets something happen to a run, and stores what follows.
    pub(super) fn apply(&mut self, i: usize, input: Input) -> Checked {
        let at = Timestamp::from_millis(self.now);
        let Some(mut run) = self.subjects[i].run.take() else {
            return Ok(());
        };
        let records = run
            .apply(input.clone(), at)
            .map_err(|error| format!("{input:?} was refused: {error}"))?;
        self.store(i, run, records)
    }

    /// Sends something that must be refused.
    fn refused(&mut self, i: usize, input: Input) -> Checked {
        let at = Timestamp::from_millis(self.now);
        let Some(run) = &mut self.subjects[i].run else {
            return Ok(());
        };
        let before = run.last_seq();
        match run.apply(input.clone(), at) {
            Err(ApplyError::Stale(_)) if run.last_seq() == before => {
                self.summary.refused += 1;
                Ok(())
            }
            other => Err(format!("{input:?} should have been refused: {other:?}")),
        }
    }

    /// Makes records durable; the process may fall before, during and after.
    fn store(&mut self, i: usize, run: Run, records: Vec<Record>) -> Checked {
        if self.chance.percent(3) {
            return self.crash(); // before anything was written
        }
        if let Some(disk) = &self.disk
            && self.chance.percent(3)
        {
            disk.cut_power_after(self.chance.below(12));
        }
        let id = self.subjects[i].id;
        let intents = intents(&records);
        if self.mutant == Some(Mutant::EffectBeforeIntent) {
            self.perform_early(i, &run)?;
        }
        let mut batch = Batch::of_records(id, records).with_row(row(&run));
        if self.chance.percent(15) {
            batch.snapshot = Some(Snapshot {
                seq: run.last_seq(),
                state: run.snapshot(),
            });
        }
        if let Err(error) = self.journal.append(self.epoch, &[Write::from(batch)]) {
            if !self.disk.as_ref().is_some_and(SimulatedDisk::is_dead) {
                return Err(format!("the journal refused: {error}"));
            }
            self.summary.power_cuts += 1;
            return self.crash();
        }
        self.subjects[i].acknowledged = run.last_seq();
        for intent in intents {
            self.world.note_intent(intent);
        }
        self.subjects[i].run = Some(run);
        if self.chance.percent(3) {
            return self.crash(); // after it was written
        }
        Ok(())
    }

    /// A planted mistake: what a run wants is begun at once.
    fn perform_early(&mut self, i: usize, run: &Run) -> Checked {
        for effect in run.pending() {
            let subject = &mut self.subjects[i];
            if let Some(call) = call_of(effect)
                && !subject.begun.contains_key(&effect.id)
            {
                let at = self.world.perform(&subject.plan, effect, &call)?;
                subject.begun.insert(effect.id, at);
            }
        }
        Ok(())
    }

    /// Lets something happen that must make no difference.
    fn disturb(&mut self, i: usize) -> Checked {
        let Some(run) = &self.subjects[i].run else {
            return Ok(());
        };
        if run.phase().is_final() {
            return Ok(());
        }
        match self.chance.below(60) {
            0 => self.crash(),
            1 | 2 => match self.subjects[i].settled.clone() {
                Some((effect, call)) => {
                    let outcome = world::outcome(&self.subjects[i].plan, &effect, &call);
                    let effect = effect.id;
                    self.refused(i, Input::EffectFinished { effect, outcome })
                }
                None => Ok(()),
            },
            3 | 4 if run.phase() != Phase::Suspended => {
                self.apply(i, Input::SuspendRequested { by: Actor::Engine })
            }
            5 => {
                let (signal, by) = ("noise".to_owned(), Actor::Engine);
                let data = json!(self.summary.steps);
                self.apply(i, Input::Signalled { signal, data, by })
            }
            6 if run.next_due().is_none_or(|due| due.as_millis() > self.now) => {
                self.refused(i, Input::TimePassed)
            }
            _ => Ok(()),
        }
    }

    /// Compares what every run came to with what it must come to.
    fn check(&mut self) -> Checked {
        if let Some(disk) = &self.disk {
            disk.cut_power_after(u64::MAX);
        }
        let damage = self.journal.check().map_err(|e| e.to_string())?;
        if !damage.is_empty() {
            return Err(format!("the journal is damaged: {damage:?}"));
        }
        for i in 0..self.subjects.len() {
            if self.subjects[i].run.is_none() {
                self.recover(i)?;
            }
            self.subjects[i].check(&*self.journal)?;
        }
        Ok(())
    }
}

fn intents(records: &[Record]) -> Vec<EffectId> {
    let intents = records.iter().filter_map(|record| match &record.kind {
        RecordKind::EffectIntended(effect) => Some(effect.id),
        _ => None,
    });
    intents.collect()
}

/// Makes the row of a run, as far as recovery needs it.
fn row(run: &Run) -> RunRow {
    let ended = run.phase().is_final();
    RunRow {
        run: run.id(),
        kind: RunKind::Routine,
        name: run.definition().name().to_owned(),
        definition: run.definition().digest(),
        phase: run.phase(),
        active: !ended,
        due: run.next_due(),
        trouble: None,
        started_at: run.started_at(),
        ended_at: ended.then(|| run.last_at()),
        parent: None,
        key: None,
        unstarted: Vec::new(),
        waiting_for: Vec::new(),
        model_calls: 0,
        tool_calls: 0,
        cost: CostSummary::default(),
        attributes: BTreeMap::new(),
        last_seq: run.last_seq(),
    }
}
