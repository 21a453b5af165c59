//! From the command line to the exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::commands;
use crate::error::{CommandError, CommandResult, codes};
use crate::exit::Exit;
use crate::report::screen::Screen;
use crate::settings::Settings;

/// Runs the program with the arguments of this process and returns its exit code.
pub fn main() -> ExitCode {
    // Commands of agents run below a supervisor, which is this program started in another role.
    if let Some(code) = layercake_harness::sandbox::run_if_launched() {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results, everything else is a mistake; clap knows which.
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            drop(error.print());
            return code.into();
        }
    };
    let screen = Screen::new(&arguments.global);
    trace(arguments.global.verbose);
    let exit = match run(&arguments, &screen) {
        Ok(exit) => exit,
        Err(error) => {
            screen.error(&error);
            error.exit()
        }
    };
    if screen.is_broken() && exit == Exit::Success {
        return Exit::Environment.into();
    }
    exit.into()
}

fn run(arguments: &Arguments, screen: &Screen) -> CommandResult {
    let cwd = current_folder()?;
    match &arguments.command {
        Command::Explain(arguments) => commands::explain::run(arguments, screen),
        Command::Check(arguments) => commands::check::run(arguments, screen),
        Command::Init(arguments) => commands::init::run(arguments, screen),
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| {
                    CommandError::new(codes::INTERNAL, "cannot start threads").because(error)
                })?;
            let exit = runtime.block_on(dispatch(arguments, &cwd, screen));
            // A thread that waits for a line of the terminal would never end.
            runtime.shutdown_background();
            exit
        }
    }
}

async fn dispatch(arguments: &Arguments, cwd: &Path, screen: &Screen) -> CommandResult {
    if let Command::Demo(demo) = &arguments.command {
        return commands::demo::run(demo, &arguments.global, screen).await;
    }
    let settings = Settings::load(&arguments.global, cwd)?;
    match &arguments.command {
        Command::Run(arguments) => commands::run::run(arguments, settings, cwd, screen).await,
        Command::Agent(arguments) => commands::agent::run(arguments, settings, cwd, screen).await,
        Command::Ls(arguments) => commands::list::run(arguments, settings, screen).await,
        Command::Show(arguments) => commands::show::run(arguments, settings, screen).await,
        Command::Log(arguments) => commands::log::run(arguments, settings, screen).await,
        Command::Tree(arguments) => commands::tree::run(arguments, settings, screen).await,
        Command::Inbox(arguments) => commands::inbox::run(arguments, settings, cwd, screen).await,
        Command::Resume(arguments) => commands::resume::run(arguments, settings, screen).await,
        Command::Cancel(arguments) => commands::cancel::run(arguments, settings, screen).await,
        Command::Fork(arguments) => commands::fork::run(arguments, settings, cwd, screen).await,
        Command::Export(arguments) => {
            commands::bundle::export(arguments, settings, cwd, screen).await
        }
        Command::Open(arguments) => commands::bundle::open(arguments, cwd, screen),
        Command::Replay(arguments) => commands::replay::run(arguments, settings, cwd, screen).await,
        Command::Cost(arguments) => commands::cost::run(arguments, settings, screen).await,
        Command::Diff(arguments) => commands::diff::run(arguments, settings, cwd, screen).await,
        Command::Suspend(arguments) => commands::suspend::run(arguments, settings, screen).await,
        Command::Retry(arguments) => commands::retry::run(arguments, settings, screen).await,
        Command::Signal(arguments) => commands::signal::run(arguments, settings, cwd, screen).await,
        Command::Routine(arguments) => {
            commands::routine::run(arguments, settings, cwd, screen).await
        }
        Command::Model(arguments) => commands::model::run(arguments, settings, screen).await,
        Command::Mcp => commands::mcp::run(settings).await,
        Command::Doctor => commands::doctor::run(settings, screen).await,
        Command::Demo(_) | Command::Explain(_) | Command::Check(_) | Command::Init(_) => {
            Ok(Exit::Success)
        }
    }
}

fn current_folder() -> Result<PathBuf, CommandError> {
    std::env::current_dir().map_err(|error| {
        CommandError::new(codes::FILE_UNREADABLE, "the current folder cannot be read")
            .because(error)
            .next("cd to a folder that exists")
    })
}

/// Writes diagnostics to standard error, as far as `-v` asks for them.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "layercake=info,layercake_engine=info,layercake_harness=info,layercake_model=info",
        2 => "debug",
        _ => "trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_writer(std::io::stderr)
        .init();
}
