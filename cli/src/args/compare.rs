//! Arguments of the commands that run again and compare.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The first run, or a bundle
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// The second run, or a bundle
    #[arg(value_name = "B")]
    pub(crate) b: String,
    /// One line for each step that differs
    #[arg(long)]
    pub(crate) stat: bool,
    /// Every step, also the equal ones
    #[arg(long, conflicts_with = "stat")]
    pub(crate) full: bool,
    /// Write one page that can be opened anywhere
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Leave out places in values that end like this
    #[arg(long, value_name = "PATH")]
    pub(crate) ignore: Vec<String>,
}

/// `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The run, or a bundle
    #[arg(value_name = "RUN|BUNDLE", required_unless_present = "all")]
    pub(crate) run: Option<String>,
    /// Replay every bundle in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "run")]
    pub(crate) all: Option<PathBuf>,
}

/// `cost`.
#[derive(Debug, Args)]
pub(crate) struct CostArguments {
    /// The run; without one, all runs
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// What to add up by
    #[arg(long, value_name = "WHAT", default_value = "cause",
          value_parser = ["cause", "model", "task", "agent", "day"])]
    pub(crate) by: String,
    /// One line for each entry, as comma-separated values
    #[arg(long, conflicts_with = "by")]
    pub(crate) csv: bool,
}

/// `fork`.
#[derive(Debug, Args)]
pub(crate) struct ForkArguments {
    /// The run
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The task before which the fork lies, or the number of a record
    #[arg(long, value_name = "KEY")]
    pub(crate) at: String,
    /// Change a value of the run's input; the whole run is then asked again where it matters
    #[arg(long, value_name = "K=V", value_parser = assignment)]
    pub(crate) set: Vec<(String, Value)>,
    /// A definition to go on with instead
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,
    /// Use another model for an alias
    #[arg(long, value_name = "ALIAS=SPEC", value_parser = super::alias_and_spec)]
    pub(crate) model: Vec<(String, String)>,
    /// The most money to spend, in US dollars
    #[arg(long, value_name = "USD", value_parser = super::dollars)]
    pub(crate) budget: Option<rust_decimal::Decimal>,
    /// Only say what would be live and what that cost the last time
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// How long to stay.
    #[command(flatten)]
    pub(crate) stay: super::StayArguments,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The run
    #[arg(value_name = "RUN", default_value = "@last")]
    pub(crate) run: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Keep what looks like a secret
    #[arg(long)]
    pub(crate) unredacted: bool,
}

/// `open`.
#[derive(Debug, Args)]
pub(crate) struct BundleArguments {
    /// The bundle
    #[arg(value_name = "X.lcrun")]
    pub(crate) bundle: PathBuf,
}

/// Reads `K=V`; the value is JSON, or a text when it is none.
fn assignment(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("K=V is expected, for instance customer=\"Ann\"")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}
