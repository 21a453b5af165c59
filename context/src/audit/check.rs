//! The check that everything is as it was: leaves, tree, commits, indexes and texts.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::log::frontier;
use super::{AuditReport, Flaw, Frontier, Hash, Leaf, Origin, TILE_LEAVES, Tree};
use super::{encode_tile, indexes};
use crate::head::read_head;
use crate::key::{self, ScopeId, prefix_end};
use crate::keyring::Keyring;
use crate::reading::find_scope;
use crate::store::{Order, Reader};
use crate::writer::{commit_digest, run_hash};
use crate::{ContextError, Scope, Snapshot};

/// Flaws that a report lists; a damaged trail may have millions.
const FLAWS_MAX: usize = 100;

/// Reads the whole trail and everything it speaks of.
pub(super) fn check(rows: &dyn Reader, keys: &Keyring) -> Result<AuditReport, ContextError> {
    let mut audit = Audit::new(rows);
    audit.leaves()?;
    audit.tree()?;
    audit.commits()?;
    audit.scopes()?;
    for flaw in indexes::differences(rows, keys)? {
        audit.flaw(flaw);
    }
    Ok(audit.report)
}

/// One check in progress.
struct Audit<'a> {
    rows: &'a dyn Reader,
    report: AuditReport,
    frontier: Frontier,
    /// For each run, by scope and name, the number of the record that should come next.
    runs: BTreeMap<(Scope, String), u64>,
    /// Leaves of commits.
    context_leaves: u64,
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
            context_leaves: 0,
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
                let index = key::audit_run(&run_hash(&leaf.scope, &run), seq);
                let there = self.rows.get(&index).ok().flatten();
                if there.as_deref() != Some(position.to_be_bytes().as_slice()) {
                    self.flaw(Flaw::RunIndex { position });
                }
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
                self.context_leaves += 1;
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

    /// Compares the two tables of scopes with each other and with what the head counts, and the
    /// index of runs with the number of leaves that it leads to.
    fn scopes(&mut self) -> Result<(), ContextError> {
        let mut paths = Vec::new();
        each(self.rows, &key::scope_paths(), &mut |key, path| {
            let number = key.last_chunk().copied().map(u32::from_be_bytes);
            paths.push((number.map(ScopeId), path.to_vec()));
        })?;
        let mut names = 0;
        each(self.rows, &key::scope(&[]), &mut |_, _| names += 1)?;
        let counted = read_head(self.rows)?.unwrap_or_default().scope as usize;
        let mut same = paths.len() == counted && names == counted;
        for (number, path) in paths {
            same &= number.is_some() && find_scope(self.rows, &path)? == number;
        }
        if !same {
            self.flaw(Flaw::Index { table: 'S' });
        }
        let mut indexed = 0;
        each(self.rows, &key::audit_runs(), &mut |_, _| indexed += 1)?;
        let leaves: u64 = self.report.size - self.context_leaves;
        if indexed != leaves {
            self.flaw(Flaw::Index { table: 'r' });
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

fn each(
    rows: &dyn Reader,
    prefix: &[u8],
    visit: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<(), ContextError> {
    let end = prefix_end(prefix);
    Ok(
        rows.range(prefix, &end, Order::Ascending, &mut |key, value| {
            visit(key, value);
            ControlFlow::Continue(())
        })?,
    )
}
