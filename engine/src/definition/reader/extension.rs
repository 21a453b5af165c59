//! `use.extensions`.

use crate::definition::codes;
use crate::definition::node::{Node, escape};
use crate::definition::tree::{Extension, TaskList};

use super::Reader;
use super::scope::{Place, Scope};

/// The kinds of tasks that can be extended. `composite` is `do` and `fork`.
pub(in crate::definition) const KINDS: &[&str] = &[
    "call",
    "composite",
    "emit",
    "for",
    "listen",
    "raise",
    "run",
    "set",
    "switch",
    "try",
    "wait",
    "all",
];

impl Reader<'_> {
    /// Reads `use.extensions`.
    pub(super) fn extensions(&mut self, uses: &Node) -> Vec<Extension> {
        let Some(node) = uses.get("extensions") else {
            return Vec::new();
        };
        let scope = Scope::default();
        let mut extensions = Vec::new();
        for (at, entry) in self.named_items(node, "extension") {
            let given = &entry.value;
            if !self.keys(given, &["extend", "when", "before", "after"]) {
                continue;
            }
            let extend = self
                .required(given, "extend", entry.key_span)
                .and_then(|extend| self.word(extend, KINDS));
            let extend = extend.unwrap_or_default().to_owned();
            let when = given
                .get("when")
                .and_then(|when| self.expression(when, Place::Task, &scope));
            let mut tasks = |key: &str| match given.get(key) {
                Some(tasks) => {
                    let pointer = format!("/use/extensions/{at}/{}/{key}", escape(&entry.key));
                    self.task_list(tasks, &pointer, &scope)
                }
                None => TaskList::default(),
            };
            let (before, after) = (tasks("before"), tasks("after"));
            if given.get("before").is_none() && given.get("after").is_none() {
                let message = "an extension does something `before` or `after`";
                self.report
                    .error(codes::MISSING_KEY, entry.key_span, message);
            }
            extensions.push(Extension {
                name: entry.key.clone(),
                extend,
                when,
                before,
                after,
            });
        }
        extensions
    }
}
