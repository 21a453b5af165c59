//! Two trees of runs as aligned sections, one for each pair of logs that belong together, and
//! whether they can be compared at all.

use std::collections::BTreeMap;

use super::align::{self, Positions};
use super::routine;
use super::step::{ReadSession, Step, StepKind};
use crate::{Record, RecordKind, RunKind, RunTree};

/// The least share of steps that two runs of different definitions must have in common: one
/// part of this many.
const COMMON_MIN: usize = 3;
/// How deep runs below runs are compared.
const DEPTH_MAX: usize = 64;

/// Two aligned logs.
pub(super) struct Section {
    /// What stands before the keys of this log: the tasks of the runs above it.
    pub(super) prefix: String,
    pub(super) a: Vec<Step>,
    pub(super) b: Vec<Step>,
    pub(super) pairs: Vec<Positions>,
    /// The sections of the runs that both asked for, by task.
    pub(super) below: BTreeMap<String, Vec<usize>>,
}

pub(super) struct Sides<'a> {
    pub(super) a: &'a RunTree,
    pub(super) b: &'a RunTree,
    pub(super) read_session: ReadSession<'a>,
}

impl Sides<'_> {
    /// Aligns two logs, and those of the runs that both asked for at the same place.
    pub(super) fn section(
        &self,
        ours: &[Record],
        theirs: &[Record],
        prefix: String,
        depth: usize,
        sections: &mut Vec<Section>,
    ) {
        let (a, b) = (self.steps(ours, self.a), self.steps(theirs, self.b));
        let pairs = match (kind_of(ours), kind_of(theirs)) {
            (Some(RunKind::Agent), Some(RunKind::Agent)) => align::by_content(&a, &b),
            _ => align::by_key(&a, &b),
        };
        let (ours, theirs) = (children(ours, self.a), children(theirs, self.b));
        let own = sections.len();
        sections.push(Section {
            prefix: prefix.clone(),
            a,
            b,
            pairs,
            below: BTreeMap::new(),
        });
        if depth >= DEPTH_MAX {
            return;
        }
        for (place, child) in &ours {
            if let Some(other) = theirs.get(place) {
                let prefix = format!("{prefix}{} > ", place.0);
                let next = sections.len();
                let below = sections[own].below.entry(place.0.clone());
                below.or_default().push(next);
                self.section(child, other, prefix, depth + 1, sections);
            }
        }
    }

    fn steps(&self, log: &[Record], tree: &RunTree) -> Vec<Step> {
        match kind_of(log) {
            Some(RunKind::Agent) => (self.read_session)(log, tree),
            _ => routine::steps(log, tree),
        }
    }
}

fn kind_of(log: &[Record]) -> Option<RunKind> {
    start_of(log).map(|start| start.run_kind)
}

fn start_of(log: &[Record]) -> Option<&crate::RunStart> {
    match &log.first()?.kind {
        RecordKind::RunStarted(start) => Some(start),
        _ => None,
    }
}

/// Returns the logs of the runs that a run asked for, by task and position.
fn children<'a>(log: &[Record], tree: &'a RunTree) -> BTreeMap<(String, usize), &'a [Record]> {
    let mut found = BTreeMap::new();
    let Some(run) = log.first().map(|first| first.run) else {
        return found;
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for child in &tree.logs {
        let parent = start_of(child).and_then(|start| start.parent.as_ref());
        if let Some((parent, task)) = parent
            && *parent == run
        {
            let count = counts.entry(task.to_string()).or_default();
            found.insert((task.to_string(), *count), child.as_slice());
            *count += 1;
        }
    }
    found
}

/// Says why two trees cannot be compared, if they cannot.
pub(super) fn reason_against(a: &RunTree, b: &RunTree, sections: &[Section]) -> Option<String> {
    let (Some(ours), Some(theirs)) = (
        a.logs.first().and_then(|log| start_of(log)),
        b.logs.first().and_then(|log| start_of(log)),
    ) else {
        return Some("one of them has no records".to_owned());
    };
    if ours.run_kind != theirs.run_kind {
        return Some("one is a routine, the other an agent".to_owned());
    }
    let lineage = |name: &str| name.split('@').next().unwrap_or(name).to_owned();
    if lineage(&ours.name) == lineage(&theirs.name) {
        return None;
    }
    let section = sections.first()?;
    let named = |step: &&Step| !matches!(step.kind, StepKind::Start | StepKind::End);
    let steps = section.a.iter().filter(named).count();
    let steps = steps.max(section.b.iter().filter(named).count());
    let common = section
        .pairs
        .iter()
        .filter(|(x, y)| matches!((x, y), (Some(x), Some(_)) if named(&&section.a[*x])));
    let common = common.count();
    (common * COMMON_MIN < steps || common == 0).then(|| {
        format!(
            "`{}` and `{}` have {common} of {steps} steps in common",
            ours.name, theirs.name
        )
    })
}
