//! `inbox`: open questions to people, and answering one.

use std::path::Path;

use layercake_engine::Verdict;
use serde_json::json;

use super::follow::deciding;
use super::named::unexpected;
use crate::args::{AnswerArguments, InboxAction, InboxArguments};
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::host::protocol::{Answer, Request};
use crate::host::{Purpose, Store};
use crate::report::inbox::{InboxView, QuestionView, paint, short};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the command.
pub(crate) async fn run(
    arguments: &InboxArguments,
    settings: Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    settings.require_store()?;
    match &arguments.action {
        None => list(&settings, screen).await,
        Some(InboxAction::Approve(answer) | InboxAction::Answer(answer)) => {
            decide(answer, Verdict::Approve, &settings, cwd, screen).await
        }
        Some(InboxAction::Reject(answer)) => {
            decide(answer, Verdict::Reject, &settings, cwd, screen).await
        }
    }
}

async fn list(settings: &Settings, screen: &Screen) -> CommandResult {
    let mut store = Store::open(settings, Purpose::Look).await?;
    let inbox = open_questions(&mut store).await?;
    if screen.json {
        screen.document(&inbox);
        return Ok(Exit::Success);
    }
    screen.data(&paint(&inbox, screen.out));
    if let Some(first) = inbox.items.first() {
        let id = short(&first.id);
        screen.next(&[
            format!("layercake inbox approve {id}"),
            format!("layercake inbox reject {id} --comment \"…\""),
        ]);
    }
    Ok(Exit::Success)
}

async fn decide(
    arguments: &AnswerArguments,
    verdict: Verdict,
    settings: &Settings,
    cwd: &Path,
    screen: &Screen,
) -> CommandResult {
    let edited = match &arguments.edit {
        None => None,
        Some(file) => {
            let argument = format!("@{}", file.display());
            Some(super::input::read(Some(&argument), cwd)?)
        }
    };
    let mut store = Store::open(settings, Purpose::Work).await?;
    let inbox = open_questions(&mut store).await?;
    let item = find(&inbox, arguments.id.as_deref())?;
    let mut deciding = deciding(item, verdict, &settings.person)?;
    deciding.comment.clone_from(&arguments.comment);
    deciding.edited = edited;
    store.ask(Request::Decide(deciding)).await?;
    let goes_on = store.is_guest();
    store.close().await;
    let word = match verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "rejected",
    };
    if screen.json {
        screen.document(&json!({
            "schema": "layercake.decision/1",
            "id": item.id,
            "run": item.run,
            "verdict": verdict,
        }));
    } else {
        screen.data(&format!("{word}: {}", item.title));
    }
    if goes_on {
        screen.note("the process that has the store open goes on with the run");
        screen.next(&[format!("layercake show {}", item.run)]);
    } else {
        screen.next(&[format!("layercake resume {}", item.run)]);
    }
    Ok(Exit::Success)
}

async fn open_questions(store: &mut Store) -> Result<InboxView, CommandError> {
    match store.ask(Request::Inbox).await? {
        Answer::Inbox(inbox) => Ok(inbox),
        _ => Err(unexpected()),
    }
}

/// Finds the question that is meant: the only open one, or the one whose id begins so.
fn find<'a>(inbox: &'a InboxView, id: Option<&str>) -> Result<&'a QuestionView, CommandError> {
    let wanted = id.unwrap_or("").to_ascii_lowercase();
    let mut found = inbox
        .items
        .iter()
        .filter(|item| item.id.starts_with(&wanted));
    match (found.next(), found.next()) {
        (Some(item), None) => Ok(item),
        (Some(_), Some(_)) => Err(CommandError::new(
            codes::QUESTION_UNKNOWN,
            "several questions are open",
        )
        .because("the beginning of an id must name one of them")
        .next("layercake inbox")),
        (None, _) => {
            let happened = match id {
                Some(id) => format!("there is no open question `{id}`"),
                None => "nothing waits for a person".to_owned(),
            };
            Err(CommandError::new(codes::QUESTION_UNKNOWN, happened)
                .because("it was answered already, it lapsed, or its run has ended")
                .next("layercake inbox"))
        }
    }
}
