//! The supervisor's side: starts one command, outlives nothing, and lets nothing outlive it.
//!
//! Two processes of the same program: the supervisor leads a session of its own and adopts
//! every orphan below it; the command's process confines itself and becomes the shell.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal};

use super::{Order, SUPERVISE, Sandbox, descendants};

/// The first argument by which a program knows that it shall become the command.
const BECOME: &str = "__layercake-become";

/// What a supervisor says when it could not run the command; shells use it for the same.
const CANNOT_RUN: u8 = 126;

/// The order, kept for messages of the second stage.
static ORDER_TEXT: OnceLock<String> = OnceLock::new();

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
    let order = order.ok_or_else(|| io::Error::other("there is no order"))?;
    // A session of its own: no terminal, and a group that can be found by this process's id.
    rustix::process::setsid()?;
    descendants::adopt_orphans()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(BECOME).arg(&order).stdin(Stdio::null());
    std::thread::spawn(watch_lifeline);
    let mut child = command.spawn()?;
    let status = child.wait()?;
    descendants::end_all();
    Ok(code_of(status))
}

/// Ends everything when the other end of the standard input is closed: the agent gave up on
/// the command, or died.
fn watch_lifeline() {
    let mut buffer = [0_u8; 64];
    let mut lifeline = io::stdin().lock();
    loop {
        match lifeline.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    descendants::end_all();
    std::process::exit(i32::from(128 + 9_u8));
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(CANNOT_RUN)
}

fn become_command(order: Option<OsString>) -> io::Result<u8> {
    let text = order
        .and_then(|order| order.into_string().ok())
        .unwrap_or_default();
    let order: Order =
        serde_json::from_str(ORDER_TEXT.get_or_init(|| text)).map_err(io::Error::other)?;
    die_with_supervisor()?;
    match order.sandbox {
        Sandbox::Unconfined => {}
    }
    Err(Command::new("/bin/sh")
        .arg("-c")
        .arg(&order.shell_line)
        .exec())
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
