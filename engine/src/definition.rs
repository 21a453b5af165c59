//! Definitions of routines: text in, checked tree or diagnostics out.

pub(crate) mod diagnostic;
pub(crate) mod duration;
pub(crate) mod schema;
pub(crate) mod span;
pub(crate) mod tree;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::{Digest, definition::tree::Tree};

/// A checked definition of a routine. Cloning it is cheap.
#[derive(Clone)]
pub struct Definition(Arc<Body>);

struct Body {
    source: String,
    document: Value,
    digest: Digest,
    full_name: String,
    tree: Tree,
}

impl Definition {
    /// Returns `namespace/name@version`.
    pub fn name(&self) -> &str {
        &self.0.full_name
    }

    /// Returns the name's first half.
    pub fn namespace(&self) -> &str {
        &self.0.tree.document.namespace
    }

    /// Returns the name's second half.
    pub fn short_name(&self) -> &str {
        &self.0.tree.document.name
    }

    /// Returns the routine's version.
    pub fn version(&self) -> &str {
        &self.0.tree.document.version
    }

    /// Returns one line for people; may be empty.
    pub fn title(&self) -> &str {
        &self.0.tree.document.title
    }

    /// Returns more for people and models; may be empty.
    pub fn summary(&self) -> &str {
        &self.0.tree.document.summary
    }

    /// Returns the schema of the input, as written.
    pub fn input_schema(&self) -> Option<&Value> {
        self.0
            .tree
            .input
            .schema
            .as_ref()
            .map(|schema| schema.document())
    }

    /// Returns the text that was read.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the document as JSON.
    pub fn document(&self) -> &Value {
        &self.0.document
    }

    /// Returns the hash of the document's canonical JSON.
    ///
    /// Comments and layout do not change it.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns what the run machine walks.
    pub(crate) fn tree(&self) -> &Tree {
        &self.0.tree
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("name", &self.0.full_name)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Definition {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}
