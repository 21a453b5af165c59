//! `schedule`.

use crate::definition::codes;
use crate::definition::duration::duration_millis;
use crate::definition::node::{Entry, Node};
use crate::definition::schedule::{EventTrigger, Schedule};
use crate::definition::tree::{EventFilter, Strategy, Until};

use super::Reader;
use super::scope::{Place, Scope};

/// The shortest interval; more often is a loop, not a schedule. In milliseconds.
const INTERVAL_MS_MIN: u64 = 1_000;

impl Reader<'_> {
    /// Reads `schedule`.
    pub(super) fn schedule(&mut self, entry: &Entry) -> Option<Schedule> {
        if !self.catalog.keeps_schedules() {
            let why = "nothing that runs this definition keeps schedules; start it from outside";
            self.not_executed(entry.key_span, "`schedule`", why);
        }
        let node = &entry.value;
        if !self.keys(node, &["every", "cron", "after", "on"]) {
            return None;
        }
        let mut schedule = Schedule {
            every_ms: node.get("every").and_then(|node| self.interval(node)),
            after_ms: node.get("after").and_then(|node| self.interval(node)),
            ..Schedule::default()
        };
        if let Some(cron) = node.get("cron")
            && let Some(text) = self.text(cron)
        {
            match text.parse() {
                Ok(cron) => schedule.cron = Some(cron),
                Err(error) => {
                    let message = error.to_string();
                    self.report
                        .error(codes::CRON, cron.span, message)
                        .help("for instance `0 8 * * 1-5`: at eight, Monday to Friday");
                }
            }
        }
        if let Some(on) = node.get("on") {
            let strategy = self.strategy(on, &Scope::default());
            schedule.on = strategy.map(|strategy| {
                self.check_trigger(on, &strategy);
                EventTrigger::new(strategy)
            });
        }
        if node.entries().is_empty() {
            let message = "`schedule` says `every`, `cron`, `after` or `on`";
            self.report.error(codes::MISSING_KEY, node.span, message);
        }
        Some(schedule)
    }

    fn interval(&mut self, node: &Node) -> Option<u64> {
        let before = self.report.error_count();
        let template = self.duration(node, Place::Run, &Scope::default());
        if self.report.error_count() > before {
            return None;
        }
        let Some(literal) = template.literal() else {
            let message = "before a run there is nothing to evaluate";
            self.report
                .error(codes::NOT_ALLOWED, node.span, message)
                .help("write the duration out");
            return None;
        };
        let millis = duration_millis(literal).ok()?;
        if millis < INTERVAL_MS_MIN {
            let message = "the shortest interval of a schedule is one second";
            self.report.error(codes::NOT_ALLOWED, node.span, message);
        }
        Some(millis)
    }

    fn check_trigger(&mut self, node: &Node, strategy: &Strategy) {
        let correlates = |filter: &EventFilter| !filter.correlate.is_empty();
        let (filters, goes_on) = match strategy {
            Strategy::One(filter) => (std::slice::from_ref(filter), false),
            Strategy::All(filters) => (filters.as_slice(), false),
            Strategy::Any(filters, until) => (filters.as_slice(), !matches!(until, Until::First)),
        };
        if filters.iter().any(correlates) {
            let why = "start with one event, and `listen` for those that belong to it";
            self.not_executed(node.span, "`correlate` in a schedule", why);
        }
        if goes_on {
            let why = "every event starts a run of its own; `listen` there for more";
            self.not_executed(node.span, "`until` in a schedule", why);
        }
    }
}
