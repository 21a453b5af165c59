//! The run machine: the pure state machine that a run of a routine is.
//!
//! Inputs go in with a time, records come out. There is no I/O, no clock, no randomness and
//! no waiting in here; whoever drives a run performs what is [pending](Run::pending) and
//! says what came of it. The same inputs give the same records, always.

mod apply;
mod arguments;
mod dataflow;
mod datum;
mod ending;
mod fault;
mod flow;
mod frame;
mod inbox;
mod input;
mod intent;
mod log;
mod machine;
mod migration;
mod place;
mod replay;
mod retry;
mod revival;
mod snapshot;
mod state;
mod task;
mod timer;
mod variables;
mod work;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::{
    Definition, Effect, EffectId, Phase, Problem, ProblemKind, Record, RecordKind, RunId, RunStart,
    Sequence, Timestamp,
};
use datum::Datum;
use frame::{Branch, Frame, TRUNK};
use inbox::{Inbox, Letter};
use log::Entry;
use machine::{Machine, Step};
use state::{Pending, State};
use work::{Progress, Work};

pub use input::{ApplyError, Input};
pub use migration::{Migration, MigrationError};
#[cfg(feature = "bundle")]
pub(crate) use replay::input_of;
pub use replay::{Divergence, ReplayError};
pub use snapshot::SnapshotError;
pub use state::Counts;
pub(crate) use variables::workflow_value;

/// The version that records name under `engine`.
const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// One run of a routine.
#[derive(Clone, PartialEq)]
pub struct Run {
    definition: Definition,
    state: State<Datum>,
}

impl Run {
    /// Starts a run, and returns it with its first records.
    ///
    /// The input is expected to stand in `start`; a run whose input is stored elsewhere ends
    /// at once, because nothing in here can fetch it.
    pub fn start(
        id: RunId,
        start: RunStart,
        definition: Definition,
        at: Timestamp,
    ) -> (Self, Vec<Record>) {
        Self::start_as(id, start, definition, at, ENGINE_VERSION)
    }

    fn start_as(
        id: RunId,
        start: RunStart,
        definition: Definition,
        at: Timestamp,
        engine: &str,
    ) -> (Self, Vec<Record>) {
        let input = Datum::new(start.input.inline().cloned().unwrap_or_default());
        let is_at_hand = start.input.inline().is_some();
        let mut state = new_state(id, &start.by, &input, at, engine);
        let mut machine = Machine::new(&definition, &mut state);
        let actor = start.by.clone();
        let entry = Entry::of_run(RecordKind::RunStarted(start), Vec::new());
        let seq = machine.append(entry.by(actor).producing(input.digest()));
        if is_at_hand {
            machine.begin_run(seq);
        } else {
            let problem = Problem::standard(ProblemKind::Runtime, "the input is not at hand");
            machine.give_up(Phase::Faulted, Some(problem), vec![seq]);
        }
        machine.note_phase(seq);
        let records = machine.records;
        (Self { definition, state }, records)
    }

    /// Lets something happen to the run, and returns the records of it: the input's own,
    /// then those that follow from it. They belong together: store all of them or none.
    ///
    /// The time never goes back: an input with an earlier time than the last one counts as
    /// simultaneous.
    ///
    /// # Errors
    ///
    /// A refused input has changed nothing; the error says whether to drop it or to ask again.
    pub fn apply(&mut self, input: Input, at: Timestamp) -> Result<Vec<Record>, ApplyError> {
        self.apply_as(input, at, ENGINE_VERSION)
    }

    /// Returns the run's id.
    pub fn id(&self) -> RunId {
        self.state.id
    }

    /// Returns the definition that the run is pinned to.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Returns the phase.
    pub fn phase(&self) -> Phase {
        self.state.phase
    }

    /// Returns the effects that are intended and not settled, in the order of their intents.
    ///
    /// Those that are [unknown](Run::unknowns) are among them.
    pub fn pending(&self) -> impl Iterator<Item = &Effect> {
        self.state.pending.iter().map(|(_, open)| &open.effect)
    }

    /// Returns the pending effect of that id.
    pub fn effect(&self, id: &EffectId) -> Option<&Effect> {
        self.state.pending.find(id).map(|(_, open)| &open.effect)
    }

    /// Returns the pending effects of which nobody can say whether they happened, each with
    /// what is known. [`Effect::doubt`] makes the question to ask a person.
    pub fn unknowns(&self) -> impl Iterator<Item = (&Effect, &str)> {
        self.state.pending.iter().filter_map(|(_, open)| {
            let explanation = open.unknown.as_deref()?;
            Some((&open.effect, explanation))
        })
    }

    /// Returns when to apply [`Input::TimePassed`] next, if anything waits for time.
    ///
    /// A suspended run waits for nothing but to be resumed.
    pub fn next_due(&self) -> Option<Timestamp> {
        timer::next(&self.state)
    }

    /// Says whether the run has failed in a way that [`Input::RetryRequested`] can mend.
    pub fn is_retryable(&self) -> bool {
        self.state.failed.is_some()
    }

    /// Says whether a task waits for events.
    pub fn is_listening(&self) -> bool {
        let mut branches = self.state.branches.values();
        branches.any(|branch| matches!(branch.top().work, Work::Listen(_)))
    }

    /// Says whether a task waits for an event like this one (`CloudEvents` 1.0, JSON), so that
    /// whoever has it sends it as an [`Input::Signalled`]. Nothing changes.
    pub fn is_listening_for(&self, event: &Value) -> bool {
        if !self.is_listening() {
            return false;
        }
        let mut state = self.state.clone();
        let letter = Letter {
            seq: state.last_seq + 1,
            event: Datum::new(event.clone()),
        };
        Machine::new(&self.definition, &mut state).would_take(&letter)
    }

    /// Returns the input that the run was started with.
    pub fn input(&self) -> &Value {
        self.state.input.value()
    }

    /// Returns the output of a completed run.
    pub fn output(&self) -> Option<&Value> {
        self.state.output.as_ref().map(Datum::value)
    }

    /// Returns the problem of a faulted run.
    pub fn problem(&self) -> Option<&Problem> {
        self.state.problem.as_ref()
    }

    /// Returns the position of the last record.
    pub fn last_seq(&self) -> Sequence {
        self.state.last_seq
    }

    /// Returns when the run was started.
    pub fn started_at(&self) -> Timestamp {
        self.state.started_at
    }

    /// Returns the time of the last record.
    pub fn last_at(&self) -> Timestamp {
        self.state.now
    }

    /// Returns the open tasks, the outer ones first, each with the input that it works on.
    pub fn open_tasks(&self) -> impl Iterator<Item = (&crate::TaskKey, &Value)> {
        let branches = self.state.branches.values();
        let frames = branches.flat_map(|branch| branch.frames.iter());
        frames.map(|frame| (&frame.key, frame.input.value()))
    }

    /// Returns the value of `$context`, as long as the run has not ended.
    pub fn context(&self) -> Option<&Value> {
        let trunk = self.state.branches.get(&TRUNK)?;
        Some(trunk.context.value())
    }

    /// Returns how much has happened by now.
    pub fn counts(&self) -> Counts {
        self.state.counts
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.state.id)
            .field("definition", &self.definition.name())
            .field("phase", &self.state.phase)
            .field("last_seq", &self.state.last_seq)
            .finish_non_exhaustive()
    }
}

fn new_state(
    id: RunId,
    by: &crate::Actor,
    input: &Datum,
    at: Timestamp,
    engine: &str,
) -> State<Datum> {
    let root = Frame {
        key: crate::TaskKey::root(),
        attempt: 1,
        started: 1,
        started_at: at,
        raw: input.clone(),
        input: input.clone(),
        deadline: None,
        retried: false,
        reads: Vec::new(),
        work: Work::Sequence(Progress::default()),
    };
    let trunk = Branch {
        id: TRUNK,
        parent: None,
        depth: 0,
        context: input.clone(),
        frames: vec![root],
        due: None,
    };
    State {
        id,
        last_seq: 0,
        now: at,
        started_at: at,
        engine: engine.to_owned(),
        asked_by: by.clone(),
        input: input.clone(),
        phase: Phase::Running,
        suspended: false,
        branches: BTreeMap::from([(TRUNK, trunk)]),
        next_branch: TRUNK + 1,
        pending: Pending::default(),
        inbox: Inbox::default(),
        held: Vec::new(),
        undo: Vec::new(),
        entries: BTreeMap::new(),
        attempt_base: 0,
        attempts_max: 1,
        counts: Counts::default(),
        output: None,
        problem: None,
        failed: None,
    }
}

impl Machine<'_> {
    /// Takes in the input of the run and begins its tasks.
    fn begin_run(&mut self, started: Sequence) {
        let tree = self.definition.tree();
        let Some(mut branch) = self.state.branches.remove(&TRUNK) else {
            return;
        };
        let taken = self
            .take_in(&mut branch, &tree.input)
            .and_then(|()| self.arm_deadline(&mut branch, tree.timeout.as_ref()));
        branch.context = branch.top().input.clone();
        let step = match taken {
            Ok(()) => Step::Enter {
                position: 0,
                data: branch.top().input.clone(),
                caused_by: vec![started],
            },
            Err(problem) => Step::Fault {
                problem,
                caused_by: vec![started],
            },
        };
        self.keep(branch);
        self.wake(TRUNK, step);
        self.drive();
    }
}
