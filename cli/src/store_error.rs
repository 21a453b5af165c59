//! What the journal says when it cannot, in the words of the command line.

use layercake_engine::ApplyError;
use layercake_engine::journal::{JournalError, Trouble};
use layercake_engine::runtime::EngineError;

use crate::error::{CommandError, codes};

/// Translates an error of the journal.
pub(crate) fn store_error(error: JournalError) -> CommandError {
    translate(&error)
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Journal(journal) => translate(journal),
            EngineError::UnknownRun(run) => {
                Self::new(codes::RUN_UNKNOWN, format!("there is no run {run}"))
                    .next("layercake ls --all")
            }
            EngineError::NotARoutine(run) => Self::new(codes::RUN_ENDED, error.to_string())
                .because("the run of an agent goes on with `resume`, nothing else moves it")
                .next(format!("layercake resume {run}")),
            EngineError::UnknownRoutine(name) => Self::new(
                codes::FILE_MISSING,
                format!("no routine `{name}` is published"),
            )
            .next("layercake routine ls"),
            EngineError::NotOpen(question) => Self::new(
                codes::QUESTION_UNKNOWN,
                format!("the question {question} is not open"),
            )
            .because("it was answered already, it lapsed, or its run has ended")
            .next("layercake inbox"),
            EngineError::Refused(ApplyError::ShownDiffers { .. }) => Self::new(
                codes::QUESTION_CHANGED,
                "what was shown has changed in the meantime",
            )
            .next("layercake inbox   # look again"),
            EngineError::Refused(refusal) => {
                Self::new(codes::RUN_ENDED, "the run cannot take this now").because(refusal)
            }
            EngineError::Definition(remarks) => {
                let all: Vec<String> = remarks.iter().map(ToString::to_string).collect();
                Self::new(codes::DEFINITION, "the definition has mistakes").because(all.join("; "))
            }
            EngineError::Troubled { run, trouble } => {
                Self::new(codes::RUN_FAILED, format!("run {run} does not advance"))
                    .because(in_words(trouble))
                    .next(format!("layercake log {run}"))
            }
            EngineError::Queued(_) | EngineError::QueueFull(_) | EngineError::NotFailed(_) => {
                Self::new(codes::RUN_ENDED, error.to_string()).next("layercake ls")
            }
            EngineError::NoEvent => Self::new(codes::INTERNAL, error.to_string()),
            EngineError::RunExists(_) | EngineError::Busy(_) | EngineError::Stopped => {
                Self::new(codes::INTERNAL, error.to_string()).next("run the command again with -vv")
            }
        }
    }
}

fn translate(error: &JournalError) -> CommandError {
    let (code, next) = match error {
        JournalError::NewerFormat { .. } => (
            codes::STORE_NEWER,
            "use the newer program, or another store: --store DIR",
        ),
        JournalError::Full(_) => (
            codes::STORE_FULL,
            "free some space, then: layercake resume @last",
        ),
        JournalError::InUse => (codes::STORE_TAKEN, "layercake ls   # try again"),
        JournalError::Fenced { .. } => (codes::STORE_TAKEN, "layercake resume @last"),
        JournalError::Damaged(_) => (
            codes::STORE_UNREADABLE,
            "move the store away, or restore it from a copy",
        ),
        JournalError::Storage(_) => (
            codes::STORE_UNREADABLE,
            "look at the permissions of the store's folder and at its disk",
        ),
        JournalError::AlreadyPublished { .. } => (
            codes::RUN_VERSION,
            "give the changed routine a new `version`",
        ),
        JournalError::KeyTaken { .. }
        | JournalError::OutOfOrder { .. }
        | JournalError::UnknownDefinition(_)
        | JournalError::UnknownPayload(_)
        | JournalError::NoRow(_)
        | JournalError::NotEnded(_)
        | JournalError::TooLarge { .. } => (codes::INTERNAL, "run the command again with -vv"),
    };
    let mut translated = CommandError::new(code, error.to_string());
    if let Some(source) = std::error::Error::source(error) {
        translated = translated.caused_by(source);
    }
    translated.next(next)
}

/// Says what keeps a run from advancing.
fn in_words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Blocked {
            seq,
            expected,
            actual,
        } => format!(
            "record {seq} cannot be computed again; nothing more will happen to the run\n\
             recorded: {expected}\n\
             computed: {actual}"
        ),
        Trouble::Stuck {
            attempts, message, ..
        } => format!("an effect could not be performed, {attempts} times by now: {message}"),
        Trouble::Crashed => "this version failed on it; `-vv` shows the log".to_owned(),
        Trouble::Unreadable { message } => {
            format!("this version cannot read its definition: {message}")
        }
    }
}
