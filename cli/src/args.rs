//! The command line: names, flags and their help. Values are checked here, nothing is done.

mod compare;
mod operate;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use layercake_harness::Autonomy;

pub(crate) use compare::{
    BundleArguments, CostArguments, DiffArguments, ExportArguments, ForkArguments, ReplayArguments,
};
pub(crate) use operate::{
    ListArguments, LogArguments, RunReference, RunsArguments, ShowArguments, SignalArguments,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "layercake",
    version,
    about = "Run agents and the durable routines that they call, and see everything they did",
    after_help = "Start with `layercake demo`: offline, no key, a few seconds.",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// Flags that every command takes.
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArguments {
    /// The store: the folder in which runs are recorded [default: .layercake in the project]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LAYERCAKE_STORE",
        hide_env_values = true
    )]
    pub(crate) store: Option<PathBuf>,
    /// The settings file [default: the nearest layercake.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LAYERCAKE_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Never use colour (also: NO_COLOR, TERM=dumb)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take the offline tour: an agent, a routine, an approval, a crash, a resume, the cost
    Demo(DemoArguments),
    /// Write a new project that runs at once
    Init(InitArguments),
    /// Start a routine and follow it
    Run(RunArguments),
    /// Start an agent with a goal and follow it
    Agent(AgentArguments),
    /// Say everything that is wrong with definitions
    Check(CheckArguments),
    /// List the runs
    Ls(ListArguments),
    /// Say what happened in a run, and why
    Show(ShowArguments),
    /// Print the records of a run
    Log(LogArguments),
    /// Draw a run as a tree of runs, tasks, turns and tools, with time and cost
    Tree(RunReference),
    /// List open questions, or answer one
    Inbox(InboxArguments),
    /// Go on with interrupted or waiting runs
    Resume(ResumeArguments),
    /// Run again with every effect served from the record
    Replay(ReplayArguments),
    /// Start a second run that shares the beginning of a first one
    Fork(ForkArguments),
    /// Write one run as one file, without its secrets
    Export(ExportArguments),
    /// Look into an exported run, without a store
    Open(BundleArguments),
    /// Say what runs cost, and for what
    Cost(CostArguments),
    /// Say what differs between two runs, where that began, and why
    Diff(DiffArguments),
    /// Stop runs for good
    Cancel(CancelArguments),
    /// Pause runs
    Suspend(RunsArguments),
    /// Try again: a run in trouble, or the work of a run that has ended, as a new run
    Retry(RunsArguments),
    /// Send an event to a run that listens
    Signal(SignalArguments),
    /// Publish routines and list what is published
    Routine(RoutineArguments),
    /// Ask the configured models for real: what they can do, cannot do, and cost
    Model(ModelArguments),
    /// Serve routines and the context to other agents as an MCP server, over standard streams
    Mcp,
    /// Try out everything the program needs, and say how to mend what fails
    Doctor,
    /// Explain the code of an error
    Explain(ExplainArguments),
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder for the tour's files [default: a new one among the temporary files]
    pub(crate) dir: Option<PathBuf>,
    /// Ask nothing
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder of the project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The example to start from
    #[arg(long, default_value = "inbox", value_parser = ["inbox"])]
    pub(crate) example: String,
}

/// How long a command stays with a run.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct StayArguments {
    /// Leave when it waits for a person, with exit code 4, also on a terminal
    #[arg(long, conflicts_with = "wait")]
    pub(crate) detach: bool,
    /// Stay while it waits for a person, also without a terminal
    #[arg(long)]
    pub(crate) wait: bool,
}

/// What `run` and `agent` have in common.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StartArguments {
    /// How long to stay.
    #[command(flatten)]
    pub(crate) stay: StayArguments,
    /// An idempotency key: the same key means the same run
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The most money to spend, in US dollars
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) budget: Option<rust_decimal::Decimal>,
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A definition's file, or the name of a published routine
    #[arg(value_name = "FILE|NAME")]
    pub(crate) routine: String,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(short, long, value_name = "JSON|@FILE|-")]
    pub(crate) input: Option<String>,
    /// Use another model for an alias
    #[arg(long, value_name = "ALIAS=SPEC", value_parser = alias_and_spec)]
    pub(crate) model: Vec<(String, String)>,
    /// How it is started.
    #[command(flatten)]
    pub(crate) start: StartArguments,
}

/// `agent`.
#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    /// What the agent shall achieve
    #[arg(required_unless_present = "acp", default_value = "")]
    pub(crate) goal: String,
    /// Serve an editor instead: the Agent Client Protocol over standard streams
    #[arg(long, conflicts_with = "goal")]
    pub(crate) acp: bool,
    /// The alias of its model
    #[arg(long, value_name = "ALIAS")]
    pub(crate) model: Option<String>,
    /// How far it may act without a person
    #[arg(long, value_name = "LEVEL", value_parser = autonomy)]
    pub(crate) autonomy: Option<Autonomy>,
    /// A folder with skills; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) skills: Vec<PathBuf>,
    /// The tools it gets, by name, with commas [default: all routines and the reading tools]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools: Option<Vec<String>>,
    /// The folder it works in [default: the project's]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// How it is started.
    #[command(flatten)]
    pub(crate) start: StartArguments,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Definitions; - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `inbox`.
#[derive(Debug, Args)]
pub(crate) struct InboxArguments {
    /// What to do with a question; without it, the open ones are listed.
    #[command(subcommand)]
    pub(crate) action: Option<InboxAction>,
}

/// What to do with a question.
#[derive(Debug, Subcommand)]
pub(crate) enum InboxAction {
    /// Say yes
    Approve(AnswerArguments),
    /// Say no
    Reject(AnswerArguments),
    /// Say yes with an answer in your words
    Answer(AnswerArguments),
}

/// `inbox approve` and `inbox reject`.
#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// The question, or the beginning of its id; left out when only one is open
    pub(crate) id: Option<String>,
    /// Why, in your words
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// A JSON file with what was shown, as you want it instead
    #[arg(long, value_name = "FILE")]
    pub(crate) edit: Option<PathBuf>,
}

/// `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The runs
    #[arg(value_name = "RUN", default_value = "@last")]
    pub(crate) runs: Vec<String>,
    /// How long to stay.
    #[command(flatten)]
    pub(crate) stay: StayArguments,
}

/// `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The runs
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
}

/// `routine`.
#[derive(Debug, Args)]
pub(crate) struct RoutineArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: RoutineAction,
}

/// What to do with routines.
#[derive(Debug, Subcommand)]
pub(crate) enum RoutineAction {
    /// Make definitions callable by name, by people and agents
    Publish {
        /// The definitions
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the published routines
    Ls,
    /// Print a published routine
    Show {
        /// `namespace/name` or `namespace/name@version`
        name: String,
    },
    /// Draw a routine's control flow, as Mermaid text
    Graph {
        /// A file, `namespace/name` or `namespace/name@version`
        name: String,
    },
    /// Print the JSON Schema of a routine's input
    Schema {
        /// A file, `namespace/name` or `namespace/name@version`
        name: String,
    },
}

/// `model`.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ModelAction,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelAction {
    /// Ask each model some small questions; real models charge for them
    Check {
        /// The aliases [default: all that are configured]
        #[arg(value_name = "ALIAS")]
        aliases: Vec<String>,
    },
}

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The code, for instance LC0201; without it, all are listed
    pub(crate) code: Option<String>,
}

fn alias_and_spec(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((alias, spec)) if !alias.is_empty() && !spec.is_empty() => {
            Ok((alias.to_owned(), spec.to_owned()))
        }
        _ => Err(
            "ALIAS=SPEC is expected, for instance default=anthropic/claude-haiku-4-5".to_owned(),
        ),
    }
}

fn autonomy(text: &str) -> Result<Autonomy, String> {
    let level = Autonomy::ALL.into_iter().find(|level| level.word() == text);
    level.ok_or_else(|| {
        let words: Vec<&str> = Autonomy::ALL.iter().map(|level| level.word()).collect();
        format!("the levels are {}", words.join(", "))
    })
}

fn dollars(text: &str) -> Result<rust_decimal::Decimal, String> {
    let amount: rust_decimal::Decimal = text
        .parse()
        .map_err(|_| "a decimal number of US dollars is expected, for instance 0.50".to_owned())?;
    if amount.is_sign_negative() {
        return Err("a budget cannot be negative".to_owned());
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
