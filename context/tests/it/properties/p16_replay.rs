//! Property 16: a run that is replayed with the snapshot numbers that it recorded reads what
//! it read the first time, whatever was written since.

use layercake_context::view::{Situation, Walk};
use layercake_context::{Context, Pattern, Recall, Snapshot};
use proptest::prelude::*;

use crate::fixture::{Place, moment, person};
use crate::model::{Model, PREDICATES, SUBJECTS, Step, step};

/// What a run asks; it records the snapshot and nothing else.
#[derive(Debug, Clone)]
enum Question {
    Recall(usize, usize),
    AsOf(usize, i64),
    History(usize, usize),
    Around(usize),
    Advise(usize),
    All,
}

fn question() -> impl Strategy<Value = Question> {
    let subject = 0..SUBJECTS.len();
    prop_oneof![
        (0..TEXTS.len(), 0..20_usize).prop_map(|(text, limit)| Question::Recall(text, limit)),
        (subject.clone(), 0..16_i64).prop_map(|(s, at)| Question::AsOf(s, at)),
        (subject.clone(), 0..PREDICATES.len()).prop_map(|(s, p)| Question::History(s, p)),
        subject.clone().prop_map(Question::Around),
        subject.prop_map(Question::Advise),
        Just(Question::All),
    ]
}

const TEXTS: [&str; 3] = ["who likes tea", "strong coffee for Ada", "Bob knows Cyd"];

impl Question {
    fn ask(&self, context: &Context, snapshot: Snapshot) -> String {
        let view = context.view(&person(), snapshot).unwrap();
        match *self {
            Self::Recall(text, limit) => {
                let recall = Recall::of(TEXTS[text]).limit(limit).at(moment(3));
                format!("{:?}", view.recall(&recall).unwrap())
            }
            Self::AsOf(subject, at) => {
                format!("{:?}", view.as_of(SUBJECTS[subject], moment(at)).unwrap())
            }
            Self::History(subject, predicate) => {
                let history = view.history(SUBJECTS[subject], PREDICATES[predicate]);
                format!("{:?}", history.unwrap())
            }
            Self::Around(subject) => {
                let around = view.neighbours(SUBJECTS[subject], &Walk::hops(2));
                format!("{:?}", around.map_err(|error| error.to_string()))
            }
            Self::Advise(subject) => {
                let situation = Situation {
                    about: SUBJECTS[subject].into(),
                    action: "call".into(),
                    at: moment(5),
                };
                format!("{:?}", view.advise(&situation).unwrap())
            }
            Self::All => format!("{:?}", view.query(&Pattern::anything()).unwrap()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_16_a_replayed_run_reads_the_same(
        history in prop::collection::vec((step(), question()), 1..24),
        later in prop::collection::vec(step(), 1..12),
    ) {
        let mut place = Place::in_memory();
        let context = place.open();
        let mut model = Model::default();
        let mut record = Vec::new();
        for (step, question) in &history {
            model.take(&context, step);
            let snapshot = context.snapshot();
            record.push((question, snapshot, question.ask(&context, snapshot)));
        }
        let later: &[Step] = &later;
        for step in later {
            model.take(&context, step);
        }
        drop(context);
        for context in [place.open(), place.open_rebuilt()] {
            for (question, snapshot, answer) in &record {
                prop_assert_eq!(&question.ask(&context, *snapshot), answer);
            }
        }
    }
}
