//! Views made from the journal alone: what commands that only look are answered with.

use std::collections::VecDeque;

use layercake_engine::journal::{
    InboxItem, InboxKind, Journal, JournalReads, Parent, RunRow, Scan, Trouble,
};
use layercake_engine::{
    Catalog, Definition, Payload, Phase, Record, RecordKind, RunId, RunTree, Sequence,
};

use super::protocol::RoutineView;
use super::service::Hands;
use crate::error::{CommandError, codes};
use crate::report::inbox::{InboxView, QuestionView};
use crate::report::list::{BriefView, ListView};
use crate::report::run::{RunView, kind_name, phase_name, view};
use crate::routines;
use crate::store_error::store_error;

/// The most runs of one list; more are counted, not shown.
const LIST_MAX: usize = 10_000;
/// The most runs below a run that a view takes in; a tree of agents, not a runaway.
const TREE_MAX: usize = 10_000;
/// The most records of one run that are read for a view.
const RECORDS_MAX: usize = 1_000_000;
/// The most open questions that are listed.
const QUESTIONS_MAX: usize = 1_000;
/// The most published routines that are listed.
const ROUTINES_MAX: usize = 1_000;

/// Lists runs, the newest first.
pub(crate) fn runs(
    journal: &dyn Journal,
    status: Option<&str>,
    all: bool,
    limit: usize,
    hands: Hands<'_>,
) -> Result<ListView, CommandError> {
    let mut scan = Scan::newest(LIST_MAX);
    if !all {
        scan.parent = Parent::None;
    }
    if let Some(status) = status {
        scan.phases.insert(phase(status)?);
    }
    let rows = journal.scan(&scan).map_err(store_error)?;
    Ok(ListView {
        schema: "layercake.runs/1".to_owned(),
        left_out: rows.len().saturating_sub(limit),
        runs: rows
            .iter()
            .take(limit)
            .map(|row| brief(row, hands))
            .collect(),
    })
}

fn phase(word: &str) -> Result<Phase, CommandError> {
    serde_json::from_value(word.into()).map_err(|_| {
        CommandError::new(codes::INPUT_INVALID, format!("`{word}` is no status of a run"))
            .because("the standard knows pending, running, waiting, suspended, cancelled, faulted, completed")
            .next("layercake ls --status waiting")
    })
}

fn brief(row: &RunRow, hands: Hands<'_>) -> BriefView {
    BriefView {
        run: row.run.to_string(),
        kind: kind_name(row.kind).to_owned(),
        name: row.name.clone(),
        status: phase_name(row.phase).to_owned(),
        parent: row.parent.as_ref().map(|(run, _)| run.to_string()),
        started_at: row.started_at.to_string(),
        ended_at: row.ended_at.map(|at| at.to_string()),
        key: row.key.clone(),
        interrupted: is_interrupted(row, hands),
    }
}

/// Says whether a run ought to be at work and nobody moves it.
fn is_interrupted(row: &RunRow, hands: Hands<'_>) -> bool {
    let at_work = matches!(row.phase, Phase::Pending | Phase::Running);
    at_work && (row.trouble.is_some() || !hands(row))
}

/// Says in one sentence why a run does not advance although nothing is missing.
fn trouble_of(row: &RunRow) -> Option<String> {
    row.trouble.as_ref().map(|trouble| match trouble {
        Trouble::Blocked { seq, .. } => {
            format!("its history no longer replays: record {seq} is not what this version computes")
        }
        Trouble::Stuck {
            attempts, message, ..
        } => format!("the machinery failed {attempts} times: {message}"),
        Trouble::Crashed => "the engine itself failed on it; its log has more".to_owned(),
        Trouble::Unreadable { message } => format!("its definition cannot be read: {message}"),
    })
}

/// Reads a run and everything below it.
pub(crate) fn tree(journal: &dyn Journal, run: RunId) -> Result<RunTree, CommandError> {
    let tree = RunTree::read(journal, run).map_err(store_error)?;
    if tree.is_empty() {
        return Err(unknown(run));
    }
    Ok(tree)
}

fn unknown(run: RunId) -> CommandError {
    CommandError::new(codes::RUN_UNKNOWN, format!("there is no run {run}"))
        .next("layercake ls --all")
}

/// Returns a run with everything below it.
pub(crate) fn run(
    journal: &dyn Journal,
    run: RunId,
    hands: Hands<'_>,
) -> Result<RunView, CommandError> {
    let mut logs = Vec::new();
    let mut queue = VecDeque::from([run]);
    while let Some(next) = queue.pop_front() {
        logs.push(records(journal, next, 1)?);
        let scan = Scan {
            parent: Parent::Run(next),
            ..Scan::newest(TREE_MAX.saturating_sub(logs.len() + queue.len()))
        };
        let mut children = journal.scan(&scan).map_err(store_error)?;
        children.reverse();
        queue.extend(children.iter().map(|row| row.run));
    }
    let mut view = view(&logs).ok_or_else(|| unknown(run))?;
    if let Some(row) = journal.row(run).map_err(store_error)? {
        view.interrupted = is_interrupted(&row, hands);
        view.trouble = trouble_of(&row);
    }
    Ok(view)
}

/// Returns the records of a run from a number on, with input and output in place.
pub(crate) fn records(
    journal: &dyn Journal,
    run: RunId,
    from: Sequence,
) -> Result<Vec<Record>, CommandError> {
    let mut records = journal
        .records(run, from, RECORDS_MAX)
        .map_err(store_error)?;
    for record in &mut records {
        for payload in shown_payloads(record) {
            if let Payload::Stored { digest, .. } = payload
                && let Some(value) = journal.payload(*digest).map_err(store_error)?
            {
                *payload = Payload::Inline(value);
            }
        }
    }
    Ok(records)
}

/// Returns the payloads that people want to see: what went in and what came out.
fn shown_payloads(record: &mut Record) -> Vec<&mut Payload> {
    match &mut record.kind {
        RecordKind::RunStarted(start) => vec![&mut start.input],
        RecordKind::RunFinished { output, .. } => output.iter_mut().collect(),
        RecordKind::Session { body, .. } => vec![body],
        RecordKind::EffectFinished { result, .. } => result.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Lists the open questions, the oldest first.
pub(crate) fn inbox(journal: &dyn Journal) -> Result<InboxView, CommandError> {
    let items = journal.inbox(None, QUESTIONS_MAX).map_err(store_error)?;
    Ok(InboxView::new(items.into_iter().map(question).collect()))
}

fn question(item: InboxItem) -> QuestionView {
    QuestionView {
        id: item.id.digest().to_hex(),
        run: item.run.to_string(),
        task: item.task.to_string(),
        kind: match item.kind {
            InboxKind::Approval => "approval",
            InboxKind::Doubt => "doubt",
        }
        .to_owned(),
        title: item.title,
        shown: item.shown,
        shown_hash: item.shown_hash.to_string(),
        asked_at: item.asked_at.to_string(),
        expires_at: item.expires_at.map(|at| at.to_string()),
    }
}

/// Lists the published routines.
pub(crate) fn routines(journal: &dyn Journal) -> Result<Vec<RoutineView>, CommandError> {
    let mut views = Vec::new();
    for publication in journal.routines("", ROUTINES_MAX).map_err(store_error)? {
        let source = journal
            .definition(publication.digest)
            .map_err(store_error)?;
        let checked = source.and_then(|text| Definition::read(&text, &Catalog::standard()).ok());
        views.push(RoutineView {
            tool: routines::tool_name(&publication.name),
            title: checked.map_or(String::new(), |it| it.definition.title().to_owned()),
            digest: publication.digest.to_string(),
            published_at: publication.published_at.to_string(),
            name: publication.name,
        });
    }
    Ok(views)
}

/// Returns the text of a published routine; without a version, of the newest.
pub(crate) fn routine(journal: &dyn Journal, name: &str) -> Result<String, CommandError> {
    let prefix = if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@")
    };
    let mut found = journal
        .routines(&prefix, ROUTINES_MAX)
        .map_err(store_error)?;
    found.retain(|publication| !name.contains('@') || publication.name == name);
    found.sort_by_key(|publication| publication.published_at);
    let newest = found
        .pop()
        .map(|publication| journal.definition(publication.digest));
    let text = newest.transpose().map_err(store_error)?.flatten();
    text.ok_or_else(|| {
        CommandError::new(
            codes::FILE_MISSING,
            format!("there is no file or routine `{name}`"),
        )
        .because("it is neither a file nor the name of a published routine")
        .next("layercake routine ls")
    })
}
