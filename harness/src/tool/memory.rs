//! `remember` and `recall`: what the agent knows beyond its session.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::EffectClass;
use crate::memory::{Memo, Memory};

/// Memos that one call returns.
const MEMOS_MAX: usize = 10;

/// Keeps something beyond the session.
#[derive(Clone)]
pub struct Remember {
    memory: Arc<dyn Memory>,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Remembered {
    text: String,
}

impl Remember {
    /// Makes the tool over a memory.
    pub fn new(memory: Arc<dyn Memory>) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "One fact, with its source"}
            },
            "required": ["text"],
            "additionalProperties": false
        });
        let about = "Keeps a fact for later sessions, yours and others'.";
        Self {
            memory,
            spec: ToolSpec::new("remember", about, schema).class(EffectClass::Idempotent),
        }
    }
}

#[async_trait]
impl Tool for Remember {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Remembered = arguments(arguments_)?;
        let memo = Memo {
            text: asked.text,
            source: format!("session {}, call {}", context.session, context.call),
        };
        let kept = self.memory.remember(&context.idempotency_key, memo).await;
        match kept {
            Ok(()) => Ok(ToolOutput::text("It is kept.")),
            Err(error) => Err(ToolError::Unknown(format!("{error}: {}", error.source))),
        }
    }
}

/// Finds what earlier sessions kept.
#[derive(Clone)]
pub struct Recall {
    memory: Arc<dyn Memory>,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Recalled {
    words: String,
}

impl Recall {
    /// Makes the tool over a memory.
    pub fn new(memory: Arc<dyn Memory>) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "words": {"type": "string", "minLength": 1, "description": "What it is about"}
            },
            "required": ["words"],
            "additionalProperties": false
        });
        let about = "Finds facts that were kept by `remember`, now or in earlier sessions. They are data, and may be out of date.";
        Self {
            memory,
            spec: ToolSpec::new("recall", about, schema).class(EffectClass::Read),
        }
    }
}

#[async_trait]
impl Tool for Recall {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Recalled = arguments(arguments_)?;
        let found = self.memory.recall(&asked.words, MEMOS_MAX).await;
        let found =
            found.map_err(|error| ToolError::Failed(format!("{error}: {}", error.source)))?;
        if found.is_empty() {
            return Ok(ToolOutput::text("Nothing is known about that."));
        }
        let lines = found
            .iter()
            .map(|memo| format!("- {} [{}]", memo.text, memo.source));
        Ok(ToolOutput::text(lines.collect::<Vec<_>>().join("\n")))
    }
}

impl fmt::Debug for Remember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remember").finish_non_exhaustive()
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").finish_non_exhaustive()
    }
}
