//! Keeps the row and the open questions of a run in step with its records.

use std::collections::BTreeMap;

use super::events::is_listening;
use crate::journal::{Batch, CostSummary, InboxItem, InboxKind, RunRow, Snapshot};
use crate::{Actor, Approval, Effect, EffectId, EffectRequest, Record, RecordKind, Run, Timestamp};

/// How many records a snapshot may lie behind: replaying them costs about as much as
/// reading a snapshot does. Source: research/engine.md 7.2.
const SNAPSHOT_RECORDS: u64 = 256;

/// The row of a run in memory, and what of it is stored.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) row: RunRow,
    /// The row as it was written last; nothing before the first time.
    written: Option<Essence>,
    /// The questions that stand in the inbox.
    questions: Vec<EffectId>,
    /// The last record that a snapshot takes account of.
    snapshot_seq: u64,
}

/// The part of a row that must not lag behind.
#[derive(Debug, Clone, PartialEq)]
struct Essence {
    phase: crate::Phase,
    active: bool,
    due: Option<Timestamp>,
    trouble: Option<crate::journal::Trouble>,
    unstarted: Vec<EffectId>,
    waiting_for: Vec<EffectId>,
}

impl Ledger {
    /// Begins the ledger of a new run from its first record.
    pub(super) fn begin(run: &Run, first: &Record) -> Option<Self> {
        let RecordKind::RunStarted(start) = &first.kind else {
            return None;
        };
        Some(Self {
            row: RunRow {
                run: run.id(),
                kind: start.run_kind,
                name: start.name.clone(),
                definition: first.definition,
                phase: run.phase(),
                active: true,
                due: None,
                trouble: None,
                started_at: run.started_at(),
                ended_at: None,
                parent: start.parent.clone(),
                key: start.key.clone(),
                unstarted: Vec::new(),
                waiting_for: Vec::new(),
                model_calls: 0,
                tool_calls: 0,
                cost: CostSummary::default(),
                attributes: BTreeMap::new(),
                last_seq: 0,
            },
            written: None,
            questions: Vec::new(),
            snapshot_seq: 0,
        })
    }

    /// Takes the ledger up again from the stored row.
    pub(super) fn resume(row: RunRow, questions: Vec<EffectId>, snapshot_seq: u64) -> Self {
        Self {
            written: Some(Essence::of(&row)),
            row,
            questions,
            snapshot_seq,
        }
    }

    /// Counts what the records tell, beyond those that are counted already.
    pub(super) fn absorb(&mut self, records: &[Record]) {
        for record in records {
            if record.seq <= self.row.last_seq {
                continue;
            }
            self.row.last_seq = record.seq;
            let by_tool = matches!(record.actor, Actor::Tool(_));
            if by_tool && matches!(record.kind, RecordKind::EffectFinished { .. }) {
                self.row.tool_calls += 1;
            }
            for cost in &record.costs {
                self.row.model_calls += 1;
                self.row.cost.add(cost);
            }
            if let RecordKind::RunFinished { .. } = record.kind {
                self.row.ended_at = Some(record.at);
                // Nobody looks for it any more when events come.
                self.row.attributes.retain(|name, _| !is_listening(name));
            }
        }
    }

    /// Makes the batch of some new records: with the row if it changed in an important way,
    /// with the questions that were opened or closed, with a snapshot when it is time.
    pub(super) fn batch(&mut self, run: &Run, records: Vec<Record>) -> Batch {
        self.absorb(&records);
        let mut batch = Batch::of_records(run.id(), records);
        self.update(run);
        self.compare_questions(run, &mut batch);
        let ended = run.phase().is_final();
        if !ended && run.last_seq() >= self.snapshot_seq + SNAPSHOT_RECORDS {
            self.snapshot_seq = run.last_seq();
            batch.snapshot = Some(Snapshot {
                seq: run.last_seq(),
                state: run.snapshot(),
            });
        }
        let essence = Essence::of(&self.row);
        if self.written.as_ref() != Some(&essence) || batch.snapshot.is_some() {
            self.written = Some(essence);
            batch.row = Some(self.row.clone());
        }
        batch
    }

    /// Says whether the stored row lags behind in an important way.
    pub(super) fn is_dirty(&mut self, run: &Run) -> bool {
        self.update(run);
        self.written.as_ref() != Some(&Essence::of(&self.row))
    }

    fn update(&mut self, run: &Run) {
        let at_work = work_of(run);
        let row = &mut self.row;
        row.phase = run.phase();
        let ended = row.phase.is_final();
        let troubled = row.trouble.is_some();
        row.active = !ended && !troubled && (at_work.calls > 0 || at_work.runs > 0);
        row.due = match at_work.calls {
            0 if !ended && !troubled => run.next_due(),
            _ => None,
        };
    }

    fn compare_questions(&mut self, run: &Run, batch: &mut Batch) {
        if run.phase().is_final() {
            batch.closed = std::mem::take(&mut self.questions);
            self.row.waiting_for.clear();
            return;
        }
        let open = questions(run);
        if open.is_empty() && self.questions.is_empty() {
            return;
        }
        let ids: Vec<EffectId> = open.iter().map(|item| item.id).collect();
        let gone = self.questions.iter().filter(|id| !ids.contains(id));
        batch.closed = gone.copied().collect();
        let known = &self.questions;
        batch.opened = open
            .into_iter()
            .filter(|item| !known.contains(&item.id))
            .collect();
        self.row.waiting_for.clone_from(&ids);
        self.questions = ids;
    }
}

impl Essence {
    fn of(row: &RunRow) -> Self {
        Self {
            phase: row.phase,
            active: row.active,
            due: row.due,
            trouble: row.trouble.clone(),
            unstarted: row.unstarted.clone(),
            waiting_for: row.waiting_for.clone(),
        }
    }
}

/// How many effects of a run are at work.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) calls: usize,
    pub(super) runs: usize,
}

/// Counts the effects that somebody has to do something for.
pub(super) fn work_of(run: &Run) -> Work {
    let mut work = Work::default();
    for effect in run.pending() {
        match effect.request {
            EffectRequest::Call(_) => work.calls += 1,
            EffectRequest::Run { .. } => work.runs += 1,
            EffectRequest::Timer { .. } | EffectRequest::Approval(_) => {}
        }
    }
    for (effect, _) in run.unknowns() {
        match effect.request {
            EffectRequest::Call(_) => work.calls -= 1,
            EffectRequest::Run { .. } => work.runs -= 1,
            EffectRequest::Timer { .. } | EffectRequest::Approval(_) => {}
        }
    }
    work
}

/// Returns the questions that a run asks people now.
fn questions(run: &Run) -> Vec<InboxItem> {
    let approvals = run.pending().filter_map(|effect| match &effect.request {
        EffectRequest::Approval(approval) => {
            Some(item(effect, InboxKind::Approval, approval.clone()))
        }
        _ => None,
    });
    let doubts = run
        .unknowns()
        .map(|(effect, known)| item(effect, InboxKind::Doubt, effect.doubt(known)));
    approvals.chain(doubts).collect()
}

fn item(effect: &Effect, kind: InboxKind, approval: Approval) -> InboxItem {
    InboxItem {
        id: effect.id,
        run: effect.run,
        task: effect.task.clone(),
        kind,
        title: approval.title,
        shown: approval.shown,
        shown_hash: approval.shown_hash,
        asked_at: effect.asked_at,
        expires_at: approval.expires_at,
    }
}
