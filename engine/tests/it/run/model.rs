//! Random routines against a naive interpreter: recursive, in memory, without records.

mod interpreter;
mod routine;

use layercake_engine::{EffectRequest, Outcome, Problem, ProblemKind, RecordKind};
use proptest::prelude::*;
use serde_json::json;

use super::trial::{Trial, read};
use interpreter::{Ending, Interpreter};
use routine::{Answer, Plan};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_does_what_the_naive_interpreter_does(plan in routine::plan()) {
        check(&plan)?;
    }
}

fn check(plan: &Plan) -> Result<(), TestCaseError> {
    let Some(expected) = Interpreter::run(plan) else {
        return Ok(()); // it does not come to an end soon enough
    };
    let mut trial = Trial::start_definition(read(&plan.to_text()), json!({ "n": plan.start }));
    drive(&mut trial, &plan.answers);
    trial.verify();
    let starts: Vec<(String, u32)> = trial
        .records
        .iter()
        .filter(|record| matches!(record.kind, RecordKind::TaskStarted))
        .map(|record| (record.task.as_str().to_owned(), record.attempt))
        .collect();
    prop_assert_eq!(starts, expected.starts);
    let actual = match trial.run.problem() {
        None => Ending::Completed(trial.run.output().cloned().unwrap_or_default()),
        Some(problem) => Ending::Faulted {
            status: problem.status,
            instance: problem.instance.clone().unwrap_or_default(),
        },
    };
    prop_assert_eq!(actual, expected.ending);
    check_effects(&trial)
}

/// Lets the run have its way: answers each call in its time, and lets time pass.
fn drive(trial: &mut Trial, answers: &[Answer]) {
    let mut asked = 0;
    while !trial.run.phase().is_final() {
        let call = trial
            .run
            .pending()
            .find_map(|effect| match &effect.request {
                EffectRequest::Call(call) => Some((effect.clone(), call.clone())),
                _ => None,
            });
        let due = trial.run.next_due();
        let Some((effect, call)) = call else {
            let due = due.expect("a run that has not ended waits for something");
            trial.pass(due.as_millis() - trial.now().as_millis());
            continue;
        };
        let answer = answers[asked % answers.len()];
        asked += 1;
        let end = trial.now().plus_millis(answer.takes());
        if let Some(due) = due.filter(|due| *due < end) {
            trial.pass(due.as_millis() - trial.now().as_millis());
            continue; // it was too slow: a limit has passed
        }
        let outcome = match answer {
            Answer::Gives { add, .. } => {
                let n = call.arguments["n"].as_u64().expect("n is a number");
                Outcome::completed(json!({ "n": (n * 2 + add) % 1_000 }))
            }
            Answer::Fails { status, .. } => Outcome::failed(
                Problem::standard(ProblemKind::Communication, "x").with_status(status),
            ),
        };
        trial.later(answer.takes());
        trial.settle(effect.task.as_str(), outcome);
    }
}

/// No two intents may share an id, and every one is settled or given up.
fn check_effects(trial: &Trial) -> Result<(), TestCaseError> {
    let mut open = std::collections::BTreeSet::new();
    let mut seen = std::collections::BTreeSet::new();
    for record in &trial.records {
        match &record.kind {
            RecordKind::EffectIntended(effect) => {
                prop_assert!(seen.insert(effect.id), "{} twice", effect.task);
                if !matches!(effect.request, EffectRequest::Timer { .. }) {
                    open.insert(effect.id);
                }
            }
            RecordKind::EffectFinished { effect, .. } => prop_assert!(open.remove(effect)),
            RecordKind::EffectAbandoned { effect } => {
                open.remove(effect);
            }
            _ => {}
        }
    }
    prop_assert!(open.is_empty());
    Ok(())
}
