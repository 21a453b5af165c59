//! Nodes into the typed tree, with every mistake reported at once.
//!
//! Reading goes on after a mistake with a harmless stand-in; the tree is only handed out when
//! nothing was reported as an error.

pub(super) mod authentication;
mod call;
pub(super) mod document;
mod event;
pub(super) mod extension;
mod fields;
mod flow;
pub(super) mod http;
mod later;
pub(super) mod outcome;
pub(super) mod process;
pub(super) mod remote;
mod schedule;
mod scope;
pub(super) mod task;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::expression::Expression;

use super::node::{Node, Shape};
use super::report::Report;
use super::schema::Schema;
use super::suggestion::{alternatives, nearest};
use super::tree::Tree;

pub(super) use value::inner;

/// What is known while a document is read.
struct Reader<'a> {
    report: &'a mut Report,
    catalog: &'a Catalog,
    root: &'a Node,
    /// The entries of each part of `use`.
    shared: BTreeMap<&'a str, BTreeMap<&'a str, &'a Node>>,
    /// The names under `use.secrets`.
    secrets: BTreeSet<&'a str>,
    /// The variables that the document's `catch` blocks bind.
    bindings: BTreeSet<&'a str>,
    /// Functions of the catalog that were called so far, with their schemas compiled.
    called: BTreeMap<(String, String), Called>,
    /// Expressions so far; the same text with the same variables is compiled once.
    compiled: BTreeMap<(String, Vec<String>), Expression>,
}

/// A function of the catalog as a call needs it.
#[derive(Clone)]
struct Called {
    arguments: Option<Schema>,
    result: Option<Schema>,
}

/// Reads the tree of a document.
pub(crate) fn read(report: &mut Report, root: &Node, catalog: &Catalog) -> Tree {
    let uses = root.get("use");
    let secrets = uses.and_then(|uses| uses.get("secrets"));
    let secrets = secrets.map_or(&[][..], Node::items).iter();
    let mut bindings = BTreeSet::from(["error"]);
    collect_bindings(root, &mut bindings);
    let mut reader = Reader {
        report,
        catalog,
        root,
        shared: uses
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|part| (part.key.as_str(), by_key(&part.value)))
            .collect(),
        secrets: secrets.filter_map(Node::as_text).collect(),
        bindings,
        called: BTreeMap::new(),
        compiled: BTreeMap::new(),
    };
    reader.document()
}

fn by_key(node: &Node) -> BTreeMap<&str, &Node> {
    let entries = node.entries().iter();
    entries
        .map(|entry| (entry.key.as_str(), &entry.value))
        .collect()
}

fn collect_bindings<'n>(node: &'n Node, names: &mut BTreeSet<&'n str>) {
    match &node.shape {
        Shape::List(items) => items.iter().for_each(|item| collect_bindings(item, names)),
        Shape::Map(entries) => {
            let binding = node.get("catch").and_then(|catch| catch.get("as"));
            names.extend(binding.and_then(Node::as_text));
            entries
                .iter()
                .for_each(|entry| collect_bindings(&entry.value, names));
        }
        _ => {}
    }
}

impl<'a> Reader<'a> {
    /// Looks up a shared part when the node is a name; `Some(None)` when there is no such part.
    fn shared_by_name(
        &mut self,
        node: &Node,
        part: &str,
        code: &'static str,
        what: &str,
    ) -> Option<Option<&'a Node>> {
        let name = node.as_text()?;
        let shared = self.shared.get(part);
        let found = shared.and_then(|shared| shared.get(name)).copied();
        if found.is_none() {
            let known = shared.into_iter().flat_map(|shared| shared.keys().copied());
            let help = match nearest(name, known.clone()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if known.clone().next().is_none() => {
                    format!("there is nothing under `use.{part}`")
                }
                None => format!("known: {}", alternatives(known)),
            };
            self.report
                .error(code, node.span, format!("there is no {what} `{name}`"))
                .help(help);
        }
        Some(found)
    }
}
