//! Leases: who holds the right to change something, and since which epoch. A writer that slept
//! through the end of its lease is told so by its next commit.

use crate::codec::Decoder;
use crate::commit::NAME_BYTES_MAX;
use crate::key;
use crate::reading::Reading;
use crate::row::{LeaseRow, LogRow};
use crate::writer::draft::Draft;
use crate::{Actor, ContextError, ItemId, Moment};

/// Takes a lease that is free or one's own; the new epoch is greater than every one before.
pub(crate) fn take(
    draft: &mut Draft<'_, '_>,
    holder: &Actor,
    resource: &str,
    until: Moment,
) -> Result<ItemId, ContextError> {
    if resource.is_empty() || resource.len() > NAME_BYTES_MAX || until <= draft.at {
        return Err(ContextError::invalid(format!(
            "a lease has a name of 1 to {NAME_BYTES_MAX} bytes and ends after the commit"
        )));
    }
    if let Some((_, row)) = current(&draft.reading(), resource)?
        && row.until > draft.at
        && row.holder != *holder
    {
        return Err(ContextError::LeaseHeld {
            resource: resource.to_owned(),
            holder: row.holder,
            until: row.until,
        });
    }
    put(draft, holder, resource, until)
}

pub(crate) fn release(
    draft: &mut Draft<'_, '_>,
    holder: &Actor,
    resource: &str,
    epoch: ItemId,
) -> Result<ItemId, ContextError> {
    check(&draft.reading(), resource, epoch, draft.at)?;
    put(draft, holder, resource, Moment::BEGINNING)
}

/// Refuses an epoch that is not the current one, or has ended.
pub(crate) fn check(
    reading: &Reading<'_>,
    resource: &str,
    epoch: ItemId,
    at: Moment,
) -> Result<(), ContextError> {
    match current(reading, resource)? {
        Some((current, row)) if current == epoch && row.until > at => Ok(()),
        _ => Err(ContextError::LeaseLost {
            resource: resource.to_owned(),
        }),
    }
}

fn put(
    draft: &mut Draft<'_, '_>,
    holder: &Actor,
    resource: &str,
    until: Moment,
) -> Result<ItemId, ContextError> {
    let row = LeaseRow {
        resource: resource.to_owned(),
        holder: holder.clone(),
        until,
    };
    let log = LogRow::Lease(row.clone());
    let epoch = draft.add_log(&log)?;
    draft.index.lease(epoch, &row);
    Ok(epoch)
}

fn current(
    reading: &Reading<'_>,
    resource: &str,
) -> Result<Option<(ItemId, LeaseRow)>, ContextError> {
    let key = key::lease(reading.scope, resource);
    let Some(bytes) = reading.rows.get(&key)? else {
        return Ok(None);
    };
    let mut input = Decoder::new(&bytes);
    let parts = input.number().zip(LeaseRow::decode(&mut input));
    let (epoch, row) = parts.ok_or_else(|| ContextError::damaged("a lease"))?;
    Ok(Some((ItemId::from_number(epoch), row)))
}
