//! The writer's part of the audit trail: appending leaves, in the same batch as what they
//! speak of.

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use crate::audit::{Frontier, Hash, Leaf, Origin, TILE_LEAVES, Tree, encode_tile};
use crate::key::{self, ScopeId, prefix_end};
use crate::stage::Stage;
use crate::store::{Order, Reader};
use crate::{ContextError, ItemId, Scope, Snapshot};

/// Appends leaves and returns their positions. A leaf that is there already, for the same
/// record of the same run, is not appended again.
pub(crate) fn append_leaves(
    stage: &mut Stage<'_>,
    frontier: &mut Frontier,
    leaves: &[Leaf],
) -> Result<Vec<u64>, ContextError> {
    leaves
        .iter()
        .map(|leaf| append_leaf(stage, frontier, leaf))
        .collect()
}

pub(crate) fn append_leaf(
    stage: &mut Stage<'_>,
    frontier: &mut Frontier,
    leaf: &Leaf,
) -> Result<u64, ContextError> {
    let bytes = leaf.to_bytes();
    let Origin::Run { run, seq } = &leaf.origin else {
        return append_bytes(stage, frontier, bytes);
    };
    let index = key::audit_run(&run_hash(&leaf.scope, run), *seq);
    if let Some(position) = stage.get(&index)? {
        let position = decode_position(&position)?;
        let there = stage.get(&key::audit_leaf(position))?;
        return if there.as_deref() == Some(bytes.as_slice()) {
            Ok(position)
        } else {
            Err(ContextError::invalid(format!(
                "record {seq} of run `{run}` is in the audit trail with different content"
            )))
        };
    }
    let position = append_bytes(stage, frontier, bytes)?;
    stage.put(index, position.to_be_bytes().to_vec());
    Ok(position)
}

fn append_bytes(
    stage: &mut Stage<'_>,
    frontier: &mut Frontier,
    bytes: Vec<u8>,
) -> Result<u64, ContextError> {
    let position = frontier.size();
    frontier.append(Hash::of_leaf(&bytes));
    stage.put(key::audit_leaf(position), bytes);
    let size = frontier.size();
    if size.is_multiple_of(TILE_LEAVES) {
        complete_tiles(stage, size)?;
    }
    Ok(position)
}

/// Writes each tile that became full with the last leaf: of leaves, of tiles, of tiles of
/// tiles.
fn complete_tiles(stage: &mut Stage<'_>, size: u64) -> Result<(), ContextError> {
    let mut level = 0_u8;
    let mut entries = size;
    while entries > 0 && entries.is_multiple_of(TILE_LEAVES) {
        let tile = entries / TILE_LEAVES - 1;
        let hashes = Tree::new(&*stage, size).tile(level, tile)?;
        stage.put(key::audit_tile(level, tile), encode_tile(&hashes));
        entries /= TILE_LEAVES;
        level += 1;
    }
    Ok(())
}

/// Hashes scope and name of a run, so that keys have one length and show no name.
pub(crate) fn run_hash(scope: &Scope, run: &str) -> [u8; 16] {
    let digest = Sha256::new_with_prefix(scope.to_bytes())
        .chain_update(run)
        .finalize();
    *digest.first_chunk().expect("16 of 32 bytes")
}

pub(crate) fn decode_position(bytes: &[u8]) -> Result<u64, ContextError> {
    let position = bytes.try_into().map(u64::from_be_bytes);
    position.map_err(|_| ContextError::damaged("a position of the audit trail"))
}

/// Hashes all rows of a commit: number, length, bytes of each, the head of the commit last.
pub(crate) fn commit_digest(
    rows: &dyn Reader,
    scope: ScopeId,
    commit: Snapshot,
) -> Result<Hash, ContextError> {
    let head = key::log_commit(scope, commit);
    let end = key::log_item(scope, ItemId::new(commit.next(), 0));
    debug_assert!(end > head && prefix_end(&head) <= end);
    let mut digest = CommitDigest::default();
    let mut last = None;
    rows.range(&head, &end, Order::Ascending, &mut |key, value| {
        let number = key::last_number(key).unwrap_or_default();
        if *key == *head {
            last = Some((number, value.to_vec()));
        } else {
            digest.row(number, value);
        }
        ControlFlow::Continue(())
    })?;
    if let Some((number, value)) = last {
        digest.row(number, &value);
    }
    Ok(digest.finish())
}

/// The hash of a commit, row by row.
#[derive(Debug, Default)]
pub(crate) struct CommitDigest(Sha256);

impl CommitDigest {
    pub(crate) fn row(&mut self, number: u64, bytes: &[u8]) {
        self.0.update(number.to_be_bytes());
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Hash {
        Hash::from_bytes(self.0.finalize().into())
    }
}
