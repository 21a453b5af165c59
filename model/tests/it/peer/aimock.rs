//! Starts and ends one aimock server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A running server; it ends with this value.
pub(crate) struct Aimock {
    pub(crate) address: String,
    process: Child,
}

impl Aimock {
    /// Starts a server, or says why there is none. Where `CI` is set there must be one.
    pub(crate) async fn start(options: &[&str]) -> Option<Self> {
        static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let program = match INSTALLED.get_or_init(install) {
            Ok(program) => program,
            Err(reason) => {
                must_run(reason);
                return None;
            }
        };
        let port = free_port();
        let process = Command::new("node")
            .arg(program)
            .args([
                "--port",
                &port.to_string(),
                "--strict",
                "--log-level",
                "warn",
                "--fixtures",
            ])
            .arg(folder().join("fixtures.json"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            address: format!("http://127.0.0.1:{port}"),
            process,
        };
        server.wait_until_ready(port).await;
        Some(server)
    }

    async fn wait_until_ready(&self, port: u16) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !answers(port).await {
            assert!(Instant::now() < deadline, "the server did not come up");
            // There is no sign to wait for but the open port.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Says that a peer is missing. Where `CI` is set it must not be.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn must_run(reason: &str) {
    let is_required = std::env::var_os("CI").is_some();
    assert!(!is_required, "the peer tests must run here: {reason}");
    eprintln!("PEER TESTS SKIPPED: {reason}");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer")
}

/// Installs the package of the lock file beside the build, once.
fn install() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output();
        found.map_err(|error| format!("{program} cannot be run: {error}"))?;
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aimock");
    let program = home.join("node_modules/@copilotkit/aimock/dist/cli.js");
    let is_same =
        |name: &str| std::fs::read(home.join(name)).ok() == std::fs::read(folder().join(name)).ok();
    if program.exists() && is_same("package-lock.json") {
        return Ok(program);
    }
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(folder().join(name), home.join(name)).map_err(|error| error.to_string())?;
    }
    let done = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&home)
        .output()
        .map_err(|error| error.to_string())?;
    if done.status.success() {
        return Ok(program);
    }
    Err(format!(
        "npm ci failed: {}",
        String::from_utf8_lossy(&done.stderr)
    ))
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn answers(port: u16) -> bool {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let asked = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut said = [0; 12];
    connection.write_all(asked).await.is_ok()
        && connection
            .read(&mut said)
            .await
            .is_ok_and(|count| count > 0)
}
