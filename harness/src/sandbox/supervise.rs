//! The supervisor's side: starts one command, outlives nothing, and lets nothing outlive it.
//!
//! Two processes of the same program: the supervisor leads a session of its own and adopts
//! every orphan below it; the command's process confines itself and becomes the shell.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::{Input, Order, SUPERVISE, Sandbox, descendants};

/// The first argument by which a program knows that it shall become the command.
const BECOME: &str = "__layercake-become";

/// What a supervisor says when it could not run the command; shells use it for the same.
const CANNOT_RUN: u8 = 126;

/// How long a command that reads its input may take to end after the input ended.
const PARTING: Duration = Duration::from_secs(1);

/// Acts as a supervisor when this process was started as one by a [`super::Launcher`], and
/// returns the code to exit with; returns `None` at once when it was not.
///
/// A program that launches supervisors calls this first thing in `main`, before it starts
/// threads or reads its arguments.
pub fn run_if_launched() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let role = arguments.next()?;
    if role == SUPERVISE {
        Some(finish(supervise(arguments.next())))
    } else if role == BECOME {
        Some(finish(become_command(arguments.next())))
    } else {
        None
    }
}

fn finish(result: io::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // The only channel to whoever asked is the standard error that the command shares.
            drop(io::Write::write_all(
                &mut io::stderr(),
                format!("the command was not run: {error}\n").as_bytes(),
            ));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn supervise(order: Option<OsString>) -> io::Result<u8> {
    let mut order = read(order)?;
    // A session of its own: no terminal, and a group that can be found by this process's id.
    rustix::process::setsid()?;
    descendants::adopt_orphans()?;
    let scratch = scratch_for(&mut order)?;
    let mut command = Command::new(own_program()?);
    command
        .arg(BECOME)
        .arg(order.text())
        .stdin(match order.input {
            Input::Nothing => Stdio::null(),
            Input::PassedOn => Stdio::piped(),
        });
    if let Some(scratch) = &scratch {
        // A home that exists and can be written: the real one is out of reach.
        command.env("HOME", scratch).env("TMPDIR", scratch);
    }
    let watched = scratch.clone();
    let status = command.spawn().and_then(|mut child| {
        let input = child.stdin.take();
        std::thread::spawn(move || watch_lifeline(input, watched.as_deref()));
        child.wait()
    });
    finish_off(scratch.as_deref());
    Ok(code_of(status?))
}

fn read(order: Option<OsString>) -> io::Result<Order> {
    let text = order.and_then(|order| order.into_string().ok());
    serde_json::from_str(&text.unwrap_or_default()).map_err(io::Error::other)
}

/// Makes a folder that a confined command has for itself, and lets it use the folder.
fn scratch_for(order: &mut Order) -> io::Result<Option<PathBuf>> {
    let Sandbox::Confined(policy) = &mut order.sandbox else {
        return Ok(None);
    };
    let name = format!("layercake-{}", std::process::id());
    let folder = std::env::temp_dir().canonicalize()?.join(name);
    // A left-over of an earlier process of the same number is nobody's any more.
    drop(std::fs::remove_dir_all(&folder));
    DirBuilder::new().mode(0o700).create(&folder)?;
    policy.writable.push(folder.clone());
    Ok(Some(folder))
}

fn finish_off(scratch: Option<&Path>) {
    descendants::end_all();
    if let Some(scratch) = scratch {
        drop(std::fs::remove_dir_all(scratch));
    }
}

/// Finds this very program, also when its file was replaced while it ran.
pub(super) fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

/// Ends everything when the other end of the standard input is closed: the agent gave up on
/// the command, or died. A command that reads gets what comes until then.
fn watch_lifeline(mut input: Option<ChildStdin>, scratch: Option<&Path>) {
    let mut buffer = [0_u8; 8 * 1024];
    let mut lifeline = io::stdin().lock();
    loop {
        match lifeline.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                let written = input.as_mut().map(|it| it.write_all(&buffer[..count]));
                if let Some(Err(_)) = written {
                    // The command closed its input; it may still be at work.
                    input = None;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if input.take().is_some() {
        // When the command ends by itself, the process ends with it, from the other thread.
        std::thread::sleep(PARTING);
    }
    finish_off(scratch);
    std::process::exit(128 + Signal::KILL.as_raw());
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(CANNOT_RUN)
}

fn become_command(order: Option<OsString>) -> io::Result<u8> {
    let order = read(order)?;
    die_with_supervisor()?;
    let mut command = match &order.sandbox {
        Sandbox::Unconfined => Command::new("/bin/sh"),
        Sandbox::Confined(policy) => confined(policy)?,
    };
    Err(command.arg("-c").arg(&order.shell_line).exec())
}

/// Confines this process, and returns the shell.
#[cfg(target_os = "linux")]
fn confined(policy: &super::Policy) -> io::Result<Command> {
    super::confine::confine(policy)?;
    Ok(Command::new("/bin/sh"))
}

/// Returns the program that confines itself and becomes the shell.
#[cfg(target_os = "macos")]
fn confined(policy: &super::Policy) -> io::Result<Command> {
    let mut command = Command::new(super::seatbelt::PROGRAM);
    let profile = super::seatbelt::profile(policy);
    command.arg("-p").arg(profile).arg("/bin/sh");
    Ok(command)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn confined(_: &super::Policy) -> io::Result<Command> {
    // Only a forged order gets here: no confinement can be made on this system.
    Err(io::Error::other("commands cannot be confined here"))
}

/// Asks the kernel to end this process when its supervisor is killed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn die_with_supervisor() -> io::Result<()> {
    let supervisor = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the kernel was asked.
    if rustix::process::getppid() != supervisor || supervisor == Some(Pid::INIT) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn die_with_supervisor() -> io::Result<()> {
    Ok(())
}
