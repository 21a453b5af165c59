//! The audit trail of a store: appending what happened elsewhere, proofs and checkpoints.

use std::fmt;
use std::sync::Arc;

use super::check::check;
use super::{AuditReport, Flaw};
use crate::ContextError;
use crate::audit::{Checkpoint, Frontier, Hash, Leaf, Origin, PublicKey, Tree};
use crate::head::read_head;
use crate::key;
use crate::store::Reader;
use crate::tail::Rows;
use crate::writer::{Request, Shared, WriterHandle};

/// Leaves that one call may append.
const LEAVES_MAX: usize = 8_192;

/// The audit trail of one store.
#[derive(Clone)]
pub struct AuditLog {
    shared: Arc<Shared>,
    writer: Arc<WriterHandle>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").finish_non_exhaustive()
    }
}

impl AuditLog {
    pub(crate) fn new(shared: Arc<Shared>, writer: Arc<WriterHandle>) -> Self {
        Self { shared, writer }
    }

    /// Appends leaves of runs and returns their positions. A leaf that is there already is not
    /// appended again, so a caller that is unsure repeats the call.
    ///
    /// # Errors
    /// [`ContextError::Invalid`] when a record has a different leaf already, when a leaf
    /// claims to be of the context itself, or when there are more than 8,192.
    pub fn append(&self, leaves: Vec<Leaf>) -> Result<Vec<u64>, ContextError> {
        if leaves.len() > LEAVES_MAX {
            return Err(ContextError::invalid(format!(
                "at most {LEAVES_MAX} leaves are appended at once"
            )));
        }
        if leaves
            .iter()
            .any(|leaf| !matches!(leaf.origin, Origin::Run { .. }))
        {
            return Err(ContextError::invalid(
                "leaves of commits are written by the commits themselves",
            ));
        }
        self.writer.ask(|reply| Request::Leaves { leaves, reply })
    }

    /// Returns the number of leaves.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn size(&self) -> Result<u64, ContextError> {
        Ok(frontier(&self.reader()?)?.size())
    }

    /// Returns the root over the first `size` leaves.
    ///
    /// # Errors
    /// [`ContextError::Invalid`] when there are fewer leaves.
    pub fn root(&self, size: u64) -> Result<Hash, ContextError> {
        self.tree(size, |tree| tree.root())
    }

    /// Returns the leaf at a position.
    ///
    /// # Errors
    /// [`ContextError::Invalid`] when there are fewer leaves.
    pub fn leaf(&self, position: u64) -> Result<Leaf, ContextError> {
        let bytes = self.tree(position + 1, |tree| tree.leaf(position))?;
        Leaf::from_bytes(&bytes)
            .ok_or_else(|| ContextError::damaged(format!("audit leaf {position}")))
    }

    /// Returns the proof that the leaf at a position belongs to the first `size` leaves, for
    /// [`verify_inclusion`](crate::audit::verify_inclusion).
    ///
    /// # Errors
    /// [`ContextError::Invalid`] when there are fewer leaves.
    pub fn inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, ContextError> {
        check_order(position + 1, size)?;
        self.tree(size, |tree| tree.inclusion(position))
    }

    /// Returns the proof that the first `old_size` leaves are the beginning of the first
    /// `new_size`, for [`verify_consistency`](crate::audit::verify_consistency).
    ///
    /// # Errors
    /// [`ContextError::Invalid`] when there are fewer leaves.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, ContextError> {
        check_order(old_size, new_size)?;
        self.tree(new_size, |tree| tree.consistency(old_size))
    }

    /// Signs the trail as it is now, as a log of this name. Kept outside of the host, the
    /// checkpoint shows later whether anything up to it was changed.
    ///
    /// # Errors
    /// [`ContextError::Checkpoint`] when the name cannot name a log.
    pub fn checkpoint(&self, origin: &str) -> Result<Checkpoint, ContextError> {
        let frontier = frontier(&self.reader()?)?;
        let secret = self.shared.keys.signing();
        Ok(Checkpoint::sign(
            origin,
            secret,
            frontier.size(),
            frontier.root(),
        )?)
    }

    /// Returns the key that checks this store's checkpoints, as those of a log of this name.
    pub fn public_key(&self, origin: &str) -> PublicKey {
        PublicKey::new(origin, self.shared.keys.signing())
    }

    /// Compares the trail with a checkpoint that was kept elsewhere: it was signed by this
    /// store, and the trail still begins with what it vouches for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify_checkpoint(&self, kept: &Checkpoint) -> Result<Option<Flaw>, ContextError> {
        let size = kept.size;
        if kept.verify(&self.public_key(&kept.origin)).is_err() {
            return Ok(Some(Flaw::CheckpointSignature { size }));
        }
        if self.size()? < size {
            return Ok(Some(Flaw::CheckpointAhead { size }));
        }
        let differs = Flaw::CheckpointRoot { size };
        // The root is computed from the leaves themselves; tiles could have been changed too.
        let root = self.root_of_leaves(size)?;
        Ok((root != Some(kept.root)).then_some(differs))
    }

    fn root_of_leaves(&self, size: u64) -> Result<Option<Hash>, ContextError> {
        let rows = self.reader()?;
        let mut frontier = Frontier::default();
        for position in 0..size {
            let Some(leaf) = rows.get(&key::audit_leaf(position))? else {
                return Ok(None);
            };
            frontier.append(Hash::of_leaf(&leaf));
        }
        Ok(Some(frontier.root()))
    }

    /// Reads the whole trail and everything it speaks of, and reports what is not as it was.
    ///
    /// # Errors
    /// When the store cannot be read at all; damage is reported, not an error.
    pub fn verify(&self) -> Result<AuditReport, ContextError> {
        let reader = self.reader()?;
        check(&reader, &self.shared.keys)
    }

    pub(super) fn reader(&self) -> Result<Rows<'_>, ContextError> {
        self.shared.reader()
    }

    fn tree<T>(
        &self,
        size: u64,
        question: impl FnOnce(&Tree<'_>) -> Result<T, ContextError>,
    ) -> Result<T, ContextError> {
        let reader = self.reader()?;
        check_order(size, frontier(&reader)?.size())?;
        question(&Tree::new(&reader, size))
    }
}

fn check_order(small: u64, large: u64) -> Result<(), ContextError> {
    if small <= large {
        return Ok(());
    }
    Err(ContextError::invalid(format!(
        "the audit trail is asked for {small} leaves of {large}"
    )))
}

pub(super) fn frontier(rows: &dyn Reader) -> Result<Frontier, ContextError> {
    Ok(read_head(rows)?.unwrap_or_default().frontier)
}
