//! A value that is shared, and hashed at most once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::Digest;

/// A value in the state of a run. Cloning it copies a pointer.
#[derive(Clone)]
pub(super) struct Datum(Arc<Shared>);

struct Shared {
    value: Value,
    digest: OnceLock<Digest>,
}

impl Datum {
    pub(super) fn new(value: Value) -> Self {
        Self(Arc::new(Shared {
            value,
            digest: OnceLock::new(),
        }))
    }

    pub(super) fn value(&self) -> &Value {
        &self.0.value
    }

    /// Returns the hash of the value; computed by the first caller.
    pub(super) fn digest(&self) -> Digest {
        *self
            .0
            .digest
            .get_or_init(|| Digest::of_value(&self.0.value))
    }

    /// Returns where the value lies; equal addresses mean the same value.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.value)
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}
