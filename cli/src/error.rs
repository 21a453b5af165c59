//! What a command says when it cannot do what it was asked to do.
//!
//! Every error has a code; the code decides the exit code and can be explained.

pub(crate) mod codes;

use serde::Serialize;

use crate::exit::Exit;
pub(crate) use codes::Code;

/// A command failed: what happened, why, and what to type next.
#[derive(Debug, Clone)]
pub(crate) struct CommandError {
    /// The code; decides the exit code.
    pub(crate) code: Code,
    /// What happened, one line, lower case.
    pub(crate) happened: String,
    /// Why, when it is known.
    pub(crate) why: Option<String>,
    /// What to do or type next, one line each.
    pub(crate) next: Vec<String>,
    /// A drawn excerpt of the source that is wrong.
    pub(crate) exhibit: Option<String>,
}

impl CommandError {
    /// Makes an error of a code with the sentence that says what happened.
    pub(crate) fn new(code: Code, happened: impl Into<String>) -> Self {
        Self {
            code,
            happened: happened.into(),
            why: None,
            next: Vec::new(),
            exhibit: None,
        }
    }

    /// Adds the reason.
    pub(crate) fn because(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds an error as the reason, with everything that it comes from.
    pub(crate) fn caused_by(self, error: &dyn std::error::Error) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            why.push_str(&format!(": {error}"));
            source = error.source();
        }
        self.because(why)
    }

    /// Adds one line that says what to do next.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// Adds a drawn excerpt.
    pub(crate) fn showing(mut self, exhibit: impl Into<String>) -> Self {
        self.exhibit = Some(exhibit.into());
        self
    }

    /// Returns the exit code that follows from the code.
    pub(crate) fn exit(&self) -> Exit {
        self.code.exit
    }

    /// Returns what happened and why, on one line.
    pub(crate) fn told(&self) -> String {
        match &self.why {
            Some(why) => format!("{}: {why}", self.happened),
            None => self.happened.clone(),
        }
    }

    /// Returns the document that `--json` prints.
    pub(crate) fn document(&self) -> ErrorDocument<'_> {
        ErrorDocument {
            schema: "layercake.error/1",
            code: self.code.id,
            exit: self.code.exit as u8,
            happened: &self.happened,
            why: self.why.as_deref(),
            next: &self.next,
        }
    }
}

/// `layercake.error/1`: an error for programs.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument<'a> {
    schema: &'static str,
    code: &'static str,
    exit: u8,
    happened: &'a str,
    why: Option<&'a str>,
    next: &'a [String],
}

/// The result of a command.
pub(crate) type CommandResult = Result<Exit, CommandError>;
