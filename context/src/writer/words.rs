//! Word lists: appending to them and taking out of them.

use std::ops::ControlFlow;

use crate::key::{self, ScopeId};
use crate::store::{Order, Reader};
use crate::text::{Posting, append_posting, postings};
use crate::writer::{Row, Stage, last_with_prefix};
use crate::{ContextError, ItemId};

/// The longest chunk of a word's list, in bytes: appending to it rewrites it.
const CHUNK_BYTES_MAX: usize = 512;

/// Appends a document to the list of a word. Documents come in the order of their ids.
pub(crate) fn append(
    stage: &mut Stage<'_>,
    scope: ScopeId,
    hash: u64,
    posting: Posting,
) -> Result<(), ContextError> {
    let last = last_with_prefix(stage, &key::word_chunks(scope, hash))?;
    let (key, mut chunk) = match last {
        Some((key, chunk)) if chunk.len() < CHUNK_BYTES_MAX => (key, chunk),
        _ => (key::word(scope, hash, posting.item), Vec::new()),
    };
    let before = postings(&chunk).last().map(|posting| posting.item);
    append_posting(&mut chunk, before, posting);
    stage.put(key, chunk);
    Ok(())
}

/// Takes a document out of the list of a word.
pub(crate) fn remove(
    stage: &mut Stage<'_>,
    scope: ScopeId,
    hash: u64,
    item: ItemId,
) -> Result<(), ContextError> {
    let Some((key, chunk)) = chunk_with(stage, scope, hash, item)? else {
        return Ok(());
    };
    let mut kept = Vec::new();
    let mut first = None;
    let mut last = None;
    for posting in postings(&chunk).filter(|posting| posting.item != item) {
        append_posting(&mut kept, last, posting);
        last = Some(posting.item);
        first = first.or(last);
    }
    stage.remove(key);
    if let Some(first) = first {
        stage.put(key::word(scope, hash, first), kept);
    }
    Ok(())
}

/// Finds the chunk that a document is in, if it is in the list at all: the last one that
/// begins at or before it.
fn chunk_with(
    stage: &Stage<'_>,
    scope: ScopeId,
    hash: u64,
    item: ItemId,
) -> Result<Option<Row>, ContextError> {
    let from = key::word_chunks(scope, hash);
    let mut to = key::word(scope, hash, item);
    to.push(0);
    let mut found = None;
    stage.range(&from, &to, Order::Descending, &mut |key, chunk| {
        found = Some((key.to_vec(), chunk.to_vec()));
        ControlFlow::Break(())
    })?;
    Ok(found)
}
