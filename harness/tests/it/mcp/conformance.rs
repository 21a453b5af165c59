//! The protocol's own conformance suite: everything that a revision requires of clients.
//!
//! What the suite runs but does not score (extensions, and scenarios that came after a
//! revision) is not required here either; those are named in the decision page about MCP.

use std::process::Command;

use super::peers::Peers;

/// Runs the client suite of a revision; every required scenario must pass.
#[track_caller]
fn check(revision: &str, required: usize) {
    let Some(peers) = Peers::find() else { return };
    let results = tempfile::tempdir().unwrap();
    let output = Command::new(&peers.node)
        .arg(peers.program("@modelcontextprotocol/conformance"))
        .args(["client", "--requirements", revision])
        .args(["--command", env!("CARGO_BIN_EXE_layercake-mcp-conformance")])
        .arg("--output-dir")
        .arg(results.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.starts_with("✓ ")).count();
    assert!(passed >= required, "{passed} of {required} passed: {said}");
}

#[test]
fn every_requirement_of_2025_11_25_is_met() {
    check("2025-11-25", 18);
}

#[test]
fn every_requirement_of_2026_07_28_is_met() {
    check("2026-07-28", 32);
}
