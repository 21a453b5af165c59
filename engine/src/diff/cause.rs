//! What a pair of steps is: equal, an origin with its cause, or something that only follows.

use std::collections::{BTreeMap, BTreeSet};

use super::Cause;
use super::step::{Ending, Step, StepKind};
use crate::Digest;

/// The part of a prompt that carries the data of the run.
const FLOWING: &str = "prompt.messages";

/// What a pair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing differs.
    Equal,
    /// The difference began here.
    Origin(Cause),
    /// One run gave up what the other finished: a race, unless something else explains it.
    Race,
    /// Only what differs in every run: times, ids, and what is made of them.
    Volatile,
    /// It read something else, so it differs.
    Downstream,
}

/// Values of the second run that stand for values of the first: they differ by times and ids,
/// or were computed in the same way from such values.
#[derive(Debug, Default)]
pub(super) struct Equivalence(BTreeMap<Digest, Digest>);

impl Equivalence {
    /// Lets what a step of the second run gave stand for what its partner gave.
    pub(super) fn learn(&mut self, a: &Step, b: &Step) {
        for (ours, theirs) in [(a.output, b.output), (a.outcome, b.outcome)] {
            if let (Some(ours), Some(theirs)) = (ours, theirs)
                && ours != theirs
            {
                self.0.insert(theirs, ours);
            }
        }
    }

    /// Says whether two values are the same, but for times and ids.
    pub(super) fn holds(&self, ours: Option<Digest>, theirs: Option<Digest>) -> bool {
        ours == theirs || theirs.is_some_and(|theirs| self.0.get(&theirs).copied() == ours)
    }

    fn same_reads(&self, a: &Step, b: &Step) -> bool {
        let ours: BTreeSet<Digest> = a.reads.iter().copied().collect();
        let stands_for = |digest: &Digest| match self.0.get(digest) {
            Some(ours) if !a.reads.contains(digest) => *ours,
            _ => *digest,
        };
        let theirs: BTreeSet<Digest> = b.reads.iter().map(stands_for).collect();
        ours == theirs
    }

    /// Judges a pair. `is_tainted` says whether something inside it differs for a reason.
    pub(super) fn judge(&self, a: &Step, b: &Step, is_tainted: bool) -> Finding {
        let is_equal = a.request == b.request
            && a.outcome == b.outcome
            && a.output == b.output
            && a.ending == b.ending;
        if is_equal {
            return Finding::Equal;
        }
        if a.kind == StepKind::Start {
            return match a.outcome == b.outcome {
                true => Finding::Equal,
                false => Finding::Origin(Cause::Input),
            };
        }
        if is_tainted {
            return Finding::Downstream;
        }
        if a.kind != b.kind || a.request.is_none() || b.request.is_none() {
            return self.derived(a, b);
        }
        if a.request != b.request {
            match self.derived(a, b) {
                Finding::Volatile => {}
                found => return found,
            }
        }
        if !self.holds(a.outcome, b.outcome) || a.ending != b.ending {
            return outside(a, b);
        }
        if a.is_volatile {
            return Finding::Volatile;
        }
        if a.request != b.request || self.holds(a.output, b.output) {
            return Finding::Volatile;
        }
        match (is_redefined(a, b), a.engine == b.engine) {
            (true, _) => Finding::Origin(Cause::Definition),
            (false, false) => Finding::Origin(Cause::Version),
            (false, true) => Finding::Volatile,
        }
    }

    /// The step computed something else.
    fn derived(&self, a: &Step, b: &Step) -> Finding {
        if is_redefined(a, b) {
            return Finding::Origin(Cause::Definition);
        }
        let is_exact = a.reads.iter().collect::<BTreeSet<_>>() == b.reads.iter().collect();
        if !is_exact && !self.same_reads(a, b) {
            return Finding::Downstream;
        }
        if is_exact && let Some(cause) = own_cause(a, b) {
            return Finding::Origin(cause);
        }
        if a.ending != b.ending {
            return match (a.ending, b.ending) {
                (Ending::TimedOut | Ending::GivenUp, _)
                | (_, Ending::TimedOut | Ending::GivenUp) => Finding::Race,
                _ => Finding::Downstream,
            };
        }
        if is_exact && a.engine != b.engine {
            return Finding::Origin(Cause::Version);
        }
        Finding::Volatile
    }
}

fn is_redefined(a: &Step, b: &Step) -> bool {
    a.own.get("definition") != b.own.get("definition")
}

/// The same was asked for, and something else came back.
fn outside(a: &Step, b: &Step) -> Finding {
    let either = |ending: Ending| (a.ending == ending) != (b.ending == ending);
    if either(Ending::Open) {
        return Finding::Downstream;
    }
    if either(Ending::Stopped) {
        return Finding::Origin(Cause::Limit);
    }
    if either(Ending::TimedOut) {
        return Finding::Origin(Cause::Timing);
    }
    if either(Ending::GivenUp) {
        return Finding::Race;
    }
    let other_version = |name: &str| a.versions.get(name) != b.versions.get(name);
    match a.kind {
        StepKind::Model if other_version("model") => Finding::Origin(Cause::Model),
        StepKind::Model => Finding::Origin(own_cause(a, b).unwrap_or(Cause::Sampling)),
        StepKind::Human => Finding::Origin(Cause::Human),
        StepKind::Timing => Finding::Origin(Cause::Timing),
        StepKind::Tool if a.is_volatile => Finding::Volatile,
        _ => {
            let mut names = a.versions.keys().chain(b.versions.keys());
            match names.any(|name| name != "model" && other_version(name)) {
                true => Finding::Origin(Cause::Version),
                false => Finding::Origin(Cause::Tool),
            }
        }
    }
}

/// Names the cause when the step itself is made of something else.
fn own_cause(a: &Step, b: &Step) -> Option<Cause> {
    let names: BTreeSet<&String> = a.own.keys().chain(b.own.keys()).collect();
    // What flows into a prompt stands in the request; it says nothing of its own.
    let is_own = |name: &&String| a.request == b.request || name.as_str() != FLOWING;
    let differing = names
        .into_iter()
        .filter(is_own)
        .filter(|name| a.own.get(*name) != b.own.get(*name));
    let layers: BTreeSet<&str> = differing
        .map(|name| name.split('.').next().unwrap_or(name))
        .collect();
    let causes = [
        ("model", Cause::Model),
        ("prompt", Cause::Prompt),
        ("limit", Cause::Limit),
        ("version", Cause::Version),
    ];
    let found = causes.into_iter().find(|(layer, _)| layers.contains(layer));
    found.map(|(_, cause)| cause)
}
