//! When runs of a definition start by themselves.

use serde_json::Value;

use super::cron::Cron;
use super::tree::{EventFilter, Strategy};
use crate::Template;

/// When runs start by themselves. Who keeps it (time zone, overlap, what was missed) is the
/// trigger's business, beside the definition.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// A run starts in these intervals, in milliseconds.
    pub every_ms: Option<u64>,
    /// A run starts whenever this comes round.
    pub cron: Option<Cron>,
    /// A run starts this long after the last one ended, in milliseconds.
    pub after_ms: Option<u64>,
    /// A run starts when events come.
    pub on: Option<EventTrigger>,
}

/// The events that start a run. They are its input, as an array.
#[derive(Debug, Clone)]
pub struct EventTrigger {
    filters: Vec<EventFilter>,
    is_all: bool,
    takes_every: bool,
}

impl EventTrigger {
    pub(super) fn new(strategy: Strategy) -> Self {
        let (filters, is_all, takes_every) = match strategy {
            Strategy::One(filter) => (vec![filter], false, false),
            Strategy::All(filters) => (filters, true, false),
            Strategy::Any(filters, _) => {
                let every = filters.is_empty();
                (filters, false, every)
            }
        };
        Self {
            filters,
            is_all,
            takes_every,
        }
    }

    /// Returns how many events a run needs, each for another filter. With one, every event that
    /// [fits](EventTrigger::filter_of) starts a run.
    pub fn events_needed(&self) -> usize {
        match self.is_all {
            true => self.filters.len(),
            false => 1,
        }
    }

    /// Returns the position of the first filter that an event (`CloudEvents` 1.0, JSON) passes,
    /// leaving out those that `met` says have had theirs.
    pub fn filter_of(&self, event: &Value, met: &[bool]) -> Option<usize> {
        if self.takes_every {
            return Some(0);
        }
        let is_open = |place: usize| !met.get(place).copied().unwrap_or(false);
        let mut filters = self.filters.iter().enumerate();
        filters
            .find(|(place, filter)| is_open(*place) && passes(filter, event))
            .map(|(place, _)| place)
    }
}

/// Tests the attributes of an event. Before a run there are no variables.
fn passes(filter: &EventFilter, event: &Value) -> bool {
    filter.with.iter().all(|(name, wanted)| {
        let found = event.get(name).unwrap_or(&Value::Null);
        match wanted.evaluate(found, &()) {
            Ok(said) => {
                let holds = matches!(wanted, Template::Expression(_)) && said == Value::Bool(true);
                said == *found || holds
            }
            Err(_) => false,
        }
    })
}
