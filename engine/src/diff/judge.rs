//! From aligned steps to the answer: which differences are origins, and what only follows.

use std::collections::BTreeSet;

use super::cause::{Equivalence, Finding};
use super::explain::explain;
use super::section::{Section, Sides, reason_against};
use super::step::{Ending, ReadSession, Step, StepKind};
use super::{Cause, Comparison, Label, Origin, Pair, Place, Verdict, own};
use crate::{Catalog, Definition, ReplayError, Run, RunTree};

/// Compares two runs with everything below them. `read_session` reads the logs of agents.
pub fn compare(a: &RunTree, b: &RunTree, read_session: ReadSession<'_>) -> Comparison {
    let mut sections = Vec::new();
    if let (Some(ours), Some(theirs)) = (a.logs.first(), b.logs.first()) {
        let sides = Sides { a, b, read_session };
        sides.section(ours, theirs, String::new(), 0, &mut sections);
    }
    if let Some(reason) = reason_against(a, b, &sections) {
        return Comparison {
            verdict: Verdict::NotComparable,
            reason: Some(reason),
            origins: Vec::new(),
            downstream: 0,
            absorbed_retries: 0,
            pairs: Vec::new(),
        };
    }
    let mut judge = Judge {
        trees: (a, b),
        sections: &sections,
        judged: Vec::new(),
        tainted: BTreeSet::new(),
        same: Equivalence::default(),
        races: Vec::new(),
        quiet: Vec::new(),
        alone: Vec::new(),
    };
    judge.section(0, true);
    judge.answer()
}

/// A pair of steps, or a step that only one run has, with what was found out about it.
struct Judged<'a> {
    task: String,
    a: Option<&'a Step>,
    b: Option<&'a Step>,
    label: Label,
    cause: Option<Cause>,
}

struct Judge<'a> {
    trees: (&'a RunTree, &'a RunTree),
    sections: &'a [Section],
    /// In the order in which the steps came to their ends.
    judged: Vec<Judged<'a>>,
    /// Tasks with something inside them that differs for a reason.
    tainted: BTreeSet<String>,
    same: Equivalence,
    /// Pairs in which one run gave up what the other finished.
    races: Vec<usize>,
    /// Pairs that are defined differently and came out the same.
    quiet: Vec<usize>,
    /// Events that only one run was sent.
    alone: Vec<usize>,
}

impl<'a> Judge<'a> {
    /// Judges a section. `asked_alike` says whether both runs above asked for the same.
    fn section(&mut self, index: usize, asked_alike: bool) {
        let Some(section) = self.sections.get(index) else {
            return;
        };
        let mut order: Vec<(Option<&'a Step>, Option<&'a Step>, u64)> = Vec::new();
        let mut last = 0;
        for (x, y) in &section.pairs {
            let (x, y) = (x.map(|x| &section.a[x]), y.map(|y| &section.b[y]));
            // What only the second run has stands behind what it follows there.
            last = x.map_or(last, |step| step.answered.unwrap_or(step.asked));
            order.push((x, y, last));
        }
        order.sort_by_key(|(_, _, end)| *end);
        for (a, b, _) in order {
            let key = a.or(b).map_or("", |step| step.key.as_str());
            let key = key.trim_end_matches("@end");
            let task = format!("{}{key}", section.prefix);
            let below = section.below.get(key).cloned().unwrap_or_default();
            for child in below {
                let alike = matches!((a, b), (Some(a), Some(b)) if a.request == b.request);
                self.section(child, alike);
            }
            self.pair(task, a, b, index == 0, asked_alike);
        }
    }

    fn pair(
        &mut self,
        task: String,
        a: Option<&'a Step>,
        b: Option<&'a Step>,
        is_root: bool,
        asked_alike: bool,
    ) {
        let index = self.judged.len();
        let (label, cause) = match (a, b) {
            (Some(a), Some(b)) if a.kind == StepKind::Start && !is_root => {
                if asked_alike {
                    self.same.learn(a, b);
                }
                match a.outcome == b.outcome {
                    true => self.both(&task, a, b),
                    false => (Label::Downstream, None),
                }
            }
            (Some(a), Some(b)) => self.both(&task, a, b),
            (Some(a), None) => self.one(a, Label::OnlyA),
            (_, Some(b)) => self.one(b, Label::OnlyB),
            (None, None) => return,
        };
        if !matches!(label, Label::Equal | Label::Volatile) {
            self.taint(&task);
        }
        debug_assert_eq!(index, self.judged.len());
        self.judged.push(Judged {
            task,
            a,
            b,
            label,
            cause,
        });
    }

    fn both(&mut self, task: &str, a: &Step, b: &Step) -> (Label, Option<Cause>) {
        let index = self.judged.len();
        let is_tainted = self.tainted.contains(task);
        if a.kind == StepKind::End && a.ending != Ending::Stopped && b.ending != Ending::Stopped {
            let label = match (a.output, a.ending) == (b.output, b.ending) {
                true => Label::Equal,
                false if a.ending == b.ending && self.is_quiet(a, b) => Label::Volatile,
                false => Label::Downstream,
            };
            return (label, None);
        }
        match self.same.judge(a, b, is_tainted) {
            Finding::Equal => {
                if a.own != b.own {
                    self.quiet.push(index);
                }
                (Label::Equal, None)
            }
            Finding::Origin(cause) => (Label::Origin, Some(cause)),
            Finding::Race => {
                self.races.push(index);
                (Label::Downstream, None)
            }
            Finding::Volatile => {
                self.same.learn(a, b);
                (Label::Volatile, None)
            }
            Finding::Downstream => (Label::Downstream, None),
        }
    }

    /// Says whether nothing before the ends of two runs can have made them different.
    fn is_quiet(&self, a: &Step, b: &Step) -> bool {
        let is_loud = |it: &Judged<'_>| !matches!(it.label, Label::Equal | Label::Volatile);
        self.same.holds(a.output, b.output)
            || self.quiet.is_empty() && a.engine == b.engine && !self.judged.iter().any(is_loud)
    }

    /// A step that only one run has is where the difference began when only that run's
    /// definition has it, or when somebody outside did it.
    fn one(&mut self, step: &Step, label: Label) -> (Label, Option<Cause>) {
        if step.key.starts_with("request:") {
            return (Label::Origin, Some(Cause::Human));
        }
        if step.key.starts_with("event:") {
            self.alone.push(self.judged.len());
            return (label, None);
        }
        let other = match label {
            Label::OnlyA => self.trees.1,
            _ => self.trees.0,
        };
        let is_new = step.own.contains_key("definition") && !is_defined(step, self.trees, other);
        match is_new {
            // A task inside an added one was added with it.
            true => (Label::Origin, Some(Cause::Definition)),
            false => (label, None),
        }
    }

    fn taint(&mut self, task: &str) {
        for (position, letter) in task.char_indices() {
            if letter == '/' || letter == '[' {
                self.tainted.insert(task[..position].to_owned());
            }
        }
        let mut above = task;
        while let Some(end) = above.rfind(" > ") {
            above = &above[..end];
            self.tainted.insert(above.to_owned());
        }
    }

    fn answer(mut self) -> Comparison {
        self.fold_added();
        if self.judged.iter().all(|it| it.label != Label::Origin) {
            self.fall_back();
        }
        let is_same = self.judged.iter().all(|it| it.label != Label::Origin);
        let mut pairs = Vec::with_capacity(self.judged.len());
        let (mut origins, mut downstream, mut absorbed) = (Vec::new(), 0, 0);
        for it in &self.judged {
            if let Some(cause) = it.cause {
                origins.push(self.origin(it, cause));
            }
            if let (Some(a), Some(b)) = (it.a, it.b)
                && a.request.is_some()
                && it.label != Label::Origin
            {
                absorbed += a.attempts.abs_diff(b.attempts) as usize;
            }
            let follows = matches!(it.label, Label::Downstream | Label::OnlyA | Label::OnlyB);
            downstream += usize::from(follows && !is_same);
            pairs.push(Pair {
                task: it.task.clone(),
                name: it
                    .a
                    .or(it.b)
                    .map_or(String::new(), |step| step.name.clone()),
                label: match it.label {
                    Label::Downstream if is_same => Label::Volatile,
                    label => label,
                },
                a: it.a.map(place_of),
                b: it.b.map(place_of),
            });
        }
        Comparison {
            verdict: if is_same {
                Verdict::Same
            } else {
                Verdict::Diverged
            },
            reason: None,
            origins,
            downstream,
            absorbed_retries: absorbed,
            pairs,
        }
    }

    /// Of a whole block that one definition has more, the outermost task is the origin.
    fn fold_added(&mut self) {
        let added: Vec<String> = self
            .judged
            .iter()
            .filter(|it| it.cause == Some(Cause::Definition) && (it.a.is_none() || it.b.is_none()))
            .map(|it| it.task.clone())
            .collect();
        for it in &mut self.judged {
            let inside = |outer: &String| {
                let rest = it.task.strip_prefix(outer.as_str());
                rest.is_some_and(|rest| rest.starts_with(['/', '[', '#']))
            };
            if it.cause == Some(Cause::Definition) && added.iter().any(inside) {
                it.cause = None;
                it.label = if it.a.is_some() {
                    Label::OnlyA
                } else {
                    Label::OnlyB
                };
            }
        }
    }

    /// Explains differences that no step explains by itself.
    fn fall_back(&mut self) {
        let is_loud = |it: &Judged<'_>| !matches!(it.label, Label::Equal | Label::Volatile);
        let Some(first) = self.judged.iter().position(is_loud) else {
            return;
        };
        let won = |index: &&usize| {
            self.judged[**index]
                .a
                .is_some_and(|it| it.ending == Ending::Done)
        };
        let race = self.races.iter().find(won).or(self.races.first());
        let engines = self.judged.iter().any(|it| match (it.a, it.b) {
            (Some(a), Some(b)) => a.engine != b.engine,
            _ => false,
        });
        let found = if let Some(race) = race {
            (*race, Cause::Timing)
        } else if let Some(event) = self.alone.first() {
            (*event, Cause::Human)
        } else if let Some(change) = self.quiet.iter().rev().find(|index| **index <= first) {
            (*change, Cause::Definition)
        } else if engines {
            (self.recomputed().unwrap_or(first), Cause::Version)
        } else if self.is_unfinished() {
            return;
        } else {
            let drawn = |it: &Judged<'_>| it.label == Label::Volatile;
            let drawn = self.judged.iter().position(drawn);
            (drawn.unwrap_or(first), Cause::Timing)
        };
        self.judged[found.0].label = Label::Origin;
        self.judged[found.0].cause = Some(found.1);
    }

    /// Finds the step that this engine computes differently than the one that wrote it.
    fn recomputed(&self) -> Option<usize> {
        let task = [self.trees.1, self.trees.0].into_iter().find_map(|tree| {
            let log = tree.logs.first()?;
            let source = tree.definitions.get(&log.first()?.definition)?;
            let definition = Definition::read(source, &Catalog::standard())
                .ok()?
                .definition;
            match Run::replay(definition, log.iter().cloned()) {
                Err(ReplayError::Diverged(divergence)) => Some(divergence.task.to_string()),
                _ => None,
            }
        })?;
        self.judged.iter().position(|it| it.task == task)
    }

    /// Says whether the only differences are that one run has not got as far as the other.
    fn is_unfinished(&self) -> bool {
        let is_open = |step: Option<&Step>| step.is_none_or(|step| step.ending == Ending::Open);
        let differing = self
            .judged
            .iter()
            .filter(|it| !matches!(it.label, Label::Equal | Label::Volatile));
        let mut differing = differing.peekable();
        differing.peek().is_some()
            && (differing.clone().all(|it| is_open(it.a)) || differing.all(|it| is_open(it.b)))
    }

    fn origin(&self, it: &Judged<'_>, cause: Cause) -> Origin {
        let (explanation, before, after) = explain(cause, it.a, it.b, self.trees);
        Origin {
            cause,
            task: it.task.clone(),
            a: it.a.map(place_of),
            b: it.b.map(place_of),
            explanation,
            before,
            after,
        }
    }
}

fn place_of(step: &Step) -> Place {
    Place {
        run: step.run,
        seq: step.answered.unwrap_or(step.asked),
    }
}

/// Says whether the other run's definition of the same lineage has a step's task.
fn is_defined(step: &Step, trees: (&RunTree, &RunTree), other: &RunTree) -> bool {
    let first = |tree: &RunTree| tree.log(step.run).first().cloned();
    let Some(own) = first(trees.0).or_else(|| first(trees.1)) else {
        return true;
    };
    let name = |record: &crate::Record| match &record.kind {
        crate::RecordKind::RunStarted(start) => {
            start.name.split('@').next().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    let mut logs = other.logs.iter().filter_map(|log| log.first());
    let partner = logs.find(|first| name(first) == name(&own));
    let source = partner.and_then(|first| other.definitions.get(&first.definition));
    source.is_none_or(|source| own::has(source, &own::path_of(&step.key)))
}
