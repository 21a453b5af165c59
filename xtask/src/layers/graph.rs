//! The graph of crates that `cargo tree` prints, and the walk over it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

/// Crates by name, each with those it depends on. Two versions of a crate are one node.
#[derive(Debug, Default)]
pub(super) struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads the output of `cargo tree --prefix depth`: lines such as `2redb v4.4.0 (*)`, in
    /// which a crate's second mention comes without its dependencies.
    pub(super) fn read(tree: &str) -> Result<Self> {
        let mut graph = Self::default();
        let mut path: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            let depth: usize = line[..digits]
                .parse()
                .with_context(|| format!("no depth in the line `{line}` of cargo tree"))?;
            let name = line[digits..].split(' ').next().unwrap_or_default();
            path.truncate(depth);
            if let Some(parent) = path.last() {
                graph.insert(parent.clone(), name);
            }
            path.push(name.to_owned());
        }
        Ok(graph)
    }

    fn insert(&mut self, from: String, to: &str) {
        self.edges.entry(from).or_default().insert(to.to_owned());
    }

    /// A path from one crate to another that does not pass through a third, if there is one.
    pub(super) fn path(&self, from: &str, to: &str, around: Option<&str>) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut open = vec![vec![from.to_owned()]];
        while let Some(path) = open.pop() {
            let here = path.last().map(String::as_str).unwrap_or_default();
            if here == to {
                return Some(path);
            }
            if Some(here) == around || !seen.insert(here.to_owned()) {
                continue;
            }
            for next in self.edges.get(here).into_iter().flatten() {
                let mut longer = path.clone();
                longer.push(next.clone());
                open.push(longer);
            }
        }
        None
    }
}
