//! Installs the server once, makes its model, starts and ends it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use crate::peer::{free_port, must_run};

/// A running server; it ends with this value.
pub(super) struct Llama {
    pub(super) address: String,
    process: Child,
    /// The server ends with its standard input.
    input: Option<ChildStdin>,
}

impl Llama {
    /// Starts a server, or says why there is none. Where `CI` is set there must be one.
    pub(super) async fn start() -> Option<Self> {
        static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match INSTALLED.get_or_init(install) {
            Ok(home) => Some(Self::serve(home)),
            Err(reason) => {
                must_run(reason);
                None
            }
        }
    }

    fn serve(home: &Path) -> Self {
        let mut process = Command::new(home.join("venv/bin/python"))
            .arg(folder().join("serve.py"))
            .arg(home.join("tiny.gguf"))
            .arg(free_port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = process.stdout.take().unwrap();
        // It names its address when it is ready, among lines of its own.
        let lines = BufReader::new(said).lines().map_while(Result::ok);
        let mut lines = lines;
        let address = lines.find(|line| line.starts_with("http://"));
        Self {
            address: address.expect("the server names its address when it is up"),
            input: process.stdin.take(),
            process,
        }
    }
}

impl Drop for Llama {
    fn drop(&mut self) {
        drop(self.input.take());
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/inference")
}

/// Installs what the lock file names beside the build, and makes the model, once.
fn install() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inference");
    let (model, stamp) = (home.join("tiny.gguf"), home.join("requirements.txt"));
    let wanted = folder().join("requirements.txt");
    let is_same = std::fs::read(&stamp).ok() == std::fs::read(&wanted).ok();
    if is_same && model.exists() {
        return Ok(home);
    }
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let venv = home.join("venv");
    let python = venv.join("bin/python");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"]);
    run(pip.args(["--no-deps", "--requirement"]).arg(&wanted))?;
    let maker = folder().join("make_model.py");
    run(Command::new(&python).arg(maker).arg(&model))?;
    std::fs::copy(&wanted, &stamp).map_err(|error| error.to_string())?;
    Ok(home)
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.stdin(Stdio::null()).output();
    let done = done.map_err(|error| format!("{command:?} cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{command:?} failed: {said}"))
}
