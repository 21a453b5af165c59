//! A plain list that says what the graph must answer, and random histories to try it with.

use layercake_context::{
    Access, Confidence, Context, ContextError, EntityRef, Interval, ItemId, Merge, Op, Receipt,
    Snapshot, Statement, Trust, Verdict,
};
use proptest::prelude::*;

use crate::fixture::{commit, moment, person};

pub(crate) const SUBJECTS: [&str; 4] = ["Ada", "Bob", "Cyd", "Dan"];
pub(crate) const PREDICATES: [&str; 2] = ["knows", "likes"];
pub(crate) const VALUES: [&str; 3] = ["green tea", "strong coffee", "tea and coffee"];
/// Objects are the subjects first, then the values.
pub(crate) const OBJECTS: usize = SUBJECTS.len() + VALUES.len();

/// One step of a history. Items and merges are named by their place in the list so far.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Assert {
        subject: usize,
        predicate: usize,
        object: usize,
        from: i64,
        length: i64,
        replaces: Option<usize>,
    },
    Judge {
        item: usize,
        verdict: usize,
    },
    Merge {
        a: usize,
        b: usize,
    },
    Unmerge {
        merge: usize,
    },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let assert = (
        0..SUBJECTS.len(),
        0..PREDICATES.len(),
        0..OBJECTS,
        0..8_i64,
        0..8_i64,
        proptest::option::weighted(0.15, 0..20_usize),
    )
        .prop_map(
            |(subject, predicate, object, from, length, replaces)| Step::Assert {
                subject,
                predicate,
                object,
                from,
                length,
                replaces,
            },
        );
    let judge = (0..20_usize, 0..VERDICTS.len());
    let judge = judge.prop_map(|(item, verdict)| Step::Judge { item, verdict });
    let merge = (0..SUBJECTS.len(), 0..SUBJECTS.len()).prop_map(|(a, b)| Step::Merge { a, b });
    let unmerge = (0..4_usize).prop_map(|merge| Step::Unmerge { merge });
    prop_oneof![6 => assert, 3 => judge, 1 => merge, 1 => unmerge]
}

const VERDICTS: [Verdict; 5] = [
    Verdict::Accept,
    Verdict::Dispute,
    Verdict::Reject,
    Verdict::Retract,
    Verdict::Lift,
];

/// An assertion in the list, with all states that it went through.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: ItemId,
    pub(crate) subject: usize,
    pub(crate) predicate: usize,
    pub(crate) object: usize,
    pub(crate) valid: Interval,
    states: Vec<(Snapshot, Trust)>,
}

/// A span of the transaction axis.
#[derive(Debug, Clone)]
struct Span {
    since: Snapshot,
    until: Option<Snapshot>,
}

impl Span {
    fn holds_at(&self, snapshot: Snapshot) -> bool {
        self.since <= snapshot && self.until.is_none_or(|until| snapshot < until)
    }
}

#[derive(Debug, Clone)]
struct Ban {
    subject: usize,
    predicate: usize,
    object: usize,
    span: Span,
}

#[derive(Debug, Clone)]
struct Merged {
    id: ItemId,
    a: usize,
    b: usize,
    span: Span,
}

/// The whole history as lists.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    access: Access,
    pub(crate) lines: Vec<Line>,
    bans: Vec<Ban>,
    merges: Vec<Merged>,
}

impl Default for Model {
    fn default() -> Self {
        Self::in_scope(person())
    }
}

impl Line {
    fn own_trust_at(&self, snapshot: Snapshot) -> Option<Trust> {
        let mut states = self.states.iter().rev();
        let last = states.find(|(at, _)| *at <= snapshot);
        last.map(|&(_, trust)| trust)
    }

    fn own_trust(&self) -> Trust {
        self.states.last().unwrap().1
    }
}

impl Model {
    /// Makes a list of what a person writes in some scope.
    pub(crate) fn in_scope(access: Access) -> Self {
        Self {
            access,
            lines: Vec::new(),
            bans: Vec::new(),
            merges: Vec::new(),
        }
    }

    /// All subjects that are the same as one at a snapshot.
    pub(crate) fn class(&self, subject: usize, snapshot: Snapshot) -> Vec<usize> {
        let mut class = vec![subject];
        loop {
            let before = class.len();
            for merge in self.merges.iter().filter(|m| m.span.holds_at(snapshot)) {
                for (here, there) in [(merge.a, merge.b), (merge.b, merge.a)] {
                    if class.contains(&here) && !class.contains(&there) {
                        class.push(there);
                    }
                }
            }
            if class.len() == before {
                return class;
            }
        }
    }

    /// All objects that are the same as one at a snapshot.
    fn object_class(&self, object: usize, snapshot: Snapshot) -> Vec<usize> {
        if object < SUBJECTS.len() {
            self.class(object, snapshot)
        } else {
            vec![object]
        }
    }

    fn is_banned(&self, line: (usize, usize, usize), snapshot: Snapshot) -> bool {
        let (subject, predicate, object) = line;
        let subjects = self.class(subject, snapshot);
        let objects = self.object_class(object, snapshot);
        self.bans.iter().any(|ban| {
            ban.span.holds_at(snapshot)
                && ban.predicate == predicate
                && subjects.contains(&ban.subject)
                && objects.contains(&ban.object)
        })
    }

    /// The trust that a reader sees.
    pub(crate) fn trust_at(&self, line: &Line, snapshot: Snapshot) -> Option<Trust> {
        let own = line.own_trust_at(snapshot)?;
        let key = (line.subject, line.predicate, line.object);
        let banned = own.is_live() && self.is_banned(key, snapshot);
        Some(if banned { Trust::Rejected } else { own })
    }

    pub(crate) fn is_live_at(&self, line: &Line, snapshot: Snapshot) -> bool {
        self.trust_at(line, snapshot).is_some_and(Trust::is_live)
    }

    pub(crate) fn ids(&self, keep: impl Fn(&Line) -> bool) -> Vec<ItemId> {
        let kept = self.lines.iter().filter(|line| keep(line));
        kept.map(|line| line.id).collect()
    }

    fn change(&mut self, index: usize, snapshot: Snapshot, trust: Trust) {
        let line = &mut self.lines[index];
        if line.own_trust() != trust {
            line.states.push((snapshot, trust));
        }
    }

    /// Turns a step into an operation, as far as it makes sense now.
    fn op(&self, step: &Step) -> Option<Op> {
        Some(match *step {
            Step::Assert {
                subject,
                predicate,
                object,
                from,
                length,
                replaces,
            } => {
                let (subject, predicate) = (SUBJECTS[subject], PREDICATES[predicate]);
                let statement = match VALUES.get(object.wrapping_sub(SUBJECTS.len())) {
                    Some(&value) => Statement::new(subject, predicate, value),
                    None => {
                        let object = EntityRef::from(SUBJECTS[object]);
                        Statement::new(subject, predicate, object)
                    }
                };
                let statement = statement.valid(valid(from, length));
                let replaced = replaces.and_then(|index| self.lines.get(index));
                Op::Assert(match replaced {
                    Some(line) => statement.replacing(line.id),
                    None => statement,
                })
            }
            Step::Judge { item, verdict } => Op::Judge {
                item: self.lines.get(item)?.id,
                verdict: VERDICTS[verdict],
            },
            Step::Merge { a, b } if a != b => Op::Merge(Merge {
                a: SUBJECTS[a].into(),
                b: SUBJECTS[b].into(),
                confidence: Confidence::FULL,
                derived_from: Vec::new(),
            }),
            Step::Merge { .. } => return None,
            Step::Unmerge { merge } => Op::Judge {
                item: self.merges.get(merge)?.id,
                verdict: Verdict::Retract,
            },
        })
    }

    fn record(&mut self, step: &Step, id: ItemId, snapshot: Snapshot) {
        match *step {
            Step::Assert {
                subject,
                predicate,
                object,
                from,
                length,
                replaces,
            } => {
                if let Some(index) = replaces.filter(|&index| index < self.lines.len()) {
                    self.retract(index, snapshot);
                }
                self.lines.push(Line {
                    id,
                    subject,
                    predicate,
                    object,
                    valid: valid(from, length),
                    states: vec![(snapshot, Trust::Accepted)],
                });
            }
            Step::Judge { item, verdict } => self.judge(item, VERDICTS[verdict], snapshot),
            Step::Merge { a, b } => self.merges.push(Merged {
                id,
                a,
                b,
                span: Span {
                    since: snapshot,
                    until: None,
                },
            }),
            Step::Unmerge { merge } => {
                let until = &mut self.merges[merge].span.until;
                *until = until.or(Some(snapshot));
            }
        }
    }

    fn judge(&mut self, index: usize, verdict: Verdict, snapshot: Snapshot) {
        let line = self.lines[index].clone();
        match verdict {
            Verdict::Accept => {
                self.lift(&line, snapshot);
                self.change(index, snapshot, Trust::Accepted);
            }
            Verdict::Lift => self.lift(&line, snapshot),
            Verdict::Dispute if line.own_trust().is_live() => {
                self.change(index, snapshot, Trust::Disputed);
            }
            Verdict::Dispute => {}
            Verdict::Retract => self.retract(index, snapshot),
            Verdict::Reject | Verdict::RejectUntil(_) => {
                self.change(index, snapshot, Trust::Rejected);
                for other in 0..self.lines.len() {
                    let same = &self.lines[other];
                    let says_the_same = same.subject == line.subject
                        && same.predicate == line.predicate
                        && same.object == line.object;
                    if says_the_same && same.own_trust().is_live() {
                        self.change(other, snapshot, Trust::Rejected);
                    }
                }
                self.bans.push(Ban {
                    subject: line.subject,
                    predicate: line.predicate,
                    object: line.object,
                    span: Span {
                        since: snapshot,
                        until: None,
                    },
                });
            }
        }
    }

    fn retract(&mut self, index: usize, snapshot: Snapshot) {
        if self.lines[index].own_trust().is_live() {
            self.change(index, snapshot, Trust::Retracted);
        }
    }

    fn lift(&mut self, line: &Line, snapshot: Snapshot) {
        let subjects = self.class(line.subject, snapshot);
        let objects = self.object_class(line.object, snapshot);
        for ban in &mut self.bans {
            if ban.predicate == line.predicate
                && subjects.contains(&ban.subject)
                && objects.contains(&ban.object)
                && ban.span.until.is_none()
            {
                ban.span.until = Some(snapshot);
            }
        }
    }

    /// Takes a step in the context and in the model, and checks that both agree whether it is
    /// allowed.
    pub(crate) fn take(&mut self, context: &Context, step: &Step) -> Option<Receipt> {
        let op = self.op(step)?;
        let banned = match *step {
            Step::Assert {
                subject,
                predicate,
                object,
                ..
            } => self.is_banned((subject, predicate, object), context.snapshot()),
            _ => false,
        };
        match context.commit(&self.access, commit([op])) {
            Ok(receipt) => {
                assert!(!banned, "a rejected value came back by {step:?}");
                self.record(step, receipt.ids[0], receipt.snapshot);
                Some(receipt)
            }
            Err(ContextError::Banned { .. }) => {
                assert!(banned, "{step:?} was refused without reason");
                None
            }
            Err(error) => panic!("{step:?} failed: {error}"),
        }
    }
}

pub(crate) fn valid(from: i64, length: i64) -> Interval {
    Interval::between(moment(from), moment(from + length))
        .unwrap_or_else(|| Interval::since(moment(from)))
}
