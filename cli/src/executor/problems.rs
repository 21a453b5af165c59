//! Problems that are this program's own, beside the standard's: their names and their codes.

use layercake_engine::{Problem, ProblemKind};
use layercake_model::error::Remedy;
use layercake_model::{ModelError, ModelErrorKind};

use crate::error::{Code, CommandError, codes};

const PREFIX: &str = "https://layercake.dev/problems/";

/// The folder holds fewer files than wanted.
pub(crate) const FOLDER_EMPTY: &str = "folder-empty";
/// The folder cannot be read.
pub(crate) const FOLDER_MISSING: &str = "folder-missing";
/// A file cannot be written.
pub(crate) const FILE_UNWRITABLE: &str = "file-unwritable";
/// A model gave no usable answer.
pub(crate) const MODEL_ANSWER: &str = "model-answer";
/// A model cannot be reached.
pub(crate) const MODEL_UNREACHABLE: &str = "model-unreachable";
/// A budget or a policy stopped the work.
pub(crate) const STOPPED: &str = "stopped";
/// A skill cannot be loaded.
pub(crate) const SKILL: &str = "skill";

/// Makes a problem of one of these names.
pub(crate) fn problem(name: &str, title: impl Into<String>) -> Problem {
    Problem {
        kind: format!("{PREFIX}{name}"),
        status: 500,
        title: title.into(),
        detail: None,
        instance: None,
    }
}

/// Translates an error of the settings that only shows when a task runs.
pub(crate) fn of_error(error: &CommandError) -> Problem {
    let problem = Problem::standard(ProblemKind::Configuration, error.happened.clone());
    match &error.why {
        Some(why) => problem.with_detail(why.clone()),
        None => problem,
    }
}

/// Translates an error of a model.
pub(crate) fn of_model(error: &ModelError) -> Problem {
    let name = match error.kind {
        ModelErrorKind::BudgetExceeded => STOPPED,
        ModelErrorKind::Malformed | ModelErrorKind::Refused => MODEL_ANSWER,
        _ => match error.remedy() {
            Remedy::Retry | Remedy::FixConfiguration => MODEL_UNREACHABLE,
            _ => MODEL_ANSWER,
        },
    };
    let title = match name {
        MODEL_ANSWER => "the model gave no usable answer",
        STOPPED => "the budget of money is used up",
        _ => "the model did not answer",
    };
    problem(name, title).with_detail(error.message.clone())
}

/// Returns the code of a problem that ended a run.
pub(crate) fn code_of(problem: &Problem) -> Code {
    let name = problem.kind.rsplit('/').next().unwrap_or(&problem.kind);
    match name {
        FOLDER_EMPTY => codes::FOLDER_EMPTY,
        FOLDER_MISSING => codes::FOLDER_MISSING,
        FILE_UNWRITABLE => codes::FILE_UNREADABLE,
        MODEL_ANSWER => codes::MODEL_FAILED,
        MODEL_UNREACHABLE => codes::MODEL_UNREACHABLE,
        STOPPED => codes::RUN_STOPPED,
        SKILL => codes::SKILL_BROKEN,
        // An endpoint that answers "no" was reached; the run failed for what it said.
        "communication" if !(400..500).contains(&problem.status) => codes::ENDPOINT_UNREACHABLE,
        _ => codes::RUN_FAILED,
    }
}
