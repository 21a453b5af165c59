//! Text and reasoning that come in pieces without numbers: what follows what.

use super::emitter::Emitter;
use crate::Event;
use crate::event::PartKind;

/// What a model says in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Text,
    Reasoning,
}

/// The part that the next piece of the same voice continues.
#[derive(Debug, Default)]
pub(super) struct Speech {
    open: Option<(Voice, usize)>,
}

impl Speech {
    /// Says a piece; a change of voice ends the part before.
    pub(super) fn say(
        &mut self,
        voice: Voice,
        text: String,
        dialect: &str,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        if text.is_empty() {
            return;
        }
        let index = match self.open {
            Some((open, index)) if open == voice => index,
            _ => {
                self.fall_silent(emitter, out);
                let part = match voice {
                    Voice::Text => PartKind::Text,
                    Voice::Reasoning => PartKind::Reasoning {
                        dialect: dialect.to_owned(),
                    },
                };
                let index = emitter.open(part, out);
                self.open = Some((voice, index));
                index
            }
        };
        emitter.delta(index, text, out);
    }

    /// Returns the open part of a voice.
    pub(super) fn open_part(&self, voice: Voice) -> Option<usize> {
        self.open
            .filter(|(open, _)| *open == voice)
            .map(|(_, index)| index)
    }

    /// Ends the open part.
    pub(super) fn fall_silent(&mut self, emitter: &mut Emitter, out: &mut Vec<Event>) {
        if let Some((_, index)) = self.open.take() {
            emitter.close(index, out);
        }
    }
}
