//! Pulling the plug: whatever was acknowledged is there after the power comes back, whole, and
//! nothing is there by half.

use std::io;
use std::sync::{Arc, Mutex};

use layercake_context::store::{Disk, RedbStore};
use layercake_context::{Context, MemoryVault, Pattern, Recall, Snapshot, Vault};
use proptest::prelude::*;

use crate::fixture::{agent, commit, says};

/// A disk that loses what was not synced, and some of it not: each unsynced write is kept or
/// lost by a coin, as a real disk reorders them.
#[derive(Debug, Clone, Default)]
struct ShakyDisk {
    state: Arc<Mutex<Shaky>>,
}

#[derive(Debug, Default)]
struct Shaky {
    bytes: Vec<u8>,
    /// Bytes as of the last sync.
    synced: Vec<u8>,
    /// Writes since then, in order.
    pending: Vec<Write>,
    writes: u64,
    /// The write before which the power goes.
    cut_at: Option<u64>,
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Bytes(offset, data) => {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl Shaky {
    fn change(&mut self, write: Write) -> io::Result<()> {
        self.check_power()?;
        write.apply(&mut self.bytes);
        self.pending.push(write);
        Ok(())
    }

    fn check_power(&mut self) -> io::Result<()> {
        self.writes += 1;
        match self.cut_at {
            Some(cut) if self.writes > cut => Err(io::Error::other("the power is gone")),
            _ => Ok(()),
        }
    }
}

impl ShakyDisk {
    fn writes(&self) -> u64 {
        self.state.lock().unwrap().writes
    }

    fn cut_at(&self, write: u64) {
        self.state.lock().unwrap().cut_at = Some(write);
    }

    /// The disk as it comes back: the synced bytes, and of the later writes those that the
    /// coins keep.
    fn after_the_cut(&self, coins: u64) -> Self {
        let state = self.state.lock().unwrap();
        let mut bytes = state.synced.clone();
        for (i, write) in state.pending.iter().enumerate() {
            if coins >> (i % 64) & 1 == 1 {
                write.apply(&mut bytes);
            }
        }
        Self {
            state: Arc::new(Mutex::new(Shaky {
                synced: bytes.clone(),
                bytes,
                ..Shaky::default()
            })),
        }
    }
}

impl Disk for ShakyDisk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let from = offset as usize;
        let stored = state.bytes.get(from..from + out.len());
        out.copy_from_slice(stored.ok_or_else(|| io::Error::other("beyond the end"))?);
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change(Write::Length(length as usize))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.check_power()?;
        state.synced = state.bytes.clone();
        state.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change(Write::Bytes(offset as usize, data.to_vec()))
    }
}

fn open(disk: &ShakyDisk, vault: &Arc<dyn Vault>, entropy: u8) -> Option<Context> {
    let store = RedbStore::on_disk(disk.clone()).ok()?;
    Context::open(Arc::new(store), Arc::clone(vault), [entropy; 32]).ok()
}

/// Commits until the power goes; returns the last acknowledged snapshot.
fn write_until_cut(disk: &ShakyDisk, vault: &Arc<dyn Vault>, commits: u64) -> Snapshot {
    let mut acknowledged = Snapshot::default();
    let Some(context) = open(disk, vault, 1) else {
        return acknowledged;
    };
    for i in 1..=commits {
        let ops = [
            says(&format!("n{i}"), "holds", "water"),
            says("hub", "holds", "water"),
        ];
        match context.commit(&agent(), commit(ops)) {
            Ok(receipt) => acknowledged = receipt.snapshot,
            Err(_) => break,
        }
    }
    acknowledged
}

const COMMITS: u64 = 6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Property 4: after a power cut at any write, with any of the unsynced writes lost, every
    /// acknowledged commit is there, no commit is there by half, and the audit trail holds.
    #[test]
    fn a_power_cut_loses_nothing_acknowledged(at in 0.0..1.0_f64, coins: u64) {
        let vault: Arc<dyn Vault> = Arc::new(MemoryVault::new());
        let whole = ShakyDisk::default();
        write_until_cut(&whole, &vault, COMMITS);
        let cut = (whole.writes() as f64 * at) as u64;

        let vault: Arc<dyn Vault> = Arc::new(MemoryVault::new());
        let disk = ShakyDisk::default();
        disk.cut_at(cut);
        let acknowledged = write_until_cut(&disk, &vault, COMMITS);

        let back = disk.after_the_cut(coins);
        let Some(context) = open(&back, &vault, 2) else {
            prop_assert_eq!(acknowledged, Snapshot::default(), "the store does not open");
            return Ok(());
        };
        let last = context.snapshot();
        prop_assert!(last >= acknowledged, "{} of {}", last, acknowledged);
        let view = context.latest(&agent());
        let found = view.query(&Pattern::anything().predicate("holds")).unwrap();
        prop_assert_eq!(found.assertions.len() as u64, 2 * last.number());
        let recalled = view.recall(&Recall::of("water").limit(100)).unwrap();
        prop_assert_eq!(recalled.items.len() as u64, 2 * last.number());
        let report = context.audit().verify().unwrap();
        prop_assert_eq!(report.flaws, vec![]);
        prop_assert_eq!(report.commits, last.number());
        context.commit(&agent(), commit([says("after", "holds", "water")])).unwrap();
    }
}
