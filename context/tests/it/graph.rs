//! The graph against a plain list: every question at every snapshot gives what a filter over
//! the whole history gives.

use layercake_context::{
    Interval, ItemId, Op, Pattern, Recall, Snapshot, Statement, Trust, Value, Verdict, View,
};
use proptest::prelude::*;

use crate::fixture::{Place, commit, moment, person};

const SUBJECTS: [&str; 3] = ["Ada", "Bob", "Cyd"];
const PREDICATES: [&str; 2] = ["knows", "likes"];
const VALUES: [&str; 3] = ["green tea", "strong coffee", "tea and coffee"];

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
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
}

fn step() -> impl Strategy<Value = Step> {
    let assert = (
        0..3_usize,
        0..2_usize,
        0..6_usize,
        0..8_i64,
        0..8_i64,
        proptest::option::weighted(0.2, 0..20_usize),
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
    let judge = (0..20_usize, 0..4_usize).prop_map(|(item, verdict)| Step::Judge { item, verdict });
    prop_oneof![3 => assert, 1 => judge]
}

/// An assertion in the plain list, with all states it went through.
#[derive(Debug, Clone)]
struct Line {
    id: ItemId,
    subject: usize,
    predicate: usize,
    object: usize,
    valid: Interval,
    states: Vec<(Snapshot, Trust)>,
}

impl Line {
    fn trust_at(&self, snapshot: Snapshot) -> Option<Trust> {
        let mut states = self.states.iter().rev();
        let last = states.find(|(at, _)| *at <= snapshot);
        last.map(|&(_, trust)| trust)
    }

    fn is_live_at(&self, snapshot: Snapshot) -> bool {
        self.trust_at(snapshot).is_some_and(Trust::is_live)
    }
}

/// The whole history as a list.
#[derive(Default)]
struct Model {
    lines: Vec<Line>,
}

impl Model {
    fn change(&mut self, index: usize, snapshot: Snapshot, trust: Trust) {
        let states = &mut self.lines[index].states;
        if states.last().is_some_and(|&(_, last)| last != trust) {
            states.push((snapshot, trust));
        }
    }

    /// Turns a step into an operation, as far as it makes sense now.
    fn op(&self, step: &Step) -> Option<Op> {
        match *step {
            Step::Assert {
                subject,
                predicate,
                object,
                from,
                length,
                replaces,
            } => {
                let subject = SUBJECTS[subject];
                let predicate = PREDICATES[predicate];
                let mut statement = if object < 3 {
                    let object = layercake_context::EntityRef::from(SUBJECTS[object]);
                    Statement::new(subject, predicate, object)
                } else {
                    Statement::new(subject, predicate, VALUES[object - 3])
                };
                statement = statement.valid(valid(from, length));
                if let Some(line) = replaces.and_then(|index| self.lines.get(index)) {
                    statement = statement.replacing(line.id);
                }
                Some(Op::Assert(statement))
            }
            Step::Judge { item, verdict } => Some(Op::Judge {
                item: self.lines.get(item)?.id,
                verdict: VERDICTS[verdict].0,
            }),
        }
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
                    self.change(index, snapshot, Trust::Retracted);
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
            Step::Judge { item, verdict } => self.change(item, snapshot, VERDICTS[verdict].1),
        }
    }

    fn ids(&self, keep: impl Fn(&Line) -> bool) -> Vec<ItemId> {
        let kept = self.lines.iter().filter(|line| keep(line));
        kept.map(|line| line.id).collect()
    }
}

const VERDICTS: [(Verdict, Trust); 4] = [
    (Verdict::Accept, Trust::Accepted),
    (Verdict::Dispute, Trust::Disputed),
    (Verdict::Reject, Trust::Rejected),
    (Verdict::Retract, Trust::Retracted),
];

fn valid(from: i64, length: i64) -> Interval {
    Interval::between(moment(from), moment(from + length))
        .unwrap_or_else(|| Interval::since(moment(from)))
}

fn ids(view: &View, pattern: &Pattern) -> Vec<ItemId> {
    let found = view.query(pattern).unwrap().assertions;
    found.iter().map(|assertion| assertion.id).collect()
}

/// Compares every kind of question at one snapshot.
fn check_snapshot(model: &Model, view: &View, snapshot: Snapshot) {
    let live = |line: &Line| line.is_live_at(snapshot);
    assert_eq!(ids(view, &Pattern::anything()), model.ids(live));
    for (s, subject) in SUBJECTS.into_iter().enumerate() {
        for at in 0..16 {
            let found = view.as_of(subject, moment(at)).unwrap();
            let found: Vec<_> = found.iter().map(|a| a.id).collect();
            let holds = |line: &Line| live(line) && line.valid.contains(moment(at));
            assert_eq!(found, model.ids(|l| l.subject == s && holds(l)));
        }
        let object = layercake_context::EntityRef::from(subject);
        let about = Pattern::anything().object(object);
        assert_eq!(ids(view, &about), model.ids(|l| l.object == s && live(l)));
        for (p, predicate) in PREDICATES.into_iter().enumerate() {
            let of_pair = |l: &Line| l.subject == s && l.predicate == p;
            let pattern = Pattern::about(subject).predicate(predicate);
            assert_eq!(ids(view, &pattern), model.ids(|l| of_pair(l) && live(l)));
            let history = view.history(subject, predicate).unwrap();
            let history: Vec<_> = history.iter().map(|a| (a.id, a.trust)).collect();
            let expected = model.lines.iter().filter(|l| of_pair(l));
            let expected: Vec<_> = expected
                .filter_map(|l| Some((l.id, l.trust_at(snapshot)?)))
                .collect();
            assert_eq!(history, expected);
        }
    }
    check_values(model, view, snapshot);
}

fn check_values(model: &Model, view: &View, snapshot: Snapshot) {
    let live = |line: &Line| line.is_live_at(snapshot);
    for (v, value) in VALUES.into_iter().enumerate() {
        let of_value = |l: &Line| l.object == v + 3 && live(l);
        let loose = Value::from(format!("  {} ", value.to_uppercase()));
        let pattern = Pattern::anything().object(loose);
        assert_eq!(ids(view, &pattern), model.ids(of_value));
        let pattern = pattern.predicate(PREDICATES[0]);
        assert_eq!(
            ids(view, &pattern),
            model.ids(|l| of_value(l) && l.predicate == 0)
        );
    }
    let recalled = view.recall(&Recall::of("coffee").limit(100)).unwrap();
    let mut recalled: Vec<_> = recalled.items.iter().map(|i| i.item.id()).collect();
    recalled.sort();
    assert_eq!(recalled, model.ids(|l| l.object >= 4 && live(l)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Property 1: as-of on both axes equals a filter over the whole list, on every index
    /// path. Property 2: reading at a snapshot gives the same after later writes and after
    /// the store was opened again.
    #[test]
    fn every_question_equals_a_filter_over_the_whole_history(
        steps in prop::collection::vec(step(), 1..24)
    ) {
        let mut place = Place::in_memory();
        let context = place.open();
        let mut model = Model::default();
        for step in &steps {
            let Some(op) = model.op(step) else { continue };
            let receipt = context.commit(&person(), commit([op])).unwrap();
            model.record(step, receipt.ids[0], receipt.snapshot);
            check_snapshot(&model, &context.latest(&person()), receipt.snapshot);
        }
        let last = context.snapshot();
        drop(context);
        let context = place.open();
        for number in 0..=last.number() {
            let snapshot = Snapshot::from_number(number);
            let view = context.view(&person(), snapshot).unwrap();
            check_snapshot(&model, &view, snapshot);
        }
        prop_assert!(context.audit().verify().unwrap().flaws.is_empty());
    }
}
