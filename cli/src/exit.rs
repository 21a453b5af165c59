//! Exit codes: the part of the interface that scripts build on.

use std::process::ExitCode;

/// How the program ended, as its exit code.
///
/// Source: the table "Exit codes" of the command-line page; a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command did what it was asked to do.
    Success = 0,
    /// The run failed, or a check found something wrong.
    Failed = 1,
    /// The command line, the settings or a file given by the user is wrong.
    Usage = 2,
    /// The runs cannot be compared, or the run cannot be replayed.
    Incomparable = 3,
    /// The run waits for a person, and there is nobody here to ask.
    Waiting = 4,
    /// A budget or a policy stopped the run.
    Stopped = 5,
    /// Something outside is missing: an endpoint, the disk, the store.
    Environment = 6,
    /// Ctrl-C; the run can be resumed.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
