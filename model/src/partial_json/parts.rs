//! The JSON in a stream of events: tool arguments and structured answers as they grow.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PartialJson;
use crate::Event;
use crate::event::PartKind;

/// Follows the parts of a reply whose text is JSON, while they are being written.
#[derive(Debug, Clone, Default)]
pub struct JsonParts {
    open: BTreeMap<usize, PartialJson>,
}

impl JsonParts {
    /// Makes a follower of one reply.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. When it lets a tool call or a text grow that is JSON so far,
    /// returns the part's index and the value that is certain by now.
    pub fn note(&mut self, event: &Event) -> Option<(usize, &Value)> {
        match event {
            Event::PartStart { index, part } => {
                if matches!(part, PartKind::Text | PartKind::ToolCall { .. }) {
                    self.open.insert(*index, PartialJson::new());
                }
                None
            }
            Event::Delta { index, text } => {
                let broken = self.open.get_mut(index)?.push(text).is_err();
                if broken {
                    // It is ordinary text, or beyond repair.
                    self.open.remove(index);
                }
                Some((*index, self.open.get(index)?.value()?))
            }
            Event::PartEnd { index } => {
                self.open.remove(index);
                None
            }
            Event::Restart(_) => {
                self.open.clear();
                None
            }
            Event::Start { .. }
            | Event::Signature { .. }
            | Event::Usage(_)
            | Event::Heartbeat
            | Event::Unknown { .. }
            | Event::Finish { .. } => None,
        }
    }
}
