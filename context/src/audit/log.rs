//! The audit trail of a store: appending what happened elsewhere, proofs, and the check that
//! everything is as it was.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::audit::{Frontier, Hash, Leaf, Origin, TILE_LEAVES, Tree, encode_tile};
use crate::head::read_head;
use crate::key::{self, ScopeId, prefix_end};
use crate::reading::find_scope;
use crate::store::{Order, Reader};
use crate::tail::Rows;
use crate::writer::{Request, Shared, WriterHandle, commit_digest};
use crate::{ContextError, Scope, Snapshot};

/// Flaws that a report lists; a damaged trail may have millions.
const FLAWS_MAX: usize = 100;
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

    /// Reads the whole trail and everything it speaks of, and reports what is not as it was.
    ///
    /// # Errors
    /// When the store cannot be read at all; damage is reported, not an error.
    pub fn verify(&self) -> Result<AuditReport, ContextError> {
        let reader = self.reader()?;
        let mut audit = Audit::new(&reader);
        audit.leaves()?;
        audit.tree()?;
        audit.commits()?;
        Ok(audit.report)
    }

    fn reader(&self) -> Result<Rows<'_>, ContextError> {
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

fn frontier(rows: &dyn Reader) -> Result<Frontier, ContextError> {
    Ok(read_head(rows)?.unwrap_or_default().frontier)
}

/// What a check of the audit trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Leaves that were read.
    pub size: u64,
    /// The root over all of them, computed from the leaves themselves.
    pub root: Hash,
    /// Commits of the context whose rows were compared with their leaves.
    pub commits: u64,
    /// What is wrong, the first hundred.
    pub flaws: Vec<Flaw>,
}

/// Something in the audit trail is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The bytes are no leaf.
    #[error("leaf {position} cannot be read")]
    UnreadableLeaf {
        /// Where.
        position: u64,
    },
    /// Leaves are missing or too many.
    #[error("{found} leaves are there, and {expected} were counted")]
    LeafCount {
        /// How many are there.
        found: u64,
        /// How many the head counts.
        expected: u64,
    },
    /// The leaves do not have the root that the head keeps.
    #[error("the leaves do not add up to the root that is kept")]
    Root,
    /// A tile does not hold the hashes of its leaves.
    #[error("tile {index} of level {level} does not fit its leaves")]
    Tile {
        /// The level.
        level: u8,
        /// The index.
        index: u64,
    },
    /// The records of a run have a gap in their numbers.
    #[error("run `{run}` has leaf {found} where {expected} should follow")]
    RunGap {
        /// The run.
        run: String,
        /// The number that should come.
        expected: u64,
        /// The number that comes.
        found: u64,
    },
    /// The rows of a commit are not what its leaf vouches for.
    #[error("the rows of commit {commit} are not what leaf {position} vouches for")]
    CommitRows {
        /// The commit.
        commit: Snapshot,
        /// Its leaf.
        position: u64,
    },
    /// A commit has no leaf, or more than one.
    #[error("commit {commit} has {leaves} leaves")]
    CommitLeaves {
        /// The commit.
        commit: Snapshot,
        /// How many it has.
        leaves: u64,
    },
}

/// One check in progress.
struct Audit<'a> {
    rows: &'a dyn Reader,
    report: AuditReport,
    frontier: Frontier,
    /// For each run, by scope and name, the number of the record that should come next.
    runs: BTreeMap<(Scope, String), u64>,
    /// For each commit that a leaf speaks of: how many do, and the last one.
    commits: BTreeMap<Snapshot, (u64, Committed)>,
}

/// What a leaf says of a commit.
struct Committed {
    position: u64,
    scope: Scope,
    rows: Option<Hash>,
}

impl<'a> Audit<'a> {
    fn new(rows: &'a dyn Reader) -> Self {
        Self {
            rows,
            report: AuditReport {
                size: 0,
                root: Hash::of_nothing(),
                commits: 0,
                flaws: Vec::new(),
            },
            frontier: Frontier::default(),
            runs: BTreeMap::new(),
            commits: BTreeMap::new(),
        }
    }

    fn flaw(&mut self, flaw: Flaw) {
        if self.report.flaws.len() < FLAWS_MAX {
            self.report.flaws.push(flaw);
        }
    }

    /// Reads all leaves in order and builds the tree anew.
    fn leaves(&mut self) -> Result<(), ContextError> {
        let prefix = key::audit_leaves();
        let rows = self.rows;
        let mut next = 0;
        rows.range(
            &prefix,
            &prefix_end(&prefix),
            Order::Ascending,
            &mut |key, bytes| {
                if key::last_number(key) != Some(next) {
                    return ControlFlow::Break(());
                }
                self.frontier.append(Hash::of_leaf(bytes));
                match Leaf::from_bytes(bytes) {
                    Some(leaf) => self.leaf(next, leaf),
                    None => self.flaw(Flaw::UnreadableLeaf { position: next }),
                }
                next += 1;
                ControlFlow::Continue(())
            },
        )?;
        self.report.size = next;
        self.report.root = self.frontier.root();
        Ok(())
    }

    fn leaf(&mut self, position: u64, leaf: Leaf) {
        match leaf.origin {
            Origin::Run { run, seq } => {
                let next = self.runs.entry((leaf.scope, run.clone())).or_insert(1);
                let expected = std::mem::replace(next, seq + 1);
                if expected != seq {
                    self.flaw(Flaw::RunGap {
                        run,
                        expected,
                        found: seq,
                    });
                }
            }
            Origin::Context { commit } => {
                let rows = leaf.commitments.first().map(|commitment| commitment.hash);
                let committed = Committed {
                    position,
                    scope: leaf.scope,
                    rows,
                };
                let count = self.commits.get(&commit).map_or(0, |(count, _)| *count);
                self.commits.insert(commit, (count + 1, committed));
            }
        }
    }

    /// Compares the tree with what the head and the tiles keep of it.
    fn tree(&mut self) -> Result<(), ContextError> {
        let kept = frontier(self.rows)?;
        let found = self.frontier.size();
        if kept.size() != found {
            self.flaw(Flaw::LeafCount {
                found,
                expected: kept.size(),
            });
        } else if kept != self.frontier {
            self.flaw(Flaw::Root);
        }
        let mut level = 0_u8;
        let mut entries = found;
        while entries >= TILE_LEAVES {
            for index in 0..entries / TILE_LEAVES {
                self.tile(level, index)?;
            }
            entries /= TILE_LEAVES;
            level += 1;
        }
        Ok(())
    }

    /// Compares one tile with the level below it, which was compared before.
    fn tile(&mut self, level: u8, index: u64) -> Result<(), ContextError> {
        let stored = self.rows.get(&key::audit_tile(level, index))?;
        let computed = Tree::new(self.rows, self.frontier.size()).tile_from_below(level, index);
        let fits = computed.is_ok_and(|hashes| stored == Some(encode_tile(&hashes)));
        if !fits {
            self.flaw(Flaw::Tile { level, index });
        }
        Ok(())
    }

    /// Compares every commit with its leaf, and looks for commits without one.
    fn commits(&mut self) -> Result<(), ContextError> {
        let last = read_head(self.rows)?.unwrap_or_default().snapshot;
        let mut commit = Snapshot::default();
        let mut committed = std::mem::take(&mut self.commits);
        while commit < last {
            commit = commit.next();
            match committed.remove(&commit) {
                Some((1, leaf)) => self.commit(commit, &leaf)?,
                other => self.flaw(Flaw::CommitLeaves {
                    commit,
                    leaves: other.map_or(0, |(count, _)| count),
                }),
            }
        }
        for (commit, (leaves, _)) in committed {
            self.flaw(Flaw::CommitLeaves { commit, leaves });
        }
        Ok(())
    }

    fn commit(&mut self, commit: Snapshot, leaf: &Committed) -> Result<(), ContextError> {
        self.report.commits += 1;
        let scope: Option<ScopeId> = find_scope(self.rows, &leaf.scope.to_bytes())?;
        let rows = match scope {
            Some(scope) => Some(commit_digest(self.rows, scope, commit)?),
            None => None,
        };
        if rows.is_none() || rows != leaf.rows {
            self.flaw(Flaw::CommitRows {
                commit,
                position: leaf.position,
            });
        }
        Ok(())
    }
}
