//! The head: the one row that every commit rewrites, with all that the writer counts.

use crate::audit::{Frontier, Hash};
use crate::codec::{Decoder, Encoder};
use crate::key::{self, RowKey, ScopeId};
use crate::store::Reader;
use crate::{ContextError, Snapshot};

/// The format of the stored rows that this version writes.
pub(crate) const FORMAT: u64 = 2;

/// Up to where the blocks of the indexes are complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// The last commit in them.
    pub(crate) snapshot: Snapshot,
    /// The leaves of the audit trail up to and with that of the commit.
    pub(crate) leaves: u64,
}

impl Watermark {
    pub(crate) fn at(head: &Head) -> Self {
        Self {
            snapshot: head.snapshot,
            leaves: head.frontier.size(),
        }
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.snapshot.number()).number(self.leaves);
        out.finish()
    }

    pub(crate) fn read(rows: &dyn Reader) -> Result<Self, ContextError> {
        let Some(bytes) = rows.get(&watermark_key())? else {
            return Ok(Self::default());
        };
        let mut input = Decoder::new(&bytes);
        let parts = input.number().zip(input.number());
        let (snapshot, leaves) = parts.ok_or_else(|| ContextError::damaged("the watermark"))?;
        Ok(Self {
            snapshot: Snapshot::from_number(snapshot),
            leaves,
        })
    }
}

pub(crate) fn watermark_key() -> RowKey {
    key::meta("indexed")
}

/// What the writer counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last commit.
    pub(crate) snapshot: Snapshot,
    /// The last scope that was given a number.
    pub(crate) scope: u32,
    /// The right edge of the audit trail.
    pub(crate) frontier: Frontier,
}

impl Head {
    pub(crate) fn next_scope(&mut self) -> ScopeId {
        self.scope += 1;
        ScopeId(self.scope)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.snapshot.number());
        out.number(u64::from(self.scope));
        out.number(self.frontier.size());
        for root in self.frontier.roots() {
            out.raw(root.as_bytes());
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        let snapshot = Snapshot::from_number(input.number()?);
        let scope = input.small()?;
        let size = input.number()?;
        let roots: Option<_> = (0..size.count_ones())
            .map(|_| input.raw().map(Hash::from_bytes))
            .collect();
        Some(Self {
            snapshot,
            scope,
            frontier: Frontier::from_parts(size, roots?)?,
        })
    }
}

pub(crate) fn head_key() -> RowKey {
    key::meta("head")
}

pub(crate) fn format_key() -> RowKey {
    key::meta("format")
}

pub(crate) fn encode_format() -> Vec<u8> {
    FORMAT.to_be_bytes().to_vec()
}

/// Reads the head; `None` when the store is new.
pub(crate) fn read_head(rows: &dyn Reader) -> Result<Option<Head>, ContextError> {
    let Some(format) = rows.get(&format_key())? else {
        return Ok(None);
    };
    let format = format.try_into().map(u64::from_be_bytes);
    let found = format.map_err(|_| ContextError::damaged("the format number"))?;
    if found < FORMAT {
        return Err(ContextError::OlderFormat {
            found,
            supported: FORMAT,
        });
    }
    if found > FORMAT {
        return Err(ContextError::NewerFormat {
            found,
            supported: FORMAT,
        });
    }
    let head = rows.get(&head_key())?.unwrap_or_default();
    Head::decode(&head)
        .map(Some)
        .ok_or_else(|| ContextError::damaged("the head"))
}
