//! Following a run to its end, or to the question that it asks: what `run`, `agent` and `resume`
//! have in common.

use layercake_engine::{Problem, Record, RunId, Verdict};
use tokio::sync::mpsc;

use crate::args::StayArguments;
use crate::error::{CommandError, CommandResult, codes};
use crate::executor::problems;
use crate::exit::Exit;
use crate::host::Store;
use crate::host::protocol::{Answer, Deciding, Request, Until};
use crate::report::inbox::{QuestionView, question, short};
use crate::report::progress::Progress;
use crate::report::run::{RunView, paint};
use crate::report::screen::Screen;
use crate::settings::Settings;

/// How often a person who is asked is spared an answer that somebody else has given.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(300);

/// Follows a run, and says how it ended.
pub(crate) async fn follow(
    mut store: Store,
    run: RunId,
    stay: StayArguments,
    settings: &Settings,
    screen: &Screen,
) -> CommandResult {
    let mut interrupted = std::pin::pin!(interruption());
    let outcome = tokio::select! {
        outcome = drive(&mut store, run, stay, settings, screen) => Some(outcome),
        () = &mut interrupted => None,
    };
    let Some(outcome) = outcome else {
        let closing = store.close();
        tokio::select! {
            () = closing => {}
            // The second time means now.
            () = interruption() => {}
        }
        return Err(CommandError::new(codes::RUN_INTERRUPTED, "interrupted")
            .because("everything up to the last record is safe")
            .next(format!("layercake resume {run}")));
    };
    store.close().await;
    finish(&outcome?, screen)
}

/// Follows a run among others, without ending the work on the store.
pub(super) async fn watch(
    mut store: Store,
    run: RunId,
    stay: StayArguments,
    settings: &Settings,
    screen: &Screen,
) -> CommandResult {
    let view = drive(&mut store, run, stay, settings, screen).await?;
    finish(&view, screen)
}

/// Waits for Ctrl-C, or for a request to end.
async fn interruption() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
        _ = terminate.recv() => {}
    }
}

async fn drive(
    store: &mut Store,
    run: RunId,
    stay: StayArguments,
    settings: &Settings,
    screen: &Screen,
) -> Result<RunView, CommandError> {
    let mut progress = Progress::new(screen);
    let mut lines = None;
    let until = if stay.wait {
        Until::End
    } else {
        Until::Waiting
    };
    loop {
        let mut each = |record: &Record| progress.record(record);
        let view = store.follow(run, until, &mut each).await?;
        progress.clear();
        let asks = view.waiting_for.iter().any(|wait| wait.kind == "approval");
        if !asks || stay.detach || !screen.can_ask() {
            return Ok(view);
        }
        let lines = lines.get_or_insert_with(typed_lines);
        if ask_person(store, &view, lines, settings, screen).await? == Asked::Later {
            return Ok(view);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Settled,
    Later,
}

/// Asks the person at the terminal; steps back when somebody else answers meanwhile.
async fn ask_person(
    store: &mut Store,
    view: &RunView,
    lines: &mut mpsc::UnboundedReceiver<String>,
    settings: &Settings,
    screen: &Screen,
) -> Result<Asked, CommandError> {
    let wanted = view.waiting_for.iter().find(|wait| wait.kind == "approval");
    let wanted = wanted.map(|wait| wait.id.clone()).unwrap_or_default();
    let Some(item) = open_question(store, &wanted).await? else {
        return Ok(Asked::Settled);
    };
    screen.note(&question(&item, screen.err));
    screen.draw(&format!(
        "{} [y]es, [n]o, [l]ater: ",
        screen.err.yellow("approve?")
    ));
    let mut looking = store.another().await?;
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = tokio::time::sleep(LOOK_EVERY) => {
                if open_question(&mut looking, &wanted).await?.is_none() {
                    screen.note("\nsomebody has answered meanwhile");
                    return Ok(Asked::Settled);
                }
                continue;
            }
        };
        let verdict = match line.as_deref().map(str::trim) {
            Some("y" | "yes") => Verdict::Approve,
            Some("n" | "no") => Verdict::Reject,
            None | Some("l" | "later") => return Ok(Asked::Later),
            Some(_) => {
                screen.draw("please type y, n or l: ");
                continue;
            }
        };
        let deciding = deciding(&item, verdict, &settings.person)?;
        return match store.ask(Request::Decide(deciding)).await {
            Ok(_) => Ok(Asked::Settled),
            Err(error) if error.code.id == codes::QUESTION_UNKNOWN.id => Ok(Asked::Settled),
            Err(error) => Err(error),
        };
    }
}

/// Makes the answer to a question as it was shown.
pub(crate) fn deciding(
    item: &QuestionView,
    verdict: Verdict,
    person: &str,
) -> Result<Deciding, CommandError> {
    let unreadable = || CommandError::new(codes::INTERNAL, "a question has no readable id");
    Ok(Deciding {
        id: serde_json::from_value(format!("sha256:{}", item.id).into())
            .map_err(|_| unreadable())?,
        verdict,
        by: person.to_owned(),
        comment: None,
        edited: None,
        shown_hash: item.shown_hash.parse().map_err(|_| unreadable())?,
    })
}

async fn open_question(store: &mut Store, id: &str) -> Result<Option<QuestionView>, CommandError> {
    match store.ask(Request::Inbox).await? {
        Answer::Inbox(inbox) => Ok(inbox.items.into_iter().find(|item| item.id == id)),
        _ => Ok(None),
    }
}

/// Reads lines as they are typed, in a thread: a terminal cannot be read without blocking.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Says how a run stands, and chooses the exit code.
pub(super) fn finish(view: &RunView, screen: &Screen) -> CommandResult {
    if screen.json {
        screen.document(view);
    } else {
        screen.data(&paint(view, screen.out));
    }
    match view.status.as_str() {
        "completed" => {
            screen.next(&[
                format!("layercake show {}", view.run),
                format!("layercake log {}", view.run),
            ]);
            Ok(Exit::Success)
        }
        "faulted" => Ok(tell(&faulted(view), screen)),
        "cancelled" => {
            let error =
                CommandError::new(codes::RUN_FAILED, format!("run {} was cancelled", view.run));
            Ok(tell(
                &error.next(format!("layercake log {}", view.run)),
                screen,
            ))
        }
        _ => Ok(tell(&put_aside(view), screen)),
    }
}

/// Prints the words of an error beside a document that is already printed.
fn tell(error: &CommandError, screen: &Screen) -> Exit {
    screen.error_words(error);
    error.exit()
}

fn faulted(view: &RunView) -> CommandError {
    let problem: Option<Problem> = serde_json::from_value(view.error.clone()).ok();
    let code = problem
        .as_ref()
        .map_or(codes::RUN_FAILED, problems::code_of);
    let problem = problem.unwrap_or_else(|| {
        Problem::standard(layercake_engine::ProblemKind::Runtime, "the run failed")
    });
    let error = CommandError::new(code, problem.title);
    let error = match (problem.detail, problem.instance) {
        (Some(detail), Some(place)) => error.because(format!("{detail} (at {place})")),
        (Some(detail), None) => error.because(detail),
        (None, Some(place)) => error.because(format!("the task at {place} failed")),
        (None, None) => error,
    };
    error.next(format!("layercake show {}", view.run))
}

fn put_aside(view: &RunView) -> CommandError {
    let first = view
        .waiting_for
        .iter()
        .find(|wait| wait.kind != "run" && wait.kind != "call");
    let run = &view.run;
    match first.map(|wait| (wait.kind.as_str(), wait)) {
        Some(("approval", wait)) => {
            CommandError::new(codes::RUN_WAITS, format!("run {run} waits for a person"))
                .because(&wait.title)
                .next(format!("layercake inbox approve {}", short(&wait.id)))
                .next(format!("layercake resume {run}"))
        }
        Some(("budget", wait)) => CommandError::new(
            codes::RUN_STOPPED,
            format!("the budget of {} is used up", wait.title),
        )
        .next(format!("layercake show {run}")),
        Some(("model-failed", wait)) => {
            CommandError::new(codes::MODEL_UNREACHABLE, "the model did not answer")
                .because(&wait.title)
                .next(format!("layercake resume {run}"))
        }
        _ => CommandError::new(codes::RUN_WAITS, format!("run {run} is {}", view.status))
            .next(format!("layercake resume {run}")),
    }
}
