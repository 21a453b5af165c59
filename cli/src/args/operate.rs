//! Arguments of the commands that look at runs, steer them and run them again.

use clap::Args;

/// `ls`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only runs in this status
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only runs whose name begins like this
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only runs of this kind
    #[arg(long, value_name = "KIND", value_parser = ["routine", "agent"])]
    pub(crate) kind: Option<String>,
    /// Only runs asked for at this moment or later: RFC 3339, or its beginning (2026-11-20)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// The most runs to list, the newest first
    #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT")]
    pub(crate) limit: usize,
    /// Runs that were started by other runs, too
    #[arg(short, long)]
    pub(crate) all: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The run, and a task in it after a colon
    #[arg(value_name = "RUN[:TASK]", default_value = "@last")]
    pub(crate) run: String,
    /// Every call with its full request, reply, tokens, cost and latency
    #[arg(long)]
    pub(crate) calls: bool,
    /// The state as it was after this record of the run
    #[arg(long, value_name = "RECORD")]
    pub(crate) at: Option<u64>,
}

/// `log`.
#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// The run
    #[arg(value_name = "RUN", default_value = "@last")]
    pub(crate) run: String,
    /// Keep printing as records come, until the run ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only records of this task and of the tasks inside it
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// Only records of these kinds, with commas
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// Only records that contain this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,
    /// Only records from this number on
    #[arg(long, value_name = "RECORD", default_value_t = 1)]
    pub(crate) from: u64,
    /// Only records up to this number
    #[arg(long, value_name = "RECORD")]
    pub(crate) to: Option<u64>,
    /// Only this record, whole
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["from", "to", "follow"])]
    pub(crate) at: Option<u64>,
    /// Records of runs below it, too
    #[arg(short, long)]
    pub(crate) all: bool,
}

/// Commands that take one run.
#[derive(Debug, Args)]
pub(crate) struct RunReference {
    /// The run
    #[arg(value_name = "RUN", default_value = "@last")]
    pub(crate) run: String,
}

/// `suspend` and `retry`.
#[derive(Debug, Args)]
pub(crate) struct RunsArguments {
    /// The runs
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
}

/// `signal`.
#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    /// The run
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The type of the event
    #[arg(value_name = "TYPE")]
    pub(crate) signal: String,
    /// Its data: JSON, @FILE, or - for standard input
    #[arg(value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// A name of yours for it: the same name is taken once, however often it is sent
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}
