//! What the tests stand on: a project folder, the binary, and a ledger that posts arrive at.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A message that the scripted model wants a reply to.
pub(crate) const QUESTION: &str = "From: Ann <ann@example.org>\nTo: shop@example.org\n\
    Subject: Question about the rack\nMessage-ID: <q1@example.org>\n\n\
    Hello, does the rack fit a child seat? Kind regards, Ann\n";

/// A fresh folder in which the binary runs, with nobody's settings and no keys.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// Makes an empty one.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes one with the bundled example in it.
    pub(crate) fn with_example() -> Self {
        let project = Self::empty();
        let done = project.run(&["init", "app"]);
        assert_eq!(done.code, 0, "{done:?}");
        for entry in std::fs::read_dir(project.path("app")).unwrap() {
            let entry = entry.unwrap();
            std::fs::rename(
                entry.path(),
                project.path(entry.file_name().to_str().unwrap()),
            )
            .unwrap();
        }
        std::fs::remove_dir(project.path("app")).unwrap();
        project
    }

    /// Returns a path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Returns the command with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layercake"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        Done::of(&self.command(arguments).output().unwrap())
    }

    /// Starts the command in the background; it is killed with the returned value.
    pub(crate) fn start(&self, arguments: &[&str]) -> Background {
        Background(self.command(arguments).spawn().unwrap())
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Reads standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_str(&self.out) {
            Ok(document) => document,
            Err(error) => panic!("{error}: {self:?}"),
        }
    }

    /// Checks the exit code and that the error names a code and says these words.
    #[track_caller]
    pub(crate) fn check_error(&self, exit: i32, code: &str, words: &[&str]) {
        assert_eq!(self.code, exit, "{self:?}");
        assert!(
            self.err.contains(&format!("error[{code}]")),
            "{code}: {self:?}"
        );
        assert!(
            self.err.contains(&format!("layercake explain {code}")),
            "{self:?}"
        );
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:?}");
        }
    }
}

/// A command that goes on; killed when dropped.
pub(crate) struct Background(Child);

impl Background {
    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Returns the child.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Done {
        let (mut out, mut err) = (String::new(), String::new());
        let mut stdout = self.0.stdout.take().unwrap();
        let mut stderr = self.0.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            stderr.read_to_string(&mut err).unwrap();
            err
        });
        stdout.read_to_string(&mut out).unwrap();
        let err = reader.join().unwrap();
        let code = self.0.wait().unwrap().code().unwrap_or(-1);
        Done { code, out, err }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A loopback HTTP endpoint that applies each idempotency key once.
pub(crate) struct Ledger {
    pub(crate) url: String,
    posts: Arc<Mutex<Vec<Post>>>,
}

/// One post that arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post {
    pub(crate) key: String,
    pub(crate) body: Value,
}

impl Ledger {
    /// Listens on a free port.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/replies", listener.local_addr().unwrap());
        let posts = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&posts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let posts = Arc::clone(&shared);
                std::thread::spawn(move || converse(stream, &posts));
            }
        });
        Self { url, posts }
    }

    /// Returns everything that arrived, in order.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Returns what was applied: the first post of each key.
    pub(crate) fn applied(&self) -> BTreeMap<String, Value> {
        let mut applied = BTreeMap::new();
        for post in self.posts() {
            applied.entry(post.key).or_insert(post.body);
        }
        applied
    }
}

fn converse(stream: TcpStream, posts: &Mutex<Vec<Post>>) {
    let Ok(mut answers) = stream.try_clone() else {
        return;
    };
    let mut requests = BufReader::new(stream);
    while let Some(post) = request(&mut requests) {
        posts.lock().unwrap().push(post);
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if answers.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads one whole request; nothing when the connection ended before it was whole.
fn request(stream: &mut BufReader<TcpStream>) -> Option<Post> {
    let mut key = String::new();
    let mut length = 0;
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    loop {
        line.clear();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => key = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    Some(Post { key, body })
}

/// Returns the names of the files in a folder, sorted; none when there is no folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
