//! `emit` and `listen`.

use std::collections::BTreeMap;

use crate::StandardCall;
use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::definition::tree::{
    Correlation, EachEvent, EventFilter, Listen, Outflow, Reading, Strategy, TaskKind, TaskList,
    Until,
};

use super::Reader;
use super::scope::{Place, Scope};
use super::value::STAND_IN;

impl Reader<'_> {
    pub(super) fn emit(&mut self, node: &Node, scope: &Scope) -> TaskKind {
        if !self.catalog.performs(StandardCall::Emit) {
            let why = "nothing that runs this definition publishes events";
            self.not_executed(node.span, "`emit`", why);
        }
        let mut attributes = STAND_IN;
        if self.keys(node, &["event"])
            && let Some(event) = self.required(node, "event", node.span)
            && self.keys(event, &["with"])
            && let Some(with) = self.required(event, "with", event.span)
            && self.is_map(with)
        {
            self.required(with, "type", with.span);
            attributes = self.template(with, Place::Task, scope);
        }
        TaskKind::Emit(attributes)
    }

    pub(super) fn listen(
        &mut self,
        task: &Node,
        node: &Node,
        pointer: &str,
        scope: &Scope,
    ) -> TaskKind {
        let unknown = || TaskKind::Unsupported("listen".to_owned());
        if !self.keys(node, &["to", "read"]) {
            return unknown();
        }
        let read = node.get("read").and_then(|read| {
            self.word(read, &["data", "envelope", "raw"])
                .map(|word| match word {
                    "data" => Reading::Data,
                    _ => Reading::Envelope,
                })
        });
        let Some(to) = self.required(node, "to", node.span) else {
            return unknown();
        };
        let Some(to) = self.strategy(to, scope) else {
            return unknown();
        };
        let each = task
            .get("foreach")
            .map(|each| self.each_event(each, pointer, scope));
        TaskKind::Listen(Box::new(Listen {
            to,
            read: read.unwrap_or_default(),
            each,
        }))
    }

    pub(super) fn strategy(&mut self, node: &Node, scope: &Scope) -> Option<Strategy> {
        if !self.keys(node, &["one", "all", "any", "until"]) {
            return None;
        }
        let kinds = ["one", "all", "any"];
        let given = kinds.iter().filter_map(|kind| node.entry(kind));
        let [entry] = given.collect::<Vec<_>>()[..] else {
            let message = "`to` has exactly one of `one`, `all` and `any`";
            self.report.error(codes::NOT_ALLOWED, node.span, message);
            return None;
        };
        let value = &entry.value;
        if entry.key != "any"
            && let Some(until) = node.entry("until")
        {
            let message = "only `any` goes on `until` something";
            self.report
                .error(codes::NOT_ALLOWED, until.key_span, message);
        }
        Some(match entry.key.as_str() {
            "one" => Strategy::One(self.event_filter(value, scope)?),
            "all" => Strategy::All(self.event_filters(value, scope)),
            _ => {
                let filters = self.event_filters(value, scope);
                Strategy::Any(filters, self.until(node.get("until"), scope))
            }
        })
    }

    fn until(&mut self, node: Option<&Node>, scope: &Scope) -> Until {
        match node {
            None => Until::First,
            Some(node) if matches!(node.shape, Shape::Map(_)) => {
                let events = self.strategy(node, scope);
                events.map_or(Until::First, |events| Until::Events(Box::new(events)))
            }
            Some(node) => self
                .expression(node, Place::Task, scope)
                .map_or(Until::First, Until::Condition),
        }
    }

    fn event_filters(&mut self, node: &Node, scope: &Scope) -> Vec<EventFilter> {
        if !self.is_list(node) {
            return Vec::new();
        }
        let items = node.items().iter();
        items
            .filter_map(|item| self.event_filter(item, scope))
            .collect()
    }

    fn event_filter(&mut self, node: &Node, scope: &Scope) -> Option<EventFilter> {
        if !self.keys(node, &["with", "correlate"]) {
            return None;
        }
        let mut filter = EventFilter {
            with: BTreeMap::new(),
            correlate: BTreeMap::new(),
        };
        let with = self.required(node, "with", node.span)?;
        if self.is_map(with) {
            for entry in with.entries() {
                let wanted = self.template(&entry.value, Place::Task, scope);
                filter.with.insert(entry.key.clone(), wanted);
            }
        }
        if let Some(correlate) = node.get("correlate")
            && self.is_map(correlate)
        {
            for entry in correlate.entries() {
                if let Some(correlation) = self.correlation(&entry.value, scope) {
                    filter.correlate.insert(entry.key.clone(), correlation);
                }
            }
        }
        Some(filter)
    }

    fn correlation(&mut self, node: &Node, scope: &Scope) -> Option<Correlation> {
        if !self.keys(node, &["from", "expect"]) {
            return None;
        }
        let from = self.required(node, "from", node.span)?;
        Some(Correlation {
            from: self.expression(from, Place::Task, scope)?,
            expect: node
                .get("expect")
                .map(|expect| self.template(expect, Place::Task, scope)),
        })
    }

    fn each_event(&mut self, node: &Node, pointer: &str, scope: &Scope) -> EachEvent {
        let mut each = EachEvent {
            item: "item".to_owned(),
            at: "index".to_owned(),
            body: TaskList::default(),
            output: Outflow::default(),
            export: Outflow::default(),
        };
        if !self.keys(node, &["item", "at", "do", "output", "export"]) {
            return each;
        }
        let mut name = |key| node.get(key).and_then(|node| self.variable(node));
        each.item = name("item").unwrap_or(each.item);
        each.at = name("at").unwrap_or(each.at);
        let inside = scope.with([each.item.as_str(), each.at.as_str()]);
        if let Some(body) = node.get("do") {
            each.body = self.task_list(body, &format!("{pointer}/foreach/do"), &inside);
        }
        each.output = self.outflow(node, "output", Place::Task, &inside);
        each.export = self.outflow(node, "export", Place::Export, &inside);
        each
    }
}
