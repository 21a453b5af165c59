//! The crash score in its short form: the real binary, killed at some of its record boundaries
//! and at random moments, loses nothing, repeats nothing and tells nobody anything untrue.
//!
//! `cargo xtask crash-score` is the long form.

use std::process::Command;

#[test]
fn the_short_crash_score_is_perfect() {
    let arguments = [
        "run",
        "--quiet",
        "--package",
        "xtask",
        "--",
        "crash-score",
        "--short",
    ];
    let scored = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--binary", env!("CARGO_BIN_EXE_layercake")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&scored.stdout);
    println!("{said}");
    let complaints = String::from_utf8_lossy(&scored.stderr);
    assert!(scored.status.success(), "{said}\n{complaints}");
}
