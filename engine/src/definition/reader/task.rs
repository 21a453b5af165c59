//! Task lists, tasks, and what all tasks have in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::codes;
use crate::definition::node::{Entry, Node, Shape, escape};
use crate::definition::span::Span;
use crate::definition::suggestion::{alternatives, nearest};
use crate::definition::tree::{Flow, Task, TaskKind, TaskList};

use super::Reader;
use super::scope::{Place, Scope};

/// The names of the tasks of one list.
pub(super) type Siblings<'n> = BTreeSet<&'n str>;

/// The words that say what a task does.
pub(in crate::definition) const TASK_WORDS: &[&str] = &[
    "call", "do", "emit", "for", "fork", "listen", "raise", "run", "set", "switch", "try", "wait",
];

/// The keys that every task may have.
pub(in crate::definition) const COMMON_KEYS: &[&str] = &[
    "if", "input", "output", "export", "timeout", "then", "metadata",
];

/// Returns the keys that go with a word, beside the common ones.
pub(in crate::definition) fn keys_of(word: &str) -> &'static [&'static str] {
    match word {
        "call" => &["call", "with"],
        "do" => &["do"],
        "emit" => &["emit"],
        "for" => &["for", "while", "do"],
        "fork" => &["fork"],
        "listen" => &["listen", "foreach"],
        "raise" => &["raise"],
        "run" => &["run"],
        "set" => &["set"],
        "switch" => &["switch"],
        "try" => &["try", "catch"],
        _ => &["wait"],
    }
}

impl Reader<'_> {
    /// Reads the tasks of one scope; `pointer` is where the list stands.
    pub(super) fn task_list(&mut self, node: &Node, pointer: &str, scope: &Scope) -> TaskList {
        let named = self.named_items(node, "task");
        let names: Siblings = named.iter().map(|(_, entry)| entry.key.as_str()).collect();
        let tasks = named.iter().filter_map(|(at, entry)| {
            let pointer = format!("{pointer}/{at}/{}", escape(&entry.key));
            self.task(entry, pointer, scope, &names)
        });
        TaskList(tasks.collect())
    }

    /// Reads the branches of a `fork`: tasks that cannot lead to each other.
    pub(super) fn branches(&mut self, node: &Node, pointer: &str, scope: &Scope) -> TaskList {
        let named = self.named_items(node, "branch");
        let tasks = named.iter().filter_map(|(at, entry)| {
            let pointer = format!("{pointer}/{at}/{}", escape(&entry.key));
            self.task(entry, pointer, scope, &Siblings::new())
        });
        TaskList(tasks.collect())
    }

    /// Reads a list whose items are objects with one key, their name.
    pub(super) fn named_items<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
    ) -> Vec<(usize, &'n Entry)> {
        if let Shape::Map(_) = node.shape {
            let message = format!("expected a list of {what}s, found an object");
            self.report
                .error(codes::WRONG_KIND, node.span, message)
                .help(format!("put `- ` before each {what}"));
            return Vec::new();
        }
        if !self.is_list(node) {
            return Vec::new();
        }
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut named = Vec::new();
        for (at, item) in node.items().iter().enumerate() {
            let Some(entry) = self.only_entry(item, what) else {
                continue;
            };
            if let Some(first) = seen.insert(&entry.key, entry.key_span) {
                let message = format!("the name `{}` is given twice in this list", entry.key);
                self.report
                    .error(codes::DUPLICATE_NAME, entry.key_span, message)
                    .related("it is given here first", first);
            }
            named.push((at, entry));
        }
        named
    }

    fn only_entry<'n>(&mut self, item: &'n Node, what: &str) -> Option<&'n Entry> {
        match item.entries() {
            [only] => Some(only),
            [first, second, ..] => {
                let message = format!(
                    "a {what} has one name, here are `{}` and `{}`",
                    first.key, second.key
                );
                let help = if matches!(first.value.shape, Shape::Null) {
                    format!("indent `{}` deeper than `{}`", second.key, first.key)
                } else {
                    format!("put `- ` before `{}`, or indent it deeper", second.key)
                };
                self.report
                    .error(codes::NOT_ONE_NAME, second.key_span, message)
                    .help(help);
                None
            }
            [] => {
                let message = format!("a {what} has a name: `- name: …`");
                self.report.error(codes::NOT_ONE_NAME, item.span, message);
                None
            }
        }
    }

    /// Reads one task.
    pub(super) fn task(
        &mut self,
        entry: &Entry,
        pointer: String,
        scope: &Scope,
        siblings: &Siblings<'_>,
    ) -> Option<Task> {
        let node = &entry.value;
        if let Shape::Null = node.shape {
            let message = format!("the task `{}` is empty", entry.key);
            self.report
                .error(codes::NO_TASK_WORD, entry.key_span, message)
                .help("indent its keys deeper than its name");
            return None;
        }
        if !self.is_map(node) {
            return None;
        }
        let Some(word) = self.task_word(entry) else {
            self.common(node, scope, siblings);
            return None;
        };
        let known: Vec<&str> = [keys_of(word), COMMON_KEYS].concat();
        self.keys(node, &known);
        self.free_object(node, "metadata");
        Some(Task {
            name: entry.key.clone(),
            span: entry.key_span,
            condition: node
                .get("if")
                .and_then(|node| self.expression(node, Place::Task, scope)),
            input: self.intake(node, Place::Task, scope),
            output: self.outflow(node, "output", Place::Task, scope),
            export: self.outflow(node, "export", Place::Export, scope),
            timeout: self.timeout(node, Place::Task, scope),
            then: self.flow(node.get("then"), siblings),
            kind: self.task_kind(word, node, &pointer, scope, siblings),
            pointer,
        })
    }

    /// Checks what all tasks have in common, of one whose word is not known.
    fn common(&mut self, node: &Node, scope: &Scope, siblings: &Siblings<'_>) {
        if let Some(condition) = node.get("if") {
            self.expression(condition, Place::Task, scope);
        }
        self.intake(node, Place::Task, scope);
        self.outflow(node, "output", Place::Task, scope);
        self.outflow(node, "export", Place::Export, scope);
        self.timeout(node, Place::Task, scope);
        self.flow(node.get("then"), siblings);
    }

    fn task_word(&mut self, entry: &Entry) -> Option<&'static str> {
        let node = &entry.value;
        let has = |word: &&&str| node.get(word).is_some();
        let mut found: Vec<&'static str> = TASK_WORDS.iter().filter(has).copied().collect();
        if found.contains(&"for") {
            found.retain(|word| *word != "do");
        }
        match found[..] {
            [word] => Some(word),
            [first, second, ..] => {
                let message =
                    format!("a task does one thing, this one has `{first}` and `{second}`");
                let place = |word| {
                    node.entry(word)
                        .map_or(entry.key_span, |entry| entry.key_span)
                };
                let later = if place(first).start > place(second).start {
                    first
                } else {
                    second
                };
                let earlier = if later == first { second } else { first };
                self.report
                    .error(codes::TWO_TASK_WORDS, place(later), message)
                    .related("the first one", place(earlier))
                    .help("make two tasks of it");
                None
            }
            [] => {
                self.no_task_word(entry);
                None
            }
        }
    }

    fn no_task_word(&mut self, entry: &Entry) {
        let unknown = entry
            .value
            .entries()
            .iter()
            .filter(|key| !COMMON_KEYS.contains(&key.key.as_str()));
        let mut mistyped = unknown.map(|key| (key, nearest(&key.key, TASK_WORDS.iter().copied())));
        let first = mistyped.clone().next();
        let (place, message, help) = match (mistyped.find(|(_, word)| word.is_some()), first) {
            (Some((key, Some(word))), _) => (
                key.key_span,
                format!("unknown task word `{}`", key.key),
                format!("did you mean `{word}`?"),
            ),
            (_, Some((key, _))) => (
                key.key_span,
                format!("unknown task word `{}`", key.key),
                format!(
                    "a task has one of {}",
                    alternatives(TASK_WORDS.iter().copied())
                ),
            ),
            _ => (
                entry.key_span,
                format!("the task `{}` does not say what it does", entry.key),
                format!(
                    "a task has one of {}",
                    alternatives(TASK_WORDS.iter().copied())
                ),
            ),
        };
        self.report
            .error(codes::NO_TASK_WORD, place, message)
            .help(help);
    }

    fn task_kind(
        &mut self,
        word: &'static str,
        node: &Node,
        pointer: &str,
        scope: &Scope,
        siblings: &Siblings<'_>,
    ) -> TaskKind {
        let Some(entry) = node.entry(word) else {
            return TaskKind::Unsupported(word.to_owned());
        };
        let value = &entry.value;
        match word {
            "do" => TaskKind::Do(self.task_list(value, &format!("{pointer}/do"), scope)),
            "set" => TaskKind::Set(self.template(value, Place::Task, scope)),
            "switch" => TaskKind::Switch(self.cases(value, scope, siblings)),
            "for" => self.for_each(node, value, pointer, scope),
            "fork" => self.fork(value, pointer, scope),
            "emit" => self.emit(value, scope),
            "listen" => self.listen(node, value, pointer, scope),
            "try" => self.try_catch(node, value, pointer, scope, siblings),
            "wait" => TaskKind::Wait(self.duration(value, Place::Task, scope)),
            "raise" => self.raise(value, scope),
            "run" => self.run(value, scope),
            _ => self.call(node, value, scope),
        }
    }

    /// Reads `then`.
    pub(super) fn flow(&mut self, node: Option<&Node>, siblings: &Siblings<'_>) -> Flow {
        let Some((node, text)) = node.and_then(|node| Some((node, self.text(node)?))) else {
            return Flow::Continue;
        };
        match text {
            "continue" => Flow::Continue,
            "exit" => Flow::Exit,
            "end" => Flow::End,
            name if siblings.contains(name) => Flow::Task(name.to_owned()),
            name => {
                self.unknown_target(node, name, siblings);
                Flow::Continue
            }
        }
    }

    fn unknown_target(&mut self, node: &Node, name: &str, siblings: &Siblings<'_>) {
        if self.report.is_full() {
            return;
        }
        if let Some(elsewhere) = find_task(self.root, name) {
            let message = format!("the task `{name}` is in another list, `then` cannot lead there");
            self.report
                .error(codes::OTHER_SCOPE, node.span, message)
                .related("the task is here", elsewhere)
                .help("leave this list with `exit` and branch outside, or move the task");
            return;
        }
        let words = ["continue", "exit", "end"];
        let known = siblings.iter().copied().chain(words);
        let help = match nearest(name, known.clone()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("in this list there are {}", alternatives(known)),
        };
        self.report
            .error(
                codes::UNKNOWN_TARGET,
                node.span,
                format!("there is no task `{name}` in this list"),
            )
            .label("not in this list")
            .help(help);
    }
}

/// Finds a task of that name anywhere in the document.
fn find_task(root: &Node, name: &str) -> Option<Span> {
    let in_list = |items: &[Node]| {
        let mut entries = items.iter().flat_map(|item| item.entries().first());
        entries
            .find(|entry| entry.key == name && is_task(&entry.value))
            .map(|entry| entry.key_span)
    };
    match &root.shape {
        Shape::List(items) => {
            in_list(items).or_else(|| items.iter().find_map(|item| find_task(item, name)))
        }
        Shape::Map(entries) => entries
            .iter()
            .find_map(|entry| find_task(&entry.value, name)),
        _ => None,
    }
}

fn is_task(node: &Node) -> bool {
    TASK_WORDS.iter().any(|word| node.get(word).is_some())
}
