//! Reads everything, and says what contradicts itself.

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableTable, TableHandle};
use serde_json::Value;

use super::failed;
use super::index::{Entries, decode_row, entries};
use super::tables::{
    ACTIVE, ATTRIBUTES, CHILDREN, DEFINITIONS, INBOX, KEYS, PAYLOADS, PHASES, QUESTIONS, RECORDS,
    REFERENCES, ROUTINES, ROWS, SNAPSHOTS, TIMERS, TROUBLED, last_of, reference_key, run_at_end,
    run_at_start,
};
use crate::journal::payload::references;
use crate::journal::{Damage, InboxItem, JournalError, Publication, RunRow, codec, stored};
use crate::{Digest, RunId};

/// The most contradictions that are listed; a broken store may have millions.
const DAMAGES_MAX: usize = 1000;

/// Returns what contradicts itself, up to a bound.
pub(super) fn damages(txn: &ReadTransaction) -> Result<Vec<Damage>, JournalError> {
    let mut found = Found::default();
    check_payloads(txn, &mut found)?;
    check_records(txn, &mut found)?;
    check_rows(txn, &mut found)?;
    check_indexes(txn, &mut found)?;
    check_questions(txn, &mut found)?;
    check_routines(txn, &mut found)?;
    Ok(found.damages)
}

#[derive(Default)]
struct Found {
    damages: Vec<Damage>,
}

impl Found {
    fn add(&mut self, table: &impl TableHandle, run: Option<RunId>, message: impl Into<String>) {
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(Damage {
                table: table.name().to_owned(),
                run,
                message: message.into(),
            });
        }
    }
}

fn check_payloads(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    let table = txn.open_table(PAYLOADS).map_err(failed)?;
    let refs = txn.open_table(REFERENCES).map_err(failed)?;
    for entry in table.iter().map_err(failed)? {
        let (key, bytes) = entry.map_err(failed)?;
        let digest = Digest::from_bytes(key.value());
        match codec::decode::<Value>(bytes.value(), "a value") {
            Ok(value) if Digest::of_value(&value) == digest => {}
            Ok(_) => found.add(&PAYLOADS, None, format!("{digest} has another content")),
            Err(error) => found.add(&PAYLOADS, None, format!("{digest}: {error}")),
        }
        let low = reference_key(digest, RunId::from_bytes([0; 16]));
        let high = reference_key(digest, RunId::from_bytes([u8::MAX; 16]));
        if refs.range(low..=high).map_err(failed)?.next().is_none() {
            found.add(&PAYLOADS, None, format!("nothing refers to {digest}"));
        }
    }
    Ok(())
}

fn check_records(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    let table = txn.open_table(RECORDS).map_err(failed)?;
    let payloads = txn.open_table(PAYLOADS).map_err(failed)?;
    let rows = txn.open_table(ROWS).map_err(failed)?;
    let refs = txn.open_table(REFERENCES).map_err(failed)?;
    let mut current = None;
    let mut expected = 1;
    for entry in table.iter().map_err(failed)? {
        let (key, bytes) = entry.map_err(failed)?;
        let (run, last) = (run_at_start(&key.value()), last_of(key.value()));
        if current != Some(run) {
            (current, expected) = (Some(run), 1);
            if rows.get(run.to_bytes()).map_err(failed)?.is_none() {
                found.add(&RECORDS, Some(run), "the run has records, but no row");
            }
        }
        let records = match stored::decode(bytes.value(), run, last) {
            Ok(records) => records,
            Err(error) => {
                found.add(&RECORDS, Some(run), error.to_string());
                expected = last + 1;
                continue;
            }
        };
        for slim in records {
            if slim.record.seq != expected {
                let message = format!("record {expected} is followed by {}", slim.record.seq);
                found.add(&RECORDS, Some(run), message);
            }
            expected = slim.record.seq + 1;
            for digest in references(&slim.record.kind, slim.slot) {
                if payloads.get(digest.as_bytes()).map_err(failed)?.is_none() {
                    found.add(
                        &RECORDS,
                        Some(run),
                        format!("the value {digest} is missing"),
                    );
                }
                if refs
                    .get(reference_key(digest, run))
                    .map_err(failed)?
                    .is_none()
                {
                    found.add(&REFERENCES, Some(run), format!("{digest} is not listed"));
                }
            }
        }
    }
    Ok(())
}

fn check_rows(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    let table = txn.open_table(ROWS).map_err(failed)?;
    let records = txn.open_table(RECORDS).map_err(failed)?;
    let keys = txn.open_table(KEYS).map_err(failed)?;
    let snapshots = txn.open_table(SNAPSHOTS).map_err(failed)?;
    for entry in table.iter().map_err(failed)? {
        let (key, bytes) = entry.map_err(failed)?;
        let run = RunId::from_bytes(key.value());
        let row = match decode_row(bytes.value()) {
            Ok(row) => row,
            Err(error) => {
                found.add(&ROWS, Some(run), error.to_string());
                continue;
            }
        };
        let last = super::append::last_seq(&records, run)?;
        if row.run != run || row.last_seq > last {
            found.add(
                &ROWS,
                Some(run),
                format!("the row is ahead of record {last}"),
            );
        }
        let snapshot = snapshots.get(run.to_bytes()).map_err(failed)?;
        if let Some(seq) = snapshot.and_then(|s| s.value().first_chunk::<8>().copied())
            && u64::from_be_bytes(seq) > last
        {
            found.add(
                &SNAPSHOTS,
                Some(run),
                format!("it is ahead of record {last}"),
            );
        }
        if let Some(name) = &row.key {
            let holder = keys.get(name.as_str()).map_err(failed)?;
            if holder.is_none_or(|holder| holder.value() != run.to_bytes()) {
                found.add(
                    &KEYS,
                    Some(run),
                    format!("`{name}` does not lead to the run"),
                );
            }
        }
    }
    Ok(())
}

/// Compares every index with what the rows say.
fn check_indexes(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    check_index(txn, found, PHASES, |e| e.phase)?;
    check_index(txn, found, ACTIVE, |e| e.active)?;
    check_index(txn, found, TIMERS, |e| e.timer)?;
    check_index(txn, found, CHILDREN, |e| e.child)?;
    check_index(txn, found, TROUBLED, |e| e.troubled)?;
    let mut expected = BTreeSet::new();
    for_each_row(txn, |row| expected.extend(entries(row).attributes))?;
    let table = txn.open_table(ATTRIBUTES).map_err(failed)?;
    for entry in table.iter().map_err(failed)? {
        let key = entry.map_err(failed)?.0.value().to_vec();
        if !expected.remove(&key) {
            found.add(&ATTRIBUTES, Some(run_at_end(&key)), "an entry has no row");
        }
    }
    for key in expected {
        found.add(&ATTRIBUTES, Some(run_at_end(&key)), "an entry is missing");
    }
    Ok(())
}

fn check_index<const N: usize>(
    txn: &ReadTransaction,
    found: &mut Found,
    definition: redb::TableDefinition<'_, [u8; N], ()>,
    pick: fn(Entries) -> Option<[u8; N]>,
) -> Result<(), JournalError> {
    let mut expected = BTreeSet::new();
    for_each_row(txn, |row| expected.extend(pick(entries(row))))?;
    let table = txn.open_table(definition).map_err(failed)?;
    for entry in table.iter().map_err(failed)? {
        let key = entry.map_err(failed)?.0.value();
        if !expected.remove(&key) {
            found.add(&definition, Some(run_at_end(&key)), "an entry has no row");
        }
    }
    for key in expected {
        found.add(&definition, Some(run_at_end(&key)), "an entry is missing");
    }
    Ok(())
}

/// Visits the rows that can be read; the others are reported elsewhere.
fn for_each_row(txn: &ReadTransaction, mut visit: impl FnMut(&RunRow)) -> Result<(), JournalError> {
    let table = txn.open_table(ROWS).map_err(failed)?;
    for entry in table.iter().map_err(failed)? {
        if let Ok(row) = decode_row(entry.map_err(failed)?.1.value()) {
            visit(&row);
        }
    }
    Ok(())
}

fn check_questions(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    let inbox = txn.open_table(INBOX).map_err(failed)?;
    let questions = txn.open_table(QUESTIONS).map_err(failed)?;
    for entry in inbox.iter().map_err(failed)? {
        let (key, bytes) = entry.map_err(failed)?;
        let run = run_at_start(&key.value());
        match codec::decode::<InboxItem>(bytes.value(), "a question") {
            Err(error) => found.add(&INBOX, Some(run), error.to_string()),
            Ok(item) => {
                let listed = questions.get(item.id.digest().as_bytes()).map_err(failed)?;
                if listed.is_none_or(|listed| listed.value() != run.to_bytes()) {
                    found.add(&QUESTIONS, Some(run), format!("{} is not listed", item.id));
                }
            }
        }
    }
    Ok(())
}

fn check_routines(txn: &ReadTransaction, found: &mut Found) -> Result<(), JournalError> {
    let routines = txn.open_table(ROUTINES).map_err(failed)?;
    let definitions = txn.open_table(DEFINITIONS).map_err(failed)?;
    for entry in routines.iter().map_err(failed)? {
        let (name, bytes) = entry.map_err(failed)?;
        match codec::decode::<Publication>(bytes.value(), "a publication") {
            Err(error) => found.add(&ROUTINES, None, error.to_string()),
            Ok(publication) => {
                let key = publication.digest.as_bytes();
                if definitions.get(key).map_err(failed)?.is_none() {
                    let message = format!("`{}` has no definition", name.value());
                    found.add(&ROUTINES, None, message);
                }
            }
        }
    }
    Ok(())
}
