//! What a confined command may reach: a few folders, no network, bounded resources.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::workspace::Workspace;

/// What every command may read and execute: programs, libraries, and the few settings without
/// which they do not start. What does not exist is left out. `/etc` as a whole is not here: it
/// holds secrets that the superuser could read.
const SYSTEM: [&str; 35] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/random",
    "/dev/urandom",
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
];

/// Devices that every command may read and write.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];

/// What a confined command may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Files and folders that it may read and execute, beside the system's own.
    pub readable: Vec<PathBuf>,
    /// Folders that it may also write, beside its own temporary one.
    pub writable: Vec<PathBuf>,
    /// Whether it may use the network.
    pub network: Network,
    /// What it may use of the machine.
    pub limits: Limits,
}

impl Policy {
    /// Allows the workspace, and nothing else beside the system's programs.
    pub fn for_workspace(workspace: &Workspace) -> Self {
        Self {
            readable: Vec::new(),
            writable: vec![workspace.path().to_owned()],
            network: Network::Denied,
            limits: Limits::standard(),
        }
    }

    /// Returns everything that may be read and executed.
    pub(super) fn all_readable(&self) -> impl Iterator<Item = PathBuf> {
        SYSTEM
            .iter()
            .map(PathBuf::from)
            .chain(self.readable.iter().cloned())
    }

    /// Returns everything that may be written.
    pub(super) fn all_writable(&self) -> impl Iterator<Item = PathBuf> {
        DEVICES
            .iter()
            .map(PathBuf::from)
            .chain(self.writable.iter().cloned())
    }
}

/// Whether a confined command may use the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// No sockets at all, not even to other programs of the machine.
    Denied,
    /// Internet sockets to these hosts only. Nothing here can hold commands to that yet, so such
    /// a policy is refused and never runs with more or less than was asked for.
    Hosts(Vec<String>),
    /// Internet sockets to anywhere.
    Allowed,
}

/// What a confined command may use of the machine; each limit holds for each process of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Processor time, in seconds.
    pub cpu_seconds: u64,
    /// The size of a file that it writes, in bytes.
    pub file_bytes: u64,
    /// Files that are open at the same time.
    pub open_files: u64,
    /// Address space, in bytes; `None` for no limit, because some runtimes reserve much more
    /// than they use.
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// Returns limits that builds and tests of common projects stay below.
    pub fn standard() -> Self {
        Self {
            cpu_seconds: 3_600,
            file_bytes: 8 << 30,
            open_files: 4_096,
            memory_bytes: None,
        }
    }
}
