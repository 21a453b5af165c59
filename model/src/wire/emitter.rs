//! The one place where decoders make events: keeps the order that `Event` promises.

use crate::event::PartKind;
use crate::{Event, StopReason, Usage};

/// How ids begin that a provider left out.
const MADE_UP: &str = "call_turn_";

/// Whether an id was made here, and is nothing that the provider knows.
pub(super) fn is_made_up(id: &str) -> bool {
    id.starts_with(MADE_UP)
}

/// Writes events in their proper order and remembers what was begun.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    turn: usize,
    started: bool,
    finished: bool,
    /// One entry for each part, true while it is open.
    open: Vec<bool>,
    usage: Usage,
}

impl Emitter {
    /// Makes the emitter of a reply. For `turn` see [`Dialect::decoder`](super::Dialect).
    pub(super) fn new(turn: usize) -> Self {
        Self {
            turn,
            ..Self::default()
        }
    }

    /// Begins the reply; what comes again later is left out.
    pub(super) fn start(&mut self, model: &str, response_id: &str, out: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        out.push(Event::Start {
            model: model.to_owned(),
            response_id: response_id.to_owned(),
        });
    }

    pub(super) fn open(&mut self, part: PartKind, out: &mut Vec<Event>) -> usize {
        self.start("", "", out);
        let index = self.open.len();
        self.open.push(true);
        out.push(Event::PartStart { index, part });
        index
    }

    /// Returns the id of the call at an index: the provider's, or one that is made up.
    pub(super) fn call_id(&self, id: &str, index: usize) -> String {
        if id.is_empty() {
            format!("{MADE_UP}{}_{index}", self.turn)
        } else {
            id.to_owned()
        }
    }

    /// Opens a tool call, with an id of its own when the provider gives none.
    pub(super) fn open_call(&mut self, id: &str, name: &str, out: &mut Vec<Event>) -> usize {
        let id = self.call_id(id, self.open.len());
        let name = name.to_owned();
        self.open(PartKind::ToolCall { id, name }, out)
    }

    pub(super) fn delta(&mut self, index: usize, text: String, out: &mut Vec<Event>) {
        if !text.is_empty() {
            out.push(Event::Delta { index, text });
        }
    }

    pub(super) fn sign(&mut self, index: usize, signature: String, out: &mut Vec<Event>) {
        if !signature.is_empty() {
            out.push(Event::Signature { index, signature });
        }
    }

    pub(super) fn close(&mut self, index: usize, out: &mut Vec<Event>) {
        if let Some(open) = self.open.get_mut(index).filter(|open| **open) {
            *open = false;
            out.push(Event::PartEnd { index });
        }
    }

    /// Writes a part that comes in one piece.
    pub(super) fn whole(&mut self, part: PartKind, out: &mut Vec<Event>) {
        let index = self.open(part, out);
        self.close(index, out);
    }

    pub(super) fn usage(&mut self, usage: Usage, out: &mut Vec<Event>) {
        if usage != self.usage {
            self.usage = usage;
            out.push(Event::Usage(usage));
        }
    }

    /// Ends the reply once. A provider that was cut off by its own limit leaves parts open.
    pub(super) fn finish(&mut self, reason: StopReason, raw_reason: &str, out: &mut Vec<Event>) {
        if self.finished {
            return;
        }
        self.start("", "", out);
        for index in 0..self.open.len() {
            self.close(index, out);
        }
        self.finished = true;
        out.push(Event::Finish {
            reason,
            raw_reason: raw_reason.to_owned(),
        });
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn has_parts(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn usage_so_far(&self) -> Usage {
        self.usage
    }
}
