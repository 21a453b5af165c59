//! Definitions of routines: text in, checked tree or diagnostics out.

mod alignment;
pub(crate) mod bundle;
pub(crate) mod codes;
pub(crate) mod cron;
pub(crate) mod diagnostic;
pub(crate) mod duration;
pub(crate) mod editor;
mod json;
mod node;
mod reader;
pub(crate) mod report;
pub(crate) mod schedule;
pub(crate) mod schema;
mod shape;
pub(crate) mod span;
mod suggestion;
pub(crate) mod tree;
mod yaml;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::expression::on_large_stack;
use crate::{Catalog, Digest};

use diagnostic::Diagnostic;
use node::Node;
pub(crate) use node::escape;
use report::Report;
use schedule::Schedule;
use span::Text;
pub(crate) use suggestion::nearest;
use tree::Tree;

/// A checked definition of a routine. Cloning it is cheap.
#[derive(Clone)]
pub struct Definition(Arc<Body>);

struct Body {
    text: Text,
    root: Node,
    document: Value,
    digest: Digest,
    full_name: String,
    tree: Tree,
}

/// A definition that can be run, with what the reader remarked on.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The definition.
    pub definition: Definition,
    /// Remarks that do not stand in the way.
    pub warnings: Vec<Diagnostic>,
}

impl Definition {
    /// Reads a definition from YAML or JSON text, with these functions to call.
    ///
    /// # Errors
    ///
    /// All remarks, in the order of the text, when at least one of them is an error.
    pub fn read(source: &str, catalog: &Catalog) -> Result<Checked, Vec<Diagnostic>> {
        let mut report = Report::new(source);
        let Some(root) = yaml::read(&mut report) else {
            return Err(report.finish(None));
        };
        let tree = reader::read(&mut report, &root, catalog);
        if !report.mentions_any(codes::FLOW_UNCLEAR) {
            crate::graph::check(&tree, &mut report);
        }
        if !report.has_errors() {
            // Long expressions nest deeply; without a thread there are fewer warnings.
            let _shapes = on_large_stack(|| shape::check(&tree, &root, &mut report));
        }
        if report.has_errors() {
            return Err(report.finish(Some(&root)));
        }
        let warnings = report.finish(Some(&root));
        let document = root.to_value();
        let head = &tree.document;
        let definition = Self(Arc::new(Body {
            text: Text::new(source),
            digest: Digest::of_value(&document),
            full_name: format!("{}/{}@{}", head.namespace, head.name, head.version),
            document,
            root,
            tree,
        }));
        Ok(Checked {
            definition,
            warnings,
        })
    }

    /// Reads a definition's text as data, without checking it; nothing when it is no YAML.
    pub(crate) fn document_of(source: &str) -> Option<Value> {
        yaml::read(&mut Report::new(source)).map(|root| root.to_value())
    }

    /// Returns line and column, from 1, of what a JSON pointer names.
    ///
    /// `None` when the pointer leads nowhere at all.
    pub fn locate(&self, pointer: &str) -> Option<(usize, usize)> {
        let place = self.0.root.place_of(pointer);
        let found = pointer.is_empty() || place != self.0.root.span;
        found.then(|| self.0.text.position(place.start))
    }

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

    /// Returns when runs start by themselves, if they do.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.0.tree.schedule.as_ref()
    }

    /// Returns the names of the secrets that runs need.
    pub fn secrets(&self) -> &[String] {
        &self.0.tree.uses.secrets
    }

    /// Returns the text that was read.
    pub fn source(&self) -> &str {
        self.0.text.as_str()
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

    /// Draws the control flow in the language of Graphviz.
    pub fn to_dot(&self) -> String {
        crate::graph::dot(&self.0.tree)
    }

    /// Draws the control flow in the language of Mermaid.
    pub fn to_mermaid(&self) -> String {
        crate::graph::mermaid(&self.0.tree)
    }

    /// Draws the control flow as a picture (SVG) that stands alone.
    pub fn to_svg(&self) -> String {
        crate::graph::svg(&self.0.tree)
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

/// Reads any document, YAML or JSON, with the limits of definitions; `None` when it is neither.
#[cfg(feature = "http")]
pub(crate) fn value_of(text: &str) -> Option<Value> {
    let mut report = Report::new(text);
    let root = yaml::read(&mut report)?;
    (!report.has_errors()).then(|| root.to_value())
}
