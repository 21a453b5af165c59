//! Blocks: many small rows under one stored key. Most rows of this store are smaller than what
//! a tree spends on a row of its own, and rows that are neighbours share most of their keys; so
//! neighbours stand in one block, each with the part of its key that is new.
//!
//! A block holds rows of one table and one scope, whose keys have one length. It stands under
//! the key of its first row. `docs/format.md` describes its bytes.

mod fold;
mod reader;

use std::ops::ControlFlow;

pub(crate) use fold::{fold, pack};
pub(crate) use reader::Blocks;

use crate::codec::{Decoder, Encoder};
use crate::key::RowKey;
use crate::store::Visit;
use crate::tail::RowValue;

/// Bytes that table and scope take at the front of a key. A block does not reach beyond them.
pub(crate) const SHELF_BYTES: usize = 5;
/// The longest block of an index, in bytes: changing one row rewrites its block.
const INDEX_BYTES_MAX: usize = 1_000;
/// The longest block of the log, in bytes: reading one row reads its block.
const LOG_BYTES_MAX: usize = 2_000;
/// Lengths from here on stand in a number of their own.
const LONG: usize = 15;

/// A row on its way into a block.
pub(crate) type Row = (RowKey, RowValue);

/// Writes rows, in order, as one block; the first key is not part of it.
fn encode(rows: &[Row]) -> Vec<u8> {
    let mut out = Encoder::new();
    let mut last: Option<&[u8]> = None;
    for (key, value) in rows {
        let fresh = match last {
            None => &[],
            Some(last) => &key[common(last, key)..],
        };
        let short = |length: usize| length.min(LONG) as u8;
        out.byte(short(fresh.len()) | (short(value.len()) << 4));
        for length in [fresh.len(), value.len()] {
            if length >= LONG {
                out.number(length as u64);
            }
        }
        out.raw(fresh).raw(value);
        last = Some(key);
    }
    out.finish()
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The most that a row takes in a block.
fn size_of(row: &Row) -> usize {
    row.0.len() + row.1.len() + 4
}

/// Shows the rows of a block in order. `None` when the block is damaged.
fn each(first: &[u8], block: &[u8], visit: &mut Visit<'_>) -> Option<()> {
    let mut input = Decoder::new(block);
    let mut key = first.to_vec();
    while !input.is_empty() {
        let value = next(&mut input, &mut key)?;
        if visit(&key, value).is_break() {
            break;
        }
    }
    Some(())
}

/// Takes one row off the front of a block: changes the key to its key, returns its value.
fn next<'a>(input: &mut Decoder<'a>, key: &mut [u8]) -> Option<&'a [u8]> {
    let lengths = input.byte()?;
    let mut length = |short: u8| match usize::from(short) {
        LONG => input.small::<usize>(),
        short => Some(short),
    };
    let fresh = length(lengths & 0x0F)?;
    let value = length(lengths >> 4)?;
    let at = key.len().checked_sub(fresh)?;
    key[at..].copy_from_slice(input.take(fresh)?);
    input.take(value)
}

/// Finds the value under a key of a block. The outer `None` when the block is damaged.
fn find(first: &[u8], block: &[u8], wanted: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut found = None;
    each(first, block, &mut |key, value| {
        match key.cmp(wanted) {
            std::cmp::Ordering::Less => return ControlFlow::Continue(()),
            std::cmp::Ordering::Equal => found = Some(value.to_vec()),
            std::cmp::Ordering::Greater => {}
        }
        ControlFlow::Break(())
    })?;
    Some(found)
}

#[cfg(test)]
mod tests;
