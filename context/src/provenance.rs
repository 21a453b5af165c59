//! Provenance: who wrote something, down to the model call. The ids are opaque here; the
//! program that wires the layers fills them in.

use std::fmt;

use crate::{ItemId, Snapshot};

/// Who wrote something, and in the course of what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Provenance {
    /// Who wrote it.
    pub actor: Actor,
    /// The run in which it was written.
    pub run: Option<String>,
    /// The stable key of the task.
    pub task: Option<String>,
    /// The attempt of the task, from 1; 0 when there is no task.
    pub attempt: u32,
    /// The id of the model call that it came from.
    pub model_call: Option<String>,
    /// The id of the tool call that it came from.
    pub tool_call: Option<String>,
    /// Items that everything in the commit was derived from.
    pub derived_from: Vec<ItemId>,
    /// The snapshot that the author had read before writing.
    pub read_snapshot: Option<Snapshot>,
}

impl Provenance {
    /// Makes the provenance of an actor outside of any run.
    pub fn of(actor: Actor) -> Self {
        Self {
            actor,
            run: None,
            task: None,
            attempt: 0,
            model_call: None,
            tool_call: None,
            derived_from: Vec::new(),
            read_snapshot: None,
        }
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    /// The engine, by its definition.
    Engine,
    /// An agent, by name.
    Agent(String),
    /// A person, by name.
    Person(String),
    /// A tool or another program, by name.
    Tool(String),
}

impl Actor {
    /// Returns the kind of actor in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Agent(_) => "agent",
            Self::Person(_) => "person",
            Self::Tool(_) => "tool",
        }
    }

    /// Returns the name, empty for the engine.
    pub fn name(&self) -> &str {
        match self {
            Self::Engine => "",
            Self::Agent(name) | Self::Person(name) | Self::Tool(name) => name,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("engine"),
            other => write!(f, "{}:{}", other.kind(), other.name()),
        }
    }
}
