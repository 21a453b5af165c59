//! Rows and the indexes that are derived from them.

use std::ops::RangeInclusive;

use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::change::Progress;
use super::failed;
use super::tables::{
    ACTIVE, ATTRIBUTES, CHILDREN, KEYS, PHASES, ROWS, TIMERS, TROUBLED, attribute_key,
    attribute_prefix, child_key, phase_key, run_at_end, timer_key,
};
use crate::RunId;
use crate::journal::{JournalError, Parent, RunRow, Scan, codec};

/// The tables that are derived from rows.
struct Indexes<'t> {
    phases: Table<'t, [u8; 17], ()>,
    active: Table<'t, [u8; 16], ()>,
    timers: Table<'t, [u8; 24], ()>,
    children: Table<'t, [u8; 32], ()>,
    troubled: Table<'t, [u8; 16], ()>,
    attributes: Table<'t, &'static [u8], ()>,
    keys: Table<'t, &'static str, [u8; 16]>,
}

impl<'t> Indexes<'t> {
    fn open(txn: &'t WriteTransaction) -> Result<Self, JournalError> {
        Ok(Self {
            phases: txn.open_table(PHASES).map_err(failed)?,
            active: txn.open_table(ACTIVE).map_err(failed)?,
            timers: txn.open_table(TIMERS).map_err(failed)?,
            children: txn.open_table(CHILDREN).map_err(failed)?,
            troubled: txn.open_table(TROUBLED).map_err(failed)?,
            attributes: txn.open_table(ATTRIBUTES).map_err(failed)?,
            keys: txn.open_table(KEYS).map_err(failed)?,
        })
    }

    /// Changes what differs between the old and the new row of a run.
    fn update(&mut self, old: Option<&RunRow>, new: Option<&RunRow>) -> Result<(), JournalError> {
        let was = old.map(entries).unwrap_or_default();
        let is = new.map(entries).unwrap_or_default();
        swap(&mut self.phases, was.phase, is.phase)?;
        swap(&mut self.active, was.active, is.active)?;
        swap(&mut self.timers, was.timer, is.timer)?;
        swap(&mut self.children, was.child, is.child)?;
        swap(&mut self.troubled, was.troubled, is.troubled)?;
        if was.attributes != is.attributes {
            for key in &was.attributes {
                self.attributes.remove(key.as_slice()).map_err(failed)?;
            }
            for key in &is.attributes {
                self.attributes.insert(key.as_slice(), ()).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn take_key(&mut self, row: &RunRow) -> Result<(), JournalError> {
        let Some(key) = &row.key else { return Ok(()) };
        let holder = self.keys.get(key.as_str()).map_err(failed)?;
        let holder = holder.map(|run| RunId::from_bytes(run.value()));
        match holder {
            Some(run) if run == row.run => Ok(()),
            Some(run) => Err(JournalError::KeyTaken {
                key: key.clone(),
                run,
            }),
            None => {
                let run = row.run.to_bytes();
                self.keys.insert(key.as_str(), run).map_err(failed)?;
                Ok(())
            }
        }
    }
}

/// The index entries of one row.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) phase: Option<[u8; 17]>,
    pub(super) active: Option<[u8; 16]>,
    pub(super) timer: Option<[u8; 24]>,
    pub(super) child: Option<[u8; 32]>,
    pub(super) troubled: Option<[u8; 16]>,
    pub(super) attributes: Vec<Vec<u8>>,
}

/// Derives the index entries of a row.
pub(super) fn entries(row: &RunRow) -> Entries {
    let run = row.run;
    let attributes = row.attributes.iter();
    Entries {
        phase: Some(phase_key(row.phase, run)),
        active: row.active.then_some(run.to_bytes()),
        timer: row.due.map(|due| timer_key(due, run)),
        child: row
            .parent
            .as_ref()
            .map(|(parent, _)| child_key(*parent, run)),
        troubled: row.trouble.is_some().then_some(run.to_bytes()),
        attributes: attributes
            .map(|(name, value)| attribute_key(name, value, run))
            .collect(),
    }
}

fn swap<const N: usize>(
    table: &mut Table<'_, [u8; N], ()>,
    was: Option<[u8; N]>,
    is: Option<[u8; N]>,
) -> Result<(), JournalError> {
    if was == is {
        return Ok(());
    }
    if let Some(key) = was {
        table.remove(key).map_err(failed)?;
    }
    if let Some(key) = is {
        table.insert(key, ()).map_err(failed)?;
    }
    Ok(())
}

/// Writes the rows that come with progress, and their indexes.
pub(super) fn write_rows(
    txn: &WriteTransaction,
    progress: &[&Progress],
) -> Result<(), JournalError> {
    let begins = |p: &&&Progress| p.seqs.is_some_and(|(first, _)| first == 1);
    if let Some(progress) = progress.iter().filter(begins).find(|p| p.row.is_none()) {
        return Err(JournalError::NoRow(progress.run));
    }
    if progress.iter().all(|progress| progress.row.is_none()) {
        return Ok(());
    }
    let mut rows = txn.open_table(ROWS).map_err(failed)?;
    let mut indexes = Indexes::open(txn)?;
    for bytes in progress.iter().filter_map(|progress| progress.row.as_ref()) {
        let row = decode_row(bytes.as_slice())?;
        let old = rows
            .insert(row.run.to_bytes(), bytes.as_slice())
            .map_err(failed)?
            .map(|old| decode_row(old.value()))
            .transpose()?;
        indexes.take_key(&row)?;
        indexes.update(old.as_ref(), Some(&row))?;
    }
    Ok(())
}

/// Removes the row of a run that has ended, and its indexes. Says whether there was one.
pub(super) fn remove_row(txn: &WriteTransaction, run: RunId) -> Result<bool, JournalError> {
    let mut rows = txn.open_table(ROWS).map_err(failed)?;
    let removed = rows.remove(run.to_bytes()).map_err(failed)?;
    let Some(row) = removed.map(|old| decode_row(old.value())).transpose()? else {
        return Ok(false);
    };
    if !row.phase.is_final() {
        return Err(JournalError::NotEnded(run));
    }
    let mut indexes = Indexes::open(txn)?;
    indexes.update(Some(&row), None)?;
    if let Some(key) = &row.key {
        indexes.keys.remove(key.as_str()).map_err(failed)?;
    }
    Ok(true)
}

pub(super) fn decode_row(bytes: &[u8]) -> Result<RunRow, JournalError> {
    codec::decode(bytes, "the row of a run")
}

/// Returns the rows that fulfil a scan, newest first, by the narrowest index.
pub(super) fn scan(txn: &ReadTransaction, scan: &Scan) -> Result<Vec<RunRow>, JournalError> {
    let Some((low, mut high)) = scan.ids() else {
        return Ok(Vec::new());
    };
    if let Some(before) = scan.before {
        high = high.min(before);
    }
    if low > high {
        return Ok(Vec::new());
    }
    let ids = low..=high;
    if let Parent::Run(parent) = scan.parent {
        let range = child_key(parent, low)..=child_key(parent, high);
        let table = txn.open_table(CHILDREN).map_err(failed)?;
        let runs = table.range(range).map_err(failed)?.rev();
        return collect(
            txn,
            scan,
            runs.map(|e| Ok(run_at_end(&e.map_err(failed)?.0.value()))),
        );
    }
    if let Some((name, value)) = scan.attributes.first_key_value() {
        return by_attribute(txn, scan, name, value, &ids);
    }
    if scan.troubled {
        let range = low.to_bytes()..=high.to_bytes();
        let table = txn.open_table(TROUBLED).map_err(failed)?;
        let runs = table.range(range).map_err(failed)?.rev();
        return collect(
            txn,
            scan,
            runs.map(|e| Ok(run_at_end(&e.map_err(failed)?.0.value()))),
        );
    }
    if !scan.phases.is_empty() {
        return by_phases(txn, scan, &ids);
    }
    by_rows(txn, scan, &ids)
}

fn by_attribute(
    txn: &ReadTransaction,
    scan: &Scan,
    name: &str,
    value: &str,
    ids: &RangeInclusive<RunId>,
) -> Result<Vec<RunRow>, JournalError> {
    let bound = |run: RunId| [attribute_prefix(name, value), run.to_bytes().to_vec()].concat();
    let (low, high) = (bound(*ids.start()), bound(*ids.end()));
    let table = txn.open_table(ATTRIBUTES).map_err(failed)?;
    let range = low.as_slice()..=high.as_slice();
    let runs = table.range::<&[u8]>(range).map_err(failed)?.rev();
    collect(
        txn,
        scan,
        runs.map(|e| Ok(run_at_end(e.map_err(failed)?.0.value()))),
    )
}

/// Merges the indexes of the wanted phases, newest first.
fn by_phases(
    txn: &ReadTransaction,
    scan: &Scan,
    ids: &RangeInclusive<RunId>,
) -> Result<Vec<RunRow>, JournalError> {
    let table = txn.open_table(PHASES).map_err(failed)?;
    let mut streams = Vec::with_capacity(scan.phases.len());
    for phase in &scan.phases {
        let range = phase_key(*phase, *ids.start())..=phase_key(*phase, *ids.end());
        streams.push(table.range(range).map_err(failed)?.rev().peekable());
    }
    let newest = std::iter::from_fn(move || {
        let head = |entry: &Result<(redb::AccessGuard<'_, [u8; 17]>, _), _>| match entry {
            Ok((key, _)) => Some(run_at_end(&key.value())),
            Err(_) => None,
        };
        let mut best = None;
        for (i, stream) in streams.iter_mut().enumerate() {
            if let Some(entry) = stream.peek() {
                let run = head(entry);
                if best.is_none_or(|(_, most)| run > most) {
                    best = Some((i, run));
                }
            }
        }
        let (i, _) = best?;
        let entry = streams[i].next()?;
        Some(
            entry
                .map_err(failed)
                .map(|(key, _)| run_at_end(&key.value())),
        )
    });
    collect(txn, scan, newest)
}

fn by_rows(
    txn: &ReadTransaction,
    scan: &Scan,
    ids: &RangeInclusive<RunId>,
) -> Result<Vec<RunRow>, JournalError> {
    let table = txn.open_table(ROWS).map_err(failed)?;
    let mut found = Vec::new();
    let range = ids.start().to_bytes()..=ids.end().to_bytes();
    for entry in table.range(range).map_err(failed)?.rev() {
        if found.len() == scan.limit {
            break;
        }
        let row = decode_row(entry.map_err(failed)?.1.value())?;
        if scan.matches(&row) {
            found.push(row);
        }
    }
    Ok(found)
}

fn collect(
    txn: &ReadTransaction,
    scan: &Scan,
    runs: impl Iterator<Item = Result<RunId, JournalError>>,
) -> Result<Vec<RunRow>, JournalError> {
    let rows = txn.open_table(ROWS).map_err(failed)?;
    let mut found = Vec::new();
    for run in runs {
        if found.len() == scan.limit {
            break;
        }
        let run = run?;
        let Some(bytes) = rows.get(run.to_bytes()).map_err(failed)? else {
            return Err(JournalError::Damaged(format!(
                "run {run} is indexed, but has no row"
            )));
        };
        let row = decode_row(bytes.value())?;
        if scan.matches(&row) {
            found.push(row);
        }
    }
    Ok(found)
}
