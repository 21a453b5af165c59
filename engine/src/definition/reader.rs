//! Nodes into the typed tree, with every mistake reported at once.
//!
//! Reading goes on after a mistake with a harmless stand-in; the tree is only handed out when
//! nothing was reported as an error.

mod call;
mod document;
mod fields;
mod flow;
mod http;
mod outcome;
mod scope;
mod task;
mod value;

use std::collections::BTreeMap;

use crate::catalog::Catalog;

use super::node::Node;
use super::report::Report;
use super::suggestion::{alternatives, nearest};
use super::tree::Tree;

/// What is known while a document is read.
struct Reader<'a> {
    report: &'a mut Report,
    catalog: &'a Catalog,
    root: &'a Node,
}

/// Reads the tree of a document.
pub(crate) fn read(report: &mut Report, root: &Node, catalog: &Catalog) -> Tree {
    let mut reader = Reader {
        report,
        catalog,
        root,
    };
    reader.document()
}

impl<'a> Reader<'a> {
    /// Returns the entries of a part of `use`.
    fn shared(&self, part: &str) -> BTreeMap<&'a str, &'a Node> {
        self.root
            .get("use")
            .and_then(|uses| uses.get(part))
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
            .collect()
    }

    /// Looks up a shared part when the node is a name; `Some(None)` when there is no such part.
    fn shared_by_name(
        &mut self,
        node: &Node,
        part: &str,
        code: &'static str,
        what: &str,
    ) -> Option<Option<&'a Node>> {
        let name = node.as_text()?;
        let shared = self.shared(part);
        let found = shared.get(name).copied();
        if found.is_none() {
            let help = match nearest(name, shared.keys().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if shared.is_empty() => format!("there is nothing under `use.{part}`"),
                None => format!("known: {}", alternatives(shared.keys().copied())),
            };
            self.report
                .error(code, node.span, format!("there is no {what} `{name}`"))
                .help(help);
        }
        Some(found)
    }
}
