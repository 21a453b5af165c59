//! Sessions as JSON lines in a folder: one folder for each session, useful without any database.
//!
//! Format: `<root>/<session>/log.jsonl` holds one line for each append, a JSON array of its
//! records, so that a torn write loses the whole append or nothing. `<root>/<session>/fence`
//! holds the number of the last claim; its file lock serialises writers of all processes.
//! In folder names every byte but letters, digits, `-` and `_` is written `%XX`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::memory::check_order;
use super::{SessionRecord, SessionStore, StoreError};
use crate::{Fence, SessionId};

/// Ends of more logs than this are not remembered at once; a forgotten one is read again.
const TAILS_MAX: usize = 4096;

/// Keeps each session in a folder of its own under one root.
#[derive(Debug, Clone)]
pub struct FolderSessions {
    root: PathBuf,
    /// Where the logs that this process writes end. Right as long as the fence still fits;
    /// written by `claim` and `append`.
    tails: Arc<Mutex<BTreeMap<SessionId, Tail>>>,
}

/// The end of the readable part of a log.
#[derive(Debug, Clone, Copy, Default)]
struct Tail {
    records: u64,
    bytes: u64,
}

impl FolderSessions {
    /// Opens a store under a root folder, which is made when it does not exist.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] when the folder cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root)
            .map_err(|source| StoreError::unavailable("make its folder", source))?;
        Ok(Self {
            root,
            tails: Arc::default(),
        })
    }

    fn folder(&self, session: &SessionId) -> PathBuf {
        self.root.join(escape(session.as_str()))
    }

    fn claim_now(&self, session: &SessionId) -> Result<Fence, StoreError> {
        let folder = self.folder(session);
        let new_fence = || -> io::Result<u64> {
            fs::create_dir_all(&folder)?;
            let mut lock = Lock::take(&folder)?;
            let next = lock.number()? + 1;
            lock.set_number(next)?;
            File::open(&folder)?.sync_all()?;
            File::open(&self.root)?.sync_all()?;
            Ok(next)
        };
        let number = new_fence().map_err(|source| StoreError::unavailable("claim", source))?;
        // Reading finds the end of the log, also after a torn write.
        let (_, tail) = self.read(session)?;
        self.remember(session, Some(tail));
        Ok(Fence::new(number))
    }

    fn append_now(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        let unavailable = |source: io::Error| StoreError::unavailable("append", source);
        let folder = self.folder(session);
        let mut lock = Lock::take(&folder).map_err(unavailable)?;
        if lock.number().map_err(unavailable)? != fence.number() {
            self.remember(session, None);
            return Err(StoreError::Fenced {
                session: session.clone(),
            });
        }
        let tail = match self.remembered(session) {
            Some(tail) => tail,
            None => self.read(session)?.1,
        };
        check_order(session, tail.records, records)?;
        let mut line = serde_json::to_vec(records)
            .map_err(|source| StoreError::unavailable("encode records", source))?;
        line.push(b'\n');
        let written = write_line(&folder.join("log.jsonl"), tail.bytes, &line);
        self.remember(
            session,
            written.is_ok().then_some(Tail {
                records: tail.records + records.len() as u64,
                bytes: tail.bytes + line.len() as u64,
            }),
        );
        written.map_err(unavailable)
    }

    /// Reads all complete lines, and where they end.
    fn read(&self, session: &SessionId) -> Result<(Vec<SessionRecord>, Tail), StoreError> {
        let bytes = match fs::read(self.folder(session).join("log.jsonl")) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(StoreError::unavailable("read", source)),
        };
        let mut records = Vec::new();
        let mut tail = Tail::default();
        for (position, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if !line.ends_with(b"\n") {
                break; // A torn last write never returned: it is as if it never was.
            }
            let batch: Vec<SessionRecord> =
                serde_json::from_slice(line).map_err(|error| StoreError::Corrupt {
                    session: session.clone(),
                    message: format!("line {}: {error}", position + 1),
                })?;
            records.extend(batch);
            tail.bytes += line.len() as u64;
        }
        tail.records = records.len() as u64;
        Ok((records, tail))
    }

    fn list(&self) -> io::Result<Vec<SessionId>> {
        let mut sessions = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = unescape(&entry.file_name().to_string_lossy());
            let begun = entry.path().join("log.jsonl").exists();
            if let (true, Some(Ok(session))) = (begun, name.map(SessionId::new)) {
                sessions.push(session);
            }
        }
        sessions.sort();
        Ok(sessions)
    }

    fn remembered(&self, session: &SessionId) -> Option<Tail> {
        let tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.get(session).copied()
    }

    fn remember(&self, session: &SessionId, tail: Option<Tail>) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if tails.len() >= TAILS_MAX {
            tails.clear();
        }
        match tail {
            Some(tail) => tails.insert(session.clone(), tail),
            None => tails.remove(session),
        };
    }

    /// Runs file work away from the async threads; it finishes even when nobody waits for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(store))
            .await
            .map_err(|source| StoreError::unavailable("finish", source))?
    }
}

#[async_trait]
impl SessionStore for FolderSessions {
    async fn claim(&self, session: &SessionId) -> Result<Fence, StoreError> {
        let session = session.clone();
        self.blocking(move |store| store.claim_now(&session)).await
    }

    async fn append(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        let session = session.clone();
        let records = records.to_vec();
        self.blocking(move |store| store.append_now(&session, fence, &records))
            .await
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError> {
        let session = session.clone();
        self.blocking(move |store| Ok(store.read(&session)?.0))
            .await
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        self.blocking(|store| {
            store
                .list()
                .map_err(|source| StoreError::unavailable("list its sessions", source))
        })
        .await
    }
}

/// The fence file of a session, locked against all other writers until it is dropped.
struct Lock(File);

impl Lock {
    fn take(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("fence"))?;
        file.lock()?;
        Ok(Self(file))
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut text = String::new();
        self.0.seek(SeekFrom::Start(0))?;
        self.0.read_to_string(&mut text)?;
        // A torn number cannot be right, and a smaller one would let an old writer in.
        match text.trim() {
            "" => Ok(0),
            digits => digits.parse().map_err(io::Error::other),
        }
    }

    fn set_number(&mut self, number: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        // Fixed width: overwriting in place never leaves a shorter or longer number.
        write!(self.0, "{number:020}")?;
        self.0.sync_data()
    }
}

/// Writes a line at the known end of a log, over whatever a torn write left there.
fn write_line(path: &Path, end: u64, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.len() != end {
        file.set_len(end)?;
    }
    file.seek(SeekFrom::Start(end))?;
    let written = file.write_all(line).and_then(|()| file.sync_data());
    if written.is_err() {
        // Best effort: a reader ignores a line without its end, a later append cuts it.
        drop(file.set_len(end));
    }
    if end == 0 {
        let folder = path.parent().expect("a log lies in its session's folder");
        File::open(folder)?.sync_all()?;
    }
    written
}

fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let pair = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(pair, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
