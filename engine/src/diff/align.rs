//! Which step of one run stands beside which step of the other: by stable key where a
//! definition gave one, by content inside the loops of agents.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::step::{Step, StepKind};

/// The largest gap between anchors that is aligned by content, in cells of the table; a larger
/// one is left as removed and added.
const CELLS_MAX: usize = 4_000_000;

/// A pair of positions in two lists of steps.
pub(super) type Positions = (Option<usize>, Option<usize>);

/// Aligns two lists of steps by kind and key, in the order of the first list; what only the
/// second has stands behind its predecessor there.
pub(super) fn by_key(a: &[Step], b: &[Step]) -> Vec<Positions> {
    let mut theirs: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, step) in b.iter().enumerate() {
        theirs.entry(step.key.as_str()).or_insert(position);
    }
    let mut partner: Vec<Option<usize>> = vec![None; b.len()];
    let mut own: Vec<Option<usize>> = vec![None; a.len()];
    for (position, step) in a.iter().enumerate() {
        if let Some(&other) = theirs.get(step.key.as_str())
            && partner[other].is_none()
        {
            partner[other] = Some(position);
            own[position] = Some(other);
        }
    }
    interleave(&own, &partner)
}

/// Aligns two lists of steps of agents: equal ones first, then the likeliest inside each gap.
pub(super) fn by_content(a: &[Step], b: &[Step]) -> Vec<Positions> {
    let (ours, theirs): (Vec<_>, Vec<_>) = (
        a.iter().map(anchor).collect(),
        b.iter().map(anchor).collect(),
    );
    let mut pairs = Vec::with_capacity(a.len().max(b.len()));
    for op in capture_diff_slices(Algorithm::Patience, &ours, &theirs) {
        match op {
            DiffOp::Equal {
                old_index,
                new_index,
                len,
            } => pairs.extend((0..len).map(|i| (Some(old_index + i), Some(new_index + i)))),
            DiffOp::Delete {
                old_index, old_len, ..
            } => pairs.extend((0..old_len).map(|i| (Some(old_index + i), None))),
            DiffOp::Insert {
                new_index, new_len, ..
            } => pairs.extend((0..new_len).map(|i| (None, Some(new_index + i)))),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => {
                let ours = &a[old_index..old_index + old_len];
                let theirs = &b[new_index..new_index + new_len];
                pairs.extend(
                    gap(ours, theirs)
                        .into_iter()
                        .map(|(x, y)| (x.map(|x| x + old_index), y.map(|y| y + new_index))),
                );
            }
        }
    }
    pairs
}

/// What must be equal for two steps of agents to be anchors.
fn anchor(step: &Step) -> (StepKind, &str, Option<crate::Digest>) {
    (step.kind, step.name.as_str(), step.request)
}

/// The cost of opening a gap and of making it longer; what two steps are worth as a pair.
const OPEN: i64 = 4;
const LONGER: i64 = 1;
const SAME_KIND: i64 = 3;
const SAME_NAME: i64 = 3;
const SAME_REQUEST: i64 = 6;
const OTHER_KIND: i64 = -20;

fn worth(a: &Step, b: &Step) -> i64 {
    if a.kind != b.kind {
        return OTHER_KIND;
    }
    let mut worth = SAME_KIND;
    if a.name == b.name {
        worth += SAME_NAME;
    }
    if a.request == b.request {
        worth += SAME_REQUEST;
    }
    if a.key == b.key {
        worth += 1;
    }
    worth
}

/// Aligns a gap: Needleman and Wunsch with affine gaps, over typed steps.
///
/// Source: O. Gotoh, "An improved algorithm for matching biological sequences", 1982.
fn gap(a: &[Step], b: &[Step]) -> Vec<Positions> {
    let (rows, columns) = (a.len() + 1, b.len() + 1);
    if rows * columns > CELLS_MAX {
        let ours = (0..a.len()).map(|i| (Some(i), None));
        return ours.chain((0..b.len()).map(|i| (None, Some(i)))).collect();
    }
    const FAR: i64 = i64::MIN / 4;
    let at = |row: usize, column: usize| row * columns + column;
    let mut paired = vec![FAR; rows * columns];
    let mut down = vec![FAR; rows * columns];
    let mut right = vec![FAR; rows * columns];
    paired[0] = 0;
    for row in 1..rows {
        down[at(row, 0)] = -OPEN - LONGER * (row as i64 - 1);
    }
    for column in 1..columns {
        right[at(0, column)] = -OPEN - LONGER * (column as i64 - 1);
    }
    for row in 1..rows {
        for column in 1..columns {
            let cell = at(row, column);
            let before = at(row - 1, column - 1);
            let best = paired[before].max(down[before]).max(right[before]);
            paired[cell] = best + worth(&a[row - 1], &b[column - 1]);
            let above = at(row - 1, column);
            down[cell] = (paired[above].max(right[above]) - OPEN).max(down[above] - LONGER);
            let beside = at(row, column - 1);
            right[cell] = (paired[beside].max(down[beside]) - OPEN).max(right[beside] - LONGER);
        }
    }
    trace(&paired, &down, &right, columns, (a.len(), b.len()))
}

/// Walks back from the end of the table.
fn trace(
    paired: &[i64],
    down: &[i64],
    right: &[i64],
    columns: usize,
    end: (usize, usize),
) -> Vec<Positions> {
    let (mut row, mut column) = end;
    let mut pairs = Vec::with_capacity(row + column);
    while row > 0 || column > 0 {
        let cell = row * columns + column;
        let best = paired[cell].max(down[cell]).max(right[cell]);
        if row > 0 && column > 0 && paired[cell] == best {
            (row, column) = (row - 1, column - 1);
            pairs.push((Some(row), Some(column)));
        } else if row > 0 && (column == 0 || down[cell] == best) {
            row -= 1;
            pairs.push((Some(row), None));
        } else {
            column -= 1;
            pairs.push((None, Some(column)));
        }
    }
    pairs.reverse();
    pairs
}

/// Puts what only the second list has where it stands there.
fn interleave(own: &[Option<usize>], partner: &[Option<usize>]) -> Vec<Positions> {
    // What stands alone in the second list, by the pair before it.
    let mut alone: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    let mut before = None;
    for (position, paired) in partner.iter().enumerate() {
        match paired {
            Some(first) => before = Some(*first),
            None => alone.entry(before).or_default().push(position),
        }
    }
    let mut pairs: Vec<Positions> = Vec::with_capacity(own.len() + partner.len());
    let mut add = |after: Option<usize>, pairs: &mut Vec<Positions>| {
        let found = alone.remove(&after).unwrap_or_default();
        pairs.extend(found.into_iter().map(|position| (None, Some(position))));
    };
    add(None, &mut pairs);
    for (position, other) in own.iter().enumerate() {
        pairs.push((Some(position), *other));
        add(Some(position), &mut pairs);
    }
    pairs
}
