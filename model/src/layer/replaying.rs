//! Answers from a cassette, without the model.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use crate::cassette::{Cassette, RecordedCall, Scrub};
use crate::{
    CallContext, EventStream, Model, ModelDescriptor, ModelError, ModelErrorKind, Part, Request,
};

/// How a request finds its recorded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CassetteMatch {
    /// The requests are equal.
    #[default]
    Strict,
    /// The requests have the same shape: roles and kinds of parts, tools, wanted answer. Texts
    /// may differ, as when they hold a date or an id.
    Shape,
}

/// A model that replays a cassette. Equal requests get their recorded replies in order; the
/// last one is given again when there are no more.
#[derive(Debug)]
pub struct Replaying {
    descriptor: ModelDescriptor,
    calls: Vec<RecordedCall>,
    matching: CassetteMatch,
    scrub: Scrub,
    /// Which calls were replayed. Written by each call as it begins.
    used: Mutex<Vec<bool>>,
}

impl Replaying {
    /// Makes a model of a cassette. It describes itself as the first model that was recorded.
    pub fn new(cassette: Cassette, matching: CassetteMatch) -> Self {
        let calls = cassette.calls().to_vec();
        let unrecorded = || ModelDescriptor::new("cassette", "empty", "cassette");
        Self {
            descriptor: calls
                .first()
                .map_or_else(unrecorded, |call| call.descriptor.clone()),
            used: Mutex::new(vec![false; calls.len()]),
            calls,
            matching,
            scrub: Scrub::new(),
        }
    }

    /// Cleans requests as the recording was cleaned, so that secrets in them do not differ.
    #[must_use]
    pub fn with_scrub(mut self, scrub: Scrub) -> Self {
        self.scrub = scrub;
        self
    }

    /// Returns how many recorded calls were not replayed.
    pub fn unused_calls(&self) -> usize {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.iter().filter(|used| !**used).count()
    }

    fn find(&self, request: &Request) -> Option<&RecordedCall> {
        let clean = self.scrub.request(request);
        let wanted_shape = shape(request);
        let fitting = self
            .calls
            .iter()
            .enumerate()
            .filter(|(_, call)| match self.matching {
                CassetteMatch::Strict => {
                    call.request == *request || Some(&call.request) == clean.as_ref()
                }
                CassetteMatch::Shape => shape(&call.request) == wanted_shape,
            });
        let fitting: Vec<usize> = fitting.map(|(number, _)| number).collect();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = fitting.iter().find(|number| !used[**number]);
        let number = *fresh.or(fitting.last())?;
        used[number] = true;
        self.calls.get(number)
    }

    fn not_recorded(&self, request: &Request) -> ModelError {
        let count = self.calls.len();
        let messages = request.messages.len();
        let message = format!(
            "the cassette has {count} calls and none is this one ({messages} messages, {} tools); \
             record it again",
            request.tools.len(),
        );
        ModelError::new(ModelErrorKind::NotRecorded, message)
    }
}

#[async_trait]
impl Model for Replaying {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(
        &self,
        request: Request,
        _context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let call = self
            .find(&request)
            .ok_or_else(|| self.not_recorded(&request))?;
        if let (Some(error), true) = (&call.error, call.events.is_empty()) {
            return Err(error.clone());
        }
        let events: Vec<_> = call.events.iter().cloned().map(Ok).collect();
        let error = call.error.clone().map(Err);
        Ok(stream::iter(events.into_iter().chain(error)).boxed())
    }
}

/// What stays the same when texts change.
fn shape(request: &Request) -> Vec<String> {
    let mut words = vec![format!("system {}", request.system.is_some())];
    for message in &request.messages {
        words.push(format!("{:?}", message.role));
        words.extend(message.parts.iter().map(|part| match part {
            Part::Text { .. } => "text".to_owned(),
            Part::Image { media_type, .. } => format!("image {media_type}"),
            Part::File { media_type, .. } => format!("file {media_type}"),
            Part::ToolCall(call) => format!("call {}", call.name),
            Part::ToolResult(result) => format!("result {}", result.is_error),
            Part::Reasoning(_) => "reasoning".to_owned(),
            Part::Opaque { dialect, .. } => format!("opaque {dialect}"),
        }));
    }
    words.extend(
        request
            .tools
            .iter()
            .map(|tool| format!("tool {}", tool.name)),
    );
    words.push(format!("choice {:?}", request.tool_choice));
    words.extend(
        request
            .answer
            .iter()
            .map(|answer| format!("answer {}", answer.name)),
    );
    words
}
