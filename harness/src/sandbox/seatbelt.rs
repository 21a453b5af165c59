//! The policy as a profile of macOS's seatbelt. Pure text, so that every system tests it.
//!
//! Source: `sandbox-exec(1)` and the profiles under `/System/Library/Sandbox/Profiles`.

use std::fmt::Write;
use std::path::Path;

use super::policy::{Network, Policy};

/// The program that applies a profile to a command.
#[cfg(target_os = "macos")]
pub(super) const PROGRAM: &str = "/usr/bin/sandbox-exec";

/// What every program needs to start: its own process, and the system's libraries and caches.
const BASE: &str = "\
(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow file-read-metadata)
(allow file-read* (literal \"/\"))
(allow file-read* (subpath \"/System\"))
(allow file-read* (subpath \"/Library/Apple\"))
(allow file-read* (subpath \"/private/var/db/dyld\"))
";

/// Returns the profile of a policy.
pub(super) fn profile(policy: &Policy) -> String {
    let mut text = BASE.to_owned();
    for path in policy.all_readable() {
        rule(&mut text, "file-read*", &path);
    }
    for path in policy.all_writable() {
        rule(&mut text, "file-read* file-write*", &path);
    }
    if policy.network == Network::Allowed {
        text.push_str("(allow network-outbound)\n(allow network-inbound)\n(allow system-socket)\n");
    }
    text
}

fn rule(text: &mut String, operations: &str, path: &Path) {
    let path = quoted(&path.to_string_lossy());
    writeln!(text, "(allow {operations} (subpath {path}))")
        .expect("writing to a string cannot fail");
}

/// Quotes a path; nothing in it can end the text that it stands in.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace(['\n', '\r', '\0'], "?"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::profile;
    use crate::sandbox::{Limits, Network, Policy};

    fn policy(network: Network) -> Policy {
        Policy {
            readable: vec![PathBuf::from("/data/in")],
            writable: vec![PathBuf::from("/data/a \"b\" \\c\n(allow default)")],
            network,
            limits: Limits::standard(),
        }
    }

    #[test]
    fn everything_is_denied_but_what_the_policy_names() {
        let text = profile(&policy(Network::Denied));
        assert!(text.starts_with("(version 1)\n(deny default)\n"));
        assert!(text.contains("(allow file-read* (subpath \"/data/in\"))\n"));
        assert!(!text.contains("file-write* (subpath \"/data/in\")"));
        assert!(!text.contains("network"));
        assert!(!text.lines().any(|line| line == "(allow default)"));
        let writable = "(subpath \"/data/a \\\"b\\\" \\\\c?(allow default)\")";
        assert!(text.contains(&format!("(allow file-read* file-write* {writable})")));
    }

    #[test]
    fn the_network_is_there_when_it_is_granted() {
        let text = profile(&policy(Network::Allowed));
        assert!(text.contains("(allow network-outbound)"));
    }
}
