//! Which record shows why a run failed: the first one with the problem that ended the run, in
//! the run itself or as deep below it as the problem came from.

use layercake_engine::{EffectRequest, Phase, Problem, Record, RecordKind, RunId};

use super::FailureView;

/// Finds the failure that ended the first run of some logs.
pub(super) fn of(logs: &[Vec<Record>]) -> Option<FailureView> {
    let log = logs.first()?;
    let (record, problem) = cause_in(log)?;
    let deeper = child_of(record, log).and_then(|child| {
        let log = logs
            .iter()
            .find(|log| log.first().is_some_and(|it| it.run == child))?;
        cause_in(log)
    });
    let (record, problem) = deeper.unwrap_or((record, problem));
    Some(FailureView {
        run: record.run.to_string(),
        task: record.task.to_string(),
        record: record.seq,
        sentence: sentence(problem),
    })
}

/// Returns the first record of a log that tells of the problem that ended the run.
fn cause_in(log: &[Record]) -> Option<(&Record, &Problem)> {
    let last = log.iter().rev().find_map(|record| match &record.kind {
        RecordKind::RunFinished {
            phase: Phase::Faulted,
            problem: Some(problem),
            ..
        } => Some((record, problem)),
        _ => None,
    })?;
    let same = |problem: &Problem| problem.kind == last.1.kind && problem.title == last.1.title;
    let first = log.iter().find_map(|record| {
        let (RecordKind::EffectFinished {
            result: Err(problem),
            ..
        }
        | RecordKind::TaskFaulted { problem }) = &record.kind
        else {
            return None;
        };
        same(problem).then_some((record, problem))
    });
    Some(first.unwrap_or(last))
}

/// Returns the run whose end a record tells of.
fn child_of(record: &Record, log: &[Record]) -> Option<RunId> {
    let RecordKind::EffectFinished { effect, .. } = &record.kind else {
        return None;
    };
    log.iter().find_map(|record| match &record.kind {
        RecordKind::EffectIntended(intended) if intended.id == *effect => match &intended.request {
            EffectRequest::Run { child, .. } => Some(*child),
            EffectRequest::Call(call) if call.function == "agent" => Some(RunId::derived(
                intended.run,
                intended.asked_at,
                &intended.task,
                intended.attempt,
            )),
            _ => None,
        },
        _ => None,
    })
}

fn sentence(problem: &Problem) -> String {
    match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.title),
        None => problem.title.clone(),
    }
}
