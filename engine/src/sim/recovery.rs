//! Falling, and getting up again from what the journal has.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::mutant::{MistakenJournal, Mutant};
use super::simulation::Simulation;
use super::subject::{Checked, RECORDS_MAX};
use crate::journal::{
    Journal, JournalOptions, JournalReads, MemoryJournal, RedbJournal, SimulatedDisk,
};
use crate::{Decision, Input, Run, Sequence, Timestamp, Verdict};

impl Simulation {
    /// The process falls: what was in memory is gone.
    pub(super) fn crash(&mut self) -> Checked {
        self.summary.crashes += 1;
        for subject in &mut self.subjects {
            subject.run = None;
            subject.begun.clear();
            subject.vouched.clear();
        }
        if let Some(disk) = &self.disk {
            // What falls writes nothing any more: ending well would write into the file that
            // the next process has opened.
            disk.cut_power_after(0);
            self.journal = Arc::new(MemoryJournal::new());
            disk.restart(self.chance.number());
            self.journal = open(Some(disk), self.mutant)?;
        }
        let past = self.epoch;
        self.epoch = self.journal.claim().map_err(|e| e.to_string())?;
        match self.journal.append(past, &[]) {
            Err(_) => Ok(()),
            Ok(()) => Err("a past owner could still write".to_owned()),
        }
    }

    /// Takes a run up again from what the journal has; says whether there is such a run.
    pub(super) fn recover(&mut self, i: usize) -> Checked<bool> {
        let failed = |error: &dyn std::fmt::Display| format!("recovery failed: {error}");
        let subject = &self.subjects[i];
        let snapshot = self.journal.snapshot(subject.id).map_err(|e| failed(&e))?;
        let definition = subject.definition.clone();
        let from = snapshot.as_ref().map_or(1, |snapshot| snapshot.seq + 1);
        let records = self
            .journal
            .records(subject.id, from, RECORDS_MAX)
            .map_err(|e| failed(&e))?;
        let run = match snapshot {
            Some(snapshot) => {
                let restored = Run::restore(&snapshot.state, definition);
                let mut run = restored.map_err(|e| failed(&e))?;
                run.replay_tail(records).map_err(|e| failed(&e))?;
                run
            }
            None if records.is_empty() => {
                self.nothing_lost(i, 0)?;
                return Ok(false);
            }
            None => Run::replay(definition, records).map_err(|e| failed(&e))?,
        };
        self.nothing_lost(i, run.last_seq())?;
        for effect in run.pending() {
            self.world.note_intent(effect.id);
        }
        let subject = &mut self.subjects[i];
        subject.acknowledged = run.last_seq();
        subject.run = Some(run);
        self.reconcile(i)?;
        Ok(true)
    }

    fn nothing_lost(&self, i: usize, found: Sequence) -> Checked {
        let acknowledged = self.subjects[i].acknowledged;
        if found < acknowledged {
            return Err(format!(
                "record {acknowledged} was acknowledged, but the log ends with {found}"
            ));
        }
        Ok(())
    }

    /// Deals with unsafe calls that may have been under way when the process fell: a person
    /// is asked, and says that they are to be performed again.
    fn reconcile(&mut self, i: usize) -> Checked {
        if self.mutant == Some(Mutant::DoubtsForgotten) {
            return Ok(());
        }
        loop {
            let Some(run) = &self.subjects[i].run else {
                return Ok(()); // it fell again
            };
            let unknown = run
                .unknowns()
                .next()
                .map(|(effect, known)| (effect.id, effect.doubt(known).shown_hash));
            if let Some((effect, shown_hash)) = unknown {
                let decision = Decision {
                    verdict: Verdict::Approve,
                    by: "ada".to_owned(),
                    at: Timestamp::from_millis(self.now),
                    comment: None,
                    edited: None,
                    shown_hash,
                    roles: Vec::new(),
                };
                self.world.allow(effect);
                self.apply(i, Input::Decided { effect, decision })?;
                if self.subjects[i].run.is_some() {
                    self.subjects[i].vouched.insert(effect);
                }
                continue;
            }
            let doubtful = self.subjects[i].doubtful();
            let Some(effect) = doubtful else {
                return Ok(());
            };
            self.summary.unknowns += 1;
            let explanation = "the process fell while it was under way".to_owned();
            self.apply(
                i,
                Input::EffectUnknown {
                    effect,
                    explanation,
                },
            )?;
            let run = self.subjects[i].run.as_ref();
            if run.is_some_and(|run| run.unknowns().all(|(unknown, _)| unknown.id != effect)) {
                return Err("an effect in doubt is not among the unknown ones".to_owned());
            }
        }
    }
}

pub(super) fn open(
    disk: Option<&SimulatedDisk>,
    mutant: Option<Mutant>,
) -> Checked<Arc<dyn Journal>> {
    let inner = open_sound(disk)?;
    Ok(match mutant {
        None => inner,
        Some(mutant) => Arc::new(MistakenJournal {
            inner,
            mutant,
            appends: AtomicU64::new(0),
        }),
    })
}

fn open_sound(disk: Option<&SimulatedDisk>) -> Checked<Arc<dyn Journal>> {
    let options = JournalOptions {
        cache_bytes: 1 << 20,
        // Small, so that the log comes to its end and begins anew.
        log_bytes: 64 << 10,
    };
    match disk {
        None => Ok(Arc::new(MemoryJournal::new())),
        Some(disk) => {
            let (data, log) = (Arc::new(disk.part(0)), Arc::new(disk.part(1)));
            match RedbJournal::on_disks(data, log, options) {
                Ok(journal) => Ok(Arc::new(journal)),
                Err(error) => Err(format!("the store does not open: {error}")),
            }
        }
    }
}
