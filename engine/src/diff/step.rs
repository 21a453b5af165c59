//! A step of a run, reduced to what comparing needs: names, hashes and the records behind them.

use std::collections::BTreeMap;

use crate::{Digest, Record, RunId, RunTree, Sequence};

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// The run was asked for.
    Start,
    /// A task of a definition that wants nothing from outside.
    Task,
    /// A call of a function, a tool or an endpoint.
    Tool,
    /// A call of a model.
    Model,
    /// A question to a person, or something that a person did.
    Human,
    /// Time, and events from outside.
    Timing,
    /// Another run.
    Run,
    /// The run ended.
    End,
}

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has no end yet.
    Open,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
    /// Its time limit passed.
    TimedOut,
    /// A budget or a policy stopped it.
    Stopped,
    /// It was given up because something else won or ended.
    GivenUp,
    /// It was skipped.
    Skipped,
}

/// One step of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The run.
    pub run: RunId,
    /// The stable key in the run; steps without one share the empty key.
    pub key: String,
    /// What it is.
    pub kind: StepKind,
    /// The function, the tool, the event.
    pub name: String,
    /// Hashes of what the step itself is made of, by name: its part of the definition, of the
    /// prompt, the parameters of the model. Not what flows into it.
    pub own: BTreeMap<String, Digest>,
    /// Hashes of everything that it read.
    pub reads: Vec<Digest>,
    /// The hash of what it asked for, without what differs in every run.
    pub request: Option<Digest>,
    /// The hash of what came back from outside, without what differs in every run.
    pub outcome: Option<Digest>,
    /// The hash of what it produced.
    pub output: Option<Digest>,
    /// How it came out.
    pub ending: Ending,
    /// Versions of what answered.
    pub versions: BTreeMap<String, String>,
    /// The version of the engine.
    pub engine: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether what came back differs in every run: the time, a drawn id.
    pub is_volatile: bool,
    /// The record that shows what was asked, and the one that shows what came back.
    pub asked: Sequence,
    /// The record that shows what came back, if it did.
    pub answered: Option<Sequence>,
}

impl Step {
    /// Makes a step about which nothing is known but its place.
    pub fn at(record: &Record, kind: StepKind, name: impl Into<String>) -> Self {
        Self {
            run: record.run,
            key: record.task.to_string(),
            kind,
            name: name.into(),
            own: BTreeMap::new(),
            reads: Vec::new(),
            request: None,
            outcome: None,
            output: None,
            ending: Ending::Open,
            versions: BTreeMap::new(),
            engine: record.versions.get("engine").cloned().unwrap_or_default(),
            attempts: record.attempt,
            is_volatile: false,
            asked: record.seq,
            answered: None,
        }
    }
}

/// Reads the log of an agent's session as steps; for whoever knows the words of sessions.
pub type ReadSession<'a> = &'a dyn Fn(&[Record], &RunTree) -> Vec<Step>;
