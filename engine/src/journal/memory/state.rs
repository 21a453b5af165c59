//! The tables of a journal in memory, and the rules of an append: first everything is
//! checked against the state and the writes before it, then everything is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::journal::payload::{Shelf, hydrate, references};
use crate::journal::stored::SlimRecord;
use crate::journal::{
    Batch, Damage, InboxItem, Journal, JournalError, Publication, RedbJournal, RunRow, Snapshot,
    StoredDefinition, Write, codec,
};
use crate::{Digest, EffectId, Payload, RecordKind, RunId, Sequence, Timestamp};

/// Everything that a journal holds.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) epoch: u64,
    pub(super) records: BTreeMap<(RunId, Sequence), SlimRecord>,
    pub(super) rows: BTreeMap<RunId, RunRow>,
    pub(super) keys: BTreeMap<String, RunId>,
    pub(super) inbox: BTreeMap<(RunId, EffectId), InboxItem>,
    pub(super) snapshots: BTreeMap<RunId, Snapshot>,
    pub(super) taken: BTreeSet<(RunId, Digest)>,
    pub(super) definitions: BTreeMap<Digest, String>,
    pub(super) routines: BTreeMap<String, Publication>,
    payloads: BTreeMap<Digest, Shared>,
}

/// A payload and the runs that refer to it.
#[derive(Debug)]
struct Shared {
    value: Value,
    runs: BTreeSet<RunId>,
}

/// A write that was checked.
#[derive(Debug)]
pub(super) enum Planned {
    Run(Box<PlannedBatch>),
    Define(StoredDefinition),
    Publish(Publication),
    Remove(RunId),
}

#[derive(Debug)]
pub(super) struct PlannedBatch {
    batch: Batch,
    slim: Vec<SlimRecord>,
    payloads: Vec<(Digest, Value)>,
    references: Vec<Digest>,
}

/// What the writes before the current one will have changed.
#[derive(Default)]
struct Ahead {
    next: BTreeMap<RunId, Sequence>,
    keys: BTreeMap<String, RunId>,
    rows: BTreeMap<RunId, RunRow>,
    defined: BTreeSet<Digest>,
    published: BTreeMap<String, Digest>,
    shelved: BTreeSet<Digest>,
}

impl State {
    /// Checks the writes in order; returns those that change something.
    pub(super) fn plan(&self, writes: &[Write]) -> Result<Vec<Planned>, JournalError> {
        let mut ahead = Ahead::default();
        let mut planned = Vec::with_capacity(writes.len());
        for write in writes {
            match write {
                Write::Run(batch) => planned.push(self.plan_batch(batch, &mut ahead)?),
                Write::Define(definition) => {
                    ahead.defined.insert(definition.digest);
                    planned.push(Planned::Define(definition.clone()));
                }
                Write::Publish(publication) => {
                    planned.extend(self.plan_publication(publication, &mut ahead)?);
                }
                Write::Remove(run) => match ahead.rows.get(run).or(self.rows.get(run)) {
                    Some(row) if !row.phase.is_final() => return Err(JournalError::NotEnded(*run)),
                    Some(_) => planned.push(Planned::Remove(*run)),
                    None => {}
                },
            }
        }
        Ok(planned)
    }

    fn plan_publication(
        &self,
        publication: &Publication,
        ahead: &mut Ahead,
    ) -> Result<Option<Planned>, JournalError> {
        let Publication { name, digest, .. } = publication;
        if !self.definitions.contains_key(digest) && !ahead.defined.contains(digest) {
            return Err(JournalError::UnknownDefinition(*digest));
        }
        let stored = self.routines.get(name).map(|stored| stored.digest);
        match stored.or(ahead.published.get(name).copied()) {
            Some(stored) if stored == *digest => Ok(None),
            Some(stored) => Err(JournalError::AlreadyPublished {
                name: name.clone(),
                digest: stored,
            }),
            None => {
                ahead.published.insert(name.clone(), *digest);
                Ok(Some(Planned::Publish(publication.clone())))
            }
        }
    }

    fn plan_batch(&self, batch: &Batch, ahead: &mut Ahead) -> Result<Planned, JournalError> {
        let run = batch.run;
        let mut shelf = Shelf::default();
        let mut slim = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            let (kind, slot) = shelf.slim(&record.kind)?;
            let kind = kind.into_owned();
            let record = crate::Record {
                kind,
                ..record.clone()
            };
            slim.push(SlimRecord { record, slot });
        }
        let mut expected = match ahead.next.get(&run) {
            Some(next) => *next,
            None => self.last_seq(run) + 1,
        };
        for SlimRecord { record, .. } in &slim {
            if record.seq != expected {
                return Err(JournalError::OutOfOrder {
                    run,
                    expected,
                    found: record.seq,
                });
            }
            expected += 1;
        }
        ahead.next.insert(run, expected);
        self.plan_row(batch, ahead)?;
        self.plan_payloads(batch, slim, shelf, ahead)
    }

    fn plan_row(&self, batch: &Batch, ahead: &mut Ahead) -> Result<(), JournalError> {
        let run = batch.run;
        let Some(row) = &batch.row else {
            let known = self.rows.contains_key(&run) || ahead.rows.contains_key(&run);
            return if known {
                Ok(())
            } else {
                Err(JournalError::NoRow(run))
            };
        };
        if let Some(key) = &row.key {
            let holder = ahead.keys.get(key).or(self.keys.get(key)).copied();
            if let Some(holder) = holder.filter(|holder| *holder != run) {
                return Err(JournalError::KeyTaken {
                    key: key.clone(),
                    run: holder,
                });
            }
            ahead.keys.insert(key.clone(), run);
        }
        ahead.rows.insert(run, row.clone());
        Ok(())
    }

    fn plan_payloads(
        &self,
        batch: &Batch,
        slim: Vec<SlimRecord>,
        shelf: Shelf,
        ahead: &mut Ahead,
    ) -> Result<Planned, JournalError> {
        let mut payloads = Vec::new();
        for (digest, bytes) in shelf.payloads {
            ahead.shelved.insert(digest);
            payloads.push((digest, codec::decode(&bytes, "a value")?));
        }
        let references: Vec<Digest> = slim
            .iter()
            .flat_map(|slim| references(&slim.record.kind, slim.slot))
            .collect();
        let missing = references
            .iter()
            .find(|digest| !self.payloads.contains_key(digest) && !ahead.shelved.contains(digest));
        match missing {
            Some(digest) => Err(JournalError::UnknownPayload(*digest)),
            None => Ok(Planned::Run(Box::new(PlannedBatch {
                batch: batch.clone(),
                slim,
                payloads,
                references,
            }))),
        }
    }

    /// Applies checked writes; cannot fail.
    pub(super) fn apply(&mut self, planned: Vec<Planned>) {
        for write in planned {
            match write {
                Planned::Run(batch) => self.apply_batch(*batch),
                Planned::Define(StoredDefinition { digest, source }) => {
                    self.definitions.entry(digest).or_insert(source);
                }
                Planned::Publish(publication) => {
                    self.routines.insert(publication.name.clone(), publication);
                }
                Planned::Remove(run) => self.remove(run),
            }
        }
    }

    fn apply_batch(&mut self, planned: PlannedBatch) {
        let PlannedBatch {
            batch,
            slim,
            payloads,
            references,
        } = planned;
        for (digest, value) in payloads {
            let shared = Shared {
                value,
                runs: BTreeSet::new(),
            };
            self.payloads.entry(digest).or_insert(shared);
        }
        for digest in references {
            if let Some(shared) = self.payloads.get_mut(&digest) {
                shared.runs.insert(batch.run);
            }
        }
        for slim in slim {
            self.records.insert((batch.run, slim.record.seq), slim);
        }
        if let Some(row) = batch.row {
            if let Some(key) = &row.key {
                self.keys.insert(key.clone(), batch.run);
            }
            self.rows.insert(batch.run, row);
        }
        for item in batch.opened {
            self.inbox.insert((batch.run, item.id), item);
        }
        for id in batch.closed {
            self.inbox.remove(&(batch.run, id));
        }
        if let Some(snapshot) = batch.snapshot {
            self.snapshots.insert(batch.run, snapshot);
        }
        let taken = batch.taken.into_iter().map(|mark| (batch.run, mark));
        self.taken.extend(taken);
    }

    fn remove(&mut self, run: RunId) {
        self.records.retain(|(owner, _), _| *owner != run);
        self.inbox.retain(|(owner, _), _| *owner != run);
        self.keys.retain(|_, owner| *owner != run);
        self.snapshots.remove(&run);
        self.taken.retain(|(owner, _)| *owner != run);
        self.rows.remove(&run);
        self.payloads
            .retain(|_, shared| !shared.runs.remove(&run) || !shared.runs.is_empty());
    }

    fn last_seq(&self, run: RunId) -> Sequence {
        let range = (run, 0)..=(run, Sequence::MAX);
        self.records
            .range(range)
            .next_back()
            .map_or(0, |((_, seq), _)| *seq)
    }

    pub(super) fn payload(&self, digest: Digest) -> Result<Value, JournalError> {
        match self.payloads.get(&digest) {
            Some(shared) => Ok(shared.value.clone()),
            None => Err(JournalError::Damaged(format!(
                "the value {digest} is missing"
            ))),
        }
    }

    pub(super) fn active(&self, after: Option<RunId>, limit: usize) -> Vec<RunId> {
        let rows = self.rows.values().filter(|row| row.active);
        rows.map(|row| row.run)
            .filter(|run| after.is_none_or(|after| *run > after))
            .take(limit)
            .collect()
    }

    pub(super) fn due(
        &self,
        after: Option<(Timestamp, RunId)>,
        until: Timestamp,
        limit: usize,
    ) -> Vec<(Timestamp, RunId)> {
        let rows = self.rows.values();
        let mut due: Vec<_> = rows
            .filter_map(|row| Some((row.due.filter(|due| *due <= until)?, row.run)))
            .filter(|entry| after.is_none_or(|after| *entry > after))
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        due
    }

    pub(super) fn questions(&self, run: Option<RunId>, limit: usize) -> Vec<InboxItem> {
        let items = self.inbox.values();
        items
            .filter(|item| run.is_none_or(|run| item.run == run))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn published(&self, prefix: &str, limit: usize) -> Vec<Publication> {
        let routines = self.routines.range(prefix.to_owned()..);
        routines
            .map(|(_, publication)| publication)
            .take_while(|publication| publication.name.starts_with(prefix))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Returns references without a value; nothing else can go wrong in memory.
    pub(super) fn damages(&self) -> Vec<Damage> {
        let all = self.records.values();
        all.flat_map(|slim| {
            references(&slim.record.kind, slim.slot)
                .into_iter()
                .filter(|digest| !self.payloads.contains_key(digest))
                .map(|digest| Damage {
                    table: "payloads".to_owned(),
                    run: Some(slim.record.run),
                    message: format!("the value {digest} is missing"),
                })
        })
        .collect()
    }

    /// Writes everything into a new store on disk.
    pub(super) fn write_to(&self, target: &Path) -> Result<(), JournalError> {
        if target.exists() {
            let exists = std::io::ErrorKind::AlreadyExists;
            return Err(JournalError::Storage(exists.into()));
        }
        let journal = RedbJournal::open(target)?;
        let epoch = journal.claim()?;
        let definitions = self.definitions.iter();
        let mut writes: Vec<Write> = definitions
            .map(|(digest, source)| {
                Write::Define(StoredDefinition {
                    digest: *digest,
                    source: source.clone(),
                })
            })
            .collect();
        writes.extend(self.routines.values().cloned().map(Write::Publish));
        for row in self.rows.values() {
            writes.push(self.whole_run(row)?.into());
        }
        journal.append(epoch, &writes)
    }

    fn whole_run(&self, row: &RunRow) -> Result<Batch, JournalError> {
        let run = row.run;
        let mut batch = Batch::of_records(run, Vec::new()).with_row(row.clone());
        for (_, slim) in self.records.range((run, 0)..=(run, Sequence::MAX)) {
            let mut record = slim.record.clone();
            hydrate(&mut record.kind, slim.slot, &mut |d| self.payload(d))?;
            if let RecordKind::EffectFinished {
                evidence: Some(evidence),
                ..
            } = &mut record.kind
            {
                *evidence = Payload::Inline(self.payload(evidence.digest())?);
            }
            batch.records.push(record);
        }
        batch.opened = self.questions(Some(run), usize::MAX);
        batch.snapshot = self.snapshots.get(&run).cloned();
        let taken = self.taken.iter().filter(|(owner, _)| *owner == run);
        batch.taken = taken.map(|(_, mark)| *mark).collect();
        Ok(batch)
    }
}
