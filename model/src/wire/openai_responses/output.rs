//! The output items of OpenAI Responses as parts, as they grow and as a whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{NAME, PHASE_TYPE};
use crate::event::PartKind;
use crate::wire::decoder::malformed;
use crate::wire::emitter::Emitter;
use crate::{Event, ModelError};

/// The most items of one reply; real ones have a few dozen.
const ITEMS_MAX: usize = 10_000;
/// What stands between two sections of one reasoning item.
const SECTION_BREAK: &str = "\n\n";

/// The items that have begun.
#[derive(Debug, Default)]
pub(super) struct Output {
    items: BTreeMap<u64, Item>,
    pub(super) has_calls: bool,
    pub(super) is_refused: bool,
}

/// An item that has begun.
#[derive(Debug)]
enum Item {
    /// The texts of a message by their content index.
    Message {
        texts: BTreeMap<u64, usize>,
    },
    Call {
        index: usize,
        has_pieces: bool,
    },
    Reasoning {
        index: usize,
        /// The section that is being written: summary or content, and its number.
        section: Option<(&'static str, u64)>,
    },
    /// Any other item; it is handed on when it is complete.
    Other,
    Closed,
}

impl Output {
    pub(super) fn begin(
        &mut self,
        number: u64,
        item: &Value,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        if self.items.contains_key(&number) {
            return Ok(());
        }
        if self.items.len() == ITEMS_MAX {
            return Err(malformed("too many items"));
        }
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let begun = match text("type") {
            "message" => {
                if let Some(phase) = item.get(PHASE_TYPE).filter(|phase| !phase.is_null()) {
                    let item = json!({ "type": PHASE_TYPE, PHASE_TYPE: phase });
                    emitter.whole(opaque(item), out);
                }
                Item::Message {
                    texts: BTreeMap::new(),
                }
            }
            "function_call" => {
                self.has_calls = true;
                Item::Call {
                    index: emitter.open_call(text("call_id"), text("name"), out),
                    has_pieces: false,
                }
            }
            "reasoning" => {
                let dialect = NAME.to_owned();
                Item::Reasoning {
                    index: emitter.open(PartKind::Reasoning { dialect }, out),
                    section: None,
                }
            }
            _ => Item::Other,
        };
        self.items.insert(number, begun);
        Ok(())
    }

    /// Takes a piece of a message's text.
    pub(super) fn text(
        &mut self,
        number: u64,
        content: u64,
        piece: &str,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        // Some servers leave the frame out that begins the item.
        let item = self.items.entry(number).or_insert_with(|| Item::Message {
            texts: BTreeMap::new(),
        });
        if let Item::Message { texts } = item
            && !piece.is_empty()
        {
            let open = || emitter.open(PartKind::Text, out);
            let index = *texts.entry(content).or_insert_with(open);
            emitter.delta(index, piece.to_owned(), out);
        }
    }

    pub(super) fn arguments(
        &mut self,
        number: u64,
        piece: &str,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        if let Some(Item::Call { index, has_pieces }) = self.items.get_mut(&number) {
            *has_pieces |= !piece.is_empty();
            emitter.delta(*index, piece.to_owned(), out);
        }
    }

    /// Takes a piece of reasoning: of the given section.
    pub(super) fn thought(
        &mut self,
        number: u64,
        place: (&'static str, u64),
        piece: &str,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        let Some(Item::Reasoning { index, section }) = self.items.get_mut(&number) else {
            return;
        };
        if piece.is_empty() {
            return;
        }
        if section.is_some_and(|open| open != place) {
            emitter.delta(*index, SECTION_BREAK.to_owned(), out);
        }
        *section = Some(place);
        emitter.delta(*index, piece.to_owned(), out);
    }

    /// Takes the whole item: says what its pieces left unsaid, and closes it.
    pub(super) fn complete(
        &mut self,
        number: u64,
        whole: &Value,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        self.begin(number, whole, emitter, out)?;
        match self.items.insert(number, Item::Closed) {
            Some(Item::Message { texts }) => self.close_message(whole, texts, emitter, out),
            Some(Item::Call { index, has_pieces }) => {
                if !has_pieces {
                    let arguments = whole.get("arguments").and_then(Value::as_str);
                    emitter.delta(index, arguments.unwrap_or_default().to_owned(), out);
                }
                emitter.close(index, out);
            }
            Some(Item::Reasoning { index, section }) => {
                if section.is_none() {
                    emitter.delta(index, sections(whole).join(SECTION_BREAK), out);
                }
                // The item itself is what must be handed back.
                emitter.sign(index, whole.to_string(), out);
                emitter.close(index, out);
            }
            Some(Item::Other) => emitter.whole(opaque(whole.clone()), out),
            Some(Item::Closed) | None => {}
        }
        Ok(())
    }

    fn close_message(
        &mut self,
        whole: &Value,
        mut texts: BTreeMap<u64, usize>,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        let contents = whole.get("content").and_then(Value::as_array);
        for (number, content) in contents.into_iter().flatten().enumerate() {
            let text = |name: &str| {
                content
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            self.is_refused |= text("type") == "refusal";
            let notes = content.get("annotations").and_then(Value::as_array);
            if notes.is_some_and(|notes| !notes.is_empty()) {
                out.push(unknown(json!({ "annotations": notes })));
            }
            if texts.contains_key(&(number as u64)) {
                continue;
            }
            let said = if text("text").is_empty() {
                text("refusal")
            } else {
                text("text")
            };
            if !said.is_empty() {
                let index = emitter.open(PartKind::Text, out);
                emitter.delta(index, said.to_owned(), out);
                texts.insert(number as u64, index);
            }
        }
        for index in texts.into_values() {
            emitter.close(index, out);
        }
    }
}

/// The readable sections of a reasoning item.
fn sections(item: &Value) -> Vec<&str> {
    let lists = ["summary", "content"]
        .into_iter()
        .filter_map(|name| item.get(name)?.as_array());
    let texts = lists
        .flatten()
        .filter_map(|section| section.get("text")?.as_str());
    texts.filter(|text| !text.is_empty()).collect()
}

fn opaque(item: Value) -> PartKind {
    PartKind::Opaque {
        dialect: NAME.to_owned(),
        item,
    }
}

pub(super) fn unknown(frame: Value) -> Event {
    Event::Unknown {
        dialect: NAME.to_owned(),
        frame,
    }
}
