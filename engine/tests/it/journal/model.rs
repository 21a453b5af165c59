//! The journal on disk against a naive model, with restarts in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Epoch, Journal, JournalOptions, JournalReads, RedbJournal, RunRow, Scan, SimulatedDisk,
    Write,
};
use layercake_engine::{Phase, Record, RecordKind, RunId, Timestamp};
use proptest::prelude::*;

use super::sample::{finished, large, record, row, run, started};

/// One thing that a test does.
#[derive(Debug, Clone)]
enum Act {
    /// Appends steps of several runs in one call: run, size of the payload, phase.
    Append(Vec<(u64, usize, u8)>),
    /// Appends something that must be refused, together with something good.
    Refused(u64),
    /// Removes a run if it has ended.
    Remove(u64),
    /// Closes the store and opens it again.
    Reopen,
    /// Cuts the power after so many operations; the append in flight may or may not survive.
    Cut(u64, u64),
}

fn act() -> impl Strategy<Value = Act> {
    let step = (1_u64..8, prop_oneof![Just(0_usize), 1..3000_usize], 0_u8..4);
    prop_oneof![
        8 => prop::collection::vec(step, 1..5).prop_map(Act::Append),
        1 => (1_u64..8).prop_map(Act::Refused),
        2 => (1_u64..8).prop_map(Act::Remove),
        1 => Just(Act::Reopen),
        2 => (1_u64..12, any::<u64>()).prop_map(|(after, seed)| Act::Cut(after, seed)),
    ]
}

/// All that a journal has to remember, said as simply as possible.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    runs: BTreeMap<RunId, (RunRow, Vec<Record>)>,
}

impl Model {
    /// Makes the writes of an append, as the engine would, and takes them in.
    fn append(&mut self, steps: &[(u64, usize, u8)]) -> Vec<Write> {
        let mut writes = Vec::new();
        for (n, size, phase) in steps {
            let id = run(*n);
            let (row, records) = self.runs.entry(id).or_insert_with(|| (row(id), Vec::new()));
            let seq = records.len() as u64 + 1;
            let value = large('p', *size);
            let step = match seq {
                1 => vec![started(id, value)],
                _ => vec![
                    finished(id, seq, value),
                    record(id, seq + 1, RecordKind::TaskFinished),
                ],
            };
            row.phase = [
                Phase::Running,
                Phase::Waiting,
                Phase::Completed,
                Phase::Faulted,
            ][usize::from(*phase)];
            row.active = row.phase == Phase::Running;
            row.due = (row.phase == Phase::Waiting).then(|| Timestamp::from_millis(*size as u64));
            row.last_seq = seq + step.len() as u64 - 1;
            records.extend(step.iter().cloned());
            writes.push(Batch::of_records(id, step).with_row(row.clone()).into());
        }
        writes
    }
}

fn open(disk: &SimulatedDisk) -> (RedbJournal, Epoch) {
    let options = JournalOptions {
        cache_bytes: 64 << 10,
        log_bytes: 32 << 10,
    };
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
        .expect("the store opens");
    let epoch = journal.claim().expect("a claim");
    (journal, epoch)
}

fn read(journal: &RedbJournal) -> Model {
    let mut model = Model::default();
    for row in journal.scan(&Scan::newest(1000)).expect("rows") {
        let records = journal.records(row.run, 1, usize::MAX).expect("records");
        model.runs.insert(row.run, (row, records));
    }
    model
}

fn check(journal: &RedbJournal, model: &Model) {
    assert_eq!(&read(journal), model);
    assert_eq!(journal.check().expect("a check"), []);
    let rows = || model.runs.values().map(|(row, _)| row);
    let active: Vec<RunId> = rows().filter(|row| row.active).map(|row| row.run).collect();
    assert_eq!(journal.active(None, 1000).expect("active"), active);
    let mut due: Vec<_> = rows().filter_map(|row| Some((row.due?, row.run))).collect();
    due.sort_unstable();
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(journal.due(None, end, 1000).expect("due"), due);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_on_disk_behaves_like_the_model(acts in prop::collection::vec(act(), 1..30)) {
        let disk = SimulatedDisk::new();
        let mut model = Model::default();
        let (mut journal, mut epoch) = open(&disk);
        for act in acts {
            match act {
                Act::Append(steps) => {
                    let writes = model.append(&steps);
                    journal.append(epoch, &writes).expect("an append");
                }
                Act::Refused(n) => {
                    let mut changed = model.clone();
                    let mut writes = changed.append(&[(n, 10, 0)]);
                    let gap = vec![record(run(90), 7, RecordKind::TaskStarted)];
                    writes.push(Batch::of_records(run(90), gap).with_row(row(run(90))).into());
                    let error = journal.append(epoch, &writes).expect_err("a gap");
                    prop_assert!(error.is_refusal());
                }
                Act::Remove(n) => {
                    let ended = model.runs.get(&run(n)).is_none_or(|(row, _)| row.phase.is_final());
                    let result = journal.append(epoch, &[Write::Remove(run(n))]);
                    prop_assert_eq!(result.is_ok(), ended);
                    if ended {
                        model.runs.remove(&run(n));
                    }
                }
                Act::Reopen => {
                    drop(journal);
                    (journal, epoch) = open(&disk);
                }
                Act::Cut(after, seed) => {
                    let mut changed = model.clone();
                    let writes = changed.append(&[(2, 700, 1), (3, 0, 0)]);
                    disk.cut_power_after(after);
                    let acknowledged = journal.append(epoch, &writes).is_ok();
                    drop(journal);
                    disk.restart(seed);
                    (journal, epoch) = open(&disk);
                    let kept = read(&journal) == changed;
                    prop_assert!(kept || !acknowledged, "an acknowledged append was lost");
                    if !kept {
                        journal.append(epoch, &writes).expect("the same append, again");
                    }
                    model = changed;
                }
            }
            check(&journal, &model);
        }
    }
}
