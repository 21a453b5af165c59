//! What a model was shown at one call, part by part, with the layer that produced each: for
//! people who ask why it answered as it did. Pure; made from the session's log alone.

use layercake_model::{Part, ToolSpec};
use serde::Serialize;

use crate::Timestamp;
use crate::session::{SessionEvent, SessionRecord};
use crate::state::{Entry, FoldError, SessionState};
use crate::window::inline_results;

/// Which layer put something in front of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The system text: instructions, guidance files, the list of skills.
    System,
    /// The goal with its material.
    Opening,
    /// A summary of what was compacted away.
    Summary,
    /// What the model itself had said.
    Reply,
    /// What its tools had returned.
    Results,
    /// What the harness or a person told it.
    Told,
}

/// One part of what the model was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenPart {
    /// The layer that produced it.
    pub layer: Layer,
    /// The content, as the model saw it.
    pub parts: Vec<Part>,
}

/// Everything that the model was shown at one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The parts, in the order in which the model saw them.
    pub shown: Vec<SeenPart>,
    /// The tools that it was offered.
    pub tools: Vec<ToolSpec>,
}

/// Returns what the model is shown after the records of a session so far; for one call, give the
/// records up to its `model-requested`.
///
/// # Errors
///
/// The records are not those of a session.
pub fn seen<'a>(records: impl IntoIterator<Item = &'a SessionRecord>) -> Result<Seen, FoldError> {
    let mut state: Option<SessionState> = None;
    for record in records {
        let Ok(event) = record.event() else { continue };
        state = Some(next(state, event, record.at)?);
    }
    Ok(state.map_or_else(
        || Seen {
            shown: Vec::new(),
            tools: Vec::new(),
        },
        |state| of_state(&state),
    ))
}

fn next(
    state: Option<SessionState>,
    event: SessionEvent,
    at: Timestamp,
) -> Result<SessionState, FoldError> {
    match state {
        None => SessionState::begin(event, at),
        Some(mut state) => {
            state.apply(event, at)?;
            Ok(state)
        }
    }
}

fn of_state(state: &SessionState) -> Seen {
    let text = |layer, text: &str| SeenPart {
        layer,
        parts: vec![Part::text(text.to_owned())],
    };
    let mut shown = vec![
        text(Layer::System, &state.started.system),
        text(Layer::Opening, &state.started.opening),
    ];
    let mut shown_from = 0;
    if let Some(summary) = state.summary() {
        shown.push(text(Layer::Summary, &summary.text));
        shown_from = summary.entries_before;
    }
    for entry in state.entries.iter().skip(shown_from) {
        shown.push(match entry {
            Entry::Reply(parts) => SeenPart {
                layer: Layer::Reply,
                parts: parts.clone(),
            },
            Entry::Results { turn, results } => SeenPart {
                layer: Layer::Results,
                parts: inline_results(*turn, results, state).collect(),
            },
            Entry::Told(told) => text(Layer::Told, told),
        });
    }
    Seen {
        shown,
        tools: state.tools().to_vec(),
    }
}
