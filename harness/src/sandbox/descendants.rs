//! Everything below a supervisor, found and ended.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// Rounds of killing; a process can have started others while it was being killed, but each
/// round leaves it less time.
const ROUNDS_MAX: u32 = 200;

/// The pause between rounds: killed processes need a moment to be gone.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes this process the new parent of every process below it that loses its own.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(
        rustix::process::getpid(),
    ))?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// Kills every process below this one, and returns when none is left or it is hopeless.
pub(super) fn end_all() {
    for _ in 0..ROUNDS_MAX {
        let below = below_this_process();
        if below.is_empty() {
            return;
        }
        for pid in below {
            // It may be gone already.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Returns the living processes below this one, by the table of the kernel.
fn below_this_process() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    for entry in entries.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid else { continue };
        if let Some(parent) = living_parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut below = Vec::new();
    let mut look_at = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = look_at.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            below.extend(Pid::from_raw(*child));
            look_at.push(*child);
        }
    }
    below
}

/// Returns the parent of a process that is not dead yet.
fn living_parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything, brackets included.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}
