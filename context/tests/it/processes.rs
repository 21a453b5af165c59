//! Nothing that was acknowledged is lost: not when a process is killed in the middle of its
//! batches, not when eight processes take turns at one store, not with sixty-four threads.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use layercake_context::store::StoreProblem;
use layercake_context::{Context, ContextError, Pattern, Snapshot};

use crate::fixture::{agent, commit, memory, says};

/// Tells a child of these tests what it is to do.
const ROLE: &str = "LAYERCAKE_TEST_WRITER";

fn child(role: &str, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::a_child_writes", "--nocapture"])
        .env(ROLE, format!("{role}\n{name}\n{}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The other half of these tests: what a child process does. Without a role it does nothing.
#[test]
fn a_child_writes() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let [role, name, folder] = role.splitn(3, '\n').collect::<Vec<_>>()[..] else {
        panic!("a role, a name and a folder");
    };
    match role {
        "until killed" => write_until_killed(Path::new(folder)),
        _ => write_in_turns(Path::new(folder), name),
    }
}

/// Eight threads commit, so that groups form; each acknowledged commit is told to the parent.
fn write_until_killed(folder: &Path) {
    let context = Context::open_folder(folder, [1; 32]).unwrap();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let context = context.clone();
            threads.spawn(move || {
                for i in 0.. {
                    let ops = [says(&format!("n{thread}"), "counts", &format!("{i}"))];
                    let receipt = context.commit(&agent(), commit(ops)).unwrap();
                    let told = format!("\nkept {}\n", receipt.snapshot);
                    std::io::stdout().write_all(told.as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_process_that_is_killed_in_the_middle_of_a_batch_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Snapshot::default();
    for round in 0_u8..3 {
        let mut child = child("until killed", folder.path(), "");
        let output = BufReader::new(child.stdout.take().unwrap());
        let kept = output.lines().map_while(Result::ok);
        let kept = kept.filter_map(|line| line.strip_prefix("kept ")?.parse().ok());
        for number in kept.take(120) {
            told = told.max(Snapshot::from_number(number));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let context = Context::open_folder(folder.path(), [10 + round; 32]).unwrap();
        assert!(
            context.snapshot() >= told,
            "{} of {told}",
            context.snapshot()
        );
        let report = context.audit().verify().unwrap();
        assert_eq!(report.flaws, []);
        assert_eq!(report.commits, context.snapshot().number());
        told = context.snapshot();
    }
}

/// Opens, writes one fact, closes, twenty-five times; a store that is taken is asked for again.
fn write_in_turns(folder: &Path, name: &str) {
    for i in 0..25 {
        let context = loop {
            match Context::open_folder(folder, [name.len() as u8; 32]) {
                Ok(context) => break context,
                Err(ContextError::Store(error)) if error.problem() == StoreProblem::Busy => {
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        let ops = [says(&format!("{name}-{i}"), "is", "here")];
        context.commit(&agent(), commit(ops)).unwrap();
    }
}

#[test]
fn eight_processes_that_take_turns_keep_all_they_wrote() {
    let folder = tempfile::tempdir().unwrap();
    drop(Context::open_folder(folder.path(), [99; 32]).unwrap());
    let children: Vec<_> = (1..=8)
        .map(|i| child("in turns", folder.path(), &"p".repeat(i)))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let context = Context::open_folder(folder.path(), [98; 32]).unwrap();
    let pattern = Pattern::anything().predicate("is").limit(1_000);
    let all = context.latest(&agent()).query(&pattern).unwrap();
    assert_eq!(all.assertions.len(), 200);
    assert_eq!(context.audit().verify().unwrap().flaws, []);
}

#[test]
fn sixty_four_threads_keep_all_they_wrote() {
    let context = memory();
    std::thread::scope(|threads| {
        for thread in 0..64 {
            let context = context.clone();
            threads.spawn(move || {
                for i in 0..10 {
                    let ops = [says(&format!("n{thread}-{i}"), "is", "here")];
                    context.commit(&agent(), commit(ops)).unwrap();
                }
            });
        }
    });
    let pattern = Pattern::anything().predicate("is").limit(1_000);
    let all = context.latest(&agent()).query(&pattern).unwrap();
    assert_eq!(all.assertions.len(), 640);
}
