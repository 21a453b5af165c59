//! Sessions as JSON lines in a folder: one folder for each session, useful without any database.
//!
//! Format: `<root>/<session>/log.jsonl` holds one line for each append, a JSON array of its
//! records, so that a torn write loses the whole append or nothing. Blank lines mean nothing:
//! room for further appends is reserved as blank lines. A line that cannot be read, with nothing
//! readable after it, is a torn write that never returned. `<root>/<session>/fence` holds the
//! number of the last claim; its file lock serialises writers of all processes. In folder names
//! every byte but letters, digits, `-` and `_` is written `%XX`.

mod name;
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::memory::check_positions;
use super::{SessionRecord, SessionStore, StoreError};
use crate::{Fence, SessionId};
use name::{escape, unescape};
use writer::{Line, Tail, Writer};

/// Logs that are held open for writing at once, each with two files; another one is opened
/// again. Well below the 1,024 files that a process may have open on many systems.
const WRITERS_MAX: usize = 128;

/// Keeps each session in a folder of its own under one root.
#[derive(Debug, Clone)]
pub struct FolderSessions {
    root: PathBuf,
    /// The ends of logs that this process writes; filled by `append`, emptied when another
    /// writer took the session over. The inner lock is held while a line is written.
    writers: Arc<Mutex<BTreeMap<SessionId, Arc<Mutex<Writer>>>>>,
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
            writers: Arc::default(),
        })
    }

    fn folder(&self, session: &SessionId) -> PathBuf {
        self.root.join(escape(session.as_str()))
    }

    fn claim_now(&self, session: &SessionId) -> Result<Fence, StoreError> {
        let folder = self.folder(session);
        let new_fence = || -> io::Result<u64> {
            fs::create_dir_all(&folder)?;
            let number = writer::claim(&folder)?;
            File::open(&folder)?.sync_all()?;
            File::open(&self.root)?.sync_all()?;
            Ok(number)
        };
        let number = new_fence().map_err(|source| StoreError::unavailable("claim", source))?;
        // Another process may have written since: the end is found again when it is needed.
        self.forget(session);
        Ok(Fence::new(number))
    }

    fn append_now(&self, session: &SessionId, fence: Fence, line: &Line) -> Result<(), StoreError> {
        let unavailable = |source: io::Error| StoreError::unavailable("append", source);
        let writer = self.writer(session).map_err(unavailable)?;
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = writer.lock().map_err(unavailable)?;
        if lock.number().map_err(unavailable)? != fence.number() {
            self.forget(session);
            return Err(StoreError::Fenced {
                session: session.clone(),
            });
        }
        let stored = match writer.records() {
            Some(stored) => stored,
            // Nobody else can write while the lock is held.
            None => {
                let tail = self.read(session)?.1;
                writer.begin_at(tail).map_err(unavailable)?;
                if tail.bytes == 0 {
                    // The file is new: so is its name in the folder.
                    let folder = File::open(self.folder(session));
                    folder.and_then(|it| it.sync_all()).map_err(unavailable)?;
                }
                tail.records
            }
        };
        check_positions(session, stored, line.positions.iter().copied())?;
        writer.write(line).map_err(unavailable)
    }

    /// Returns the open end of a log, and opens it when it is not.
    fn writer(&self, session: &SessionId) -> io::Result<Arc<Mutex<Writer>>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writers.get(session) {
            return Ok(Arc::clone(writer));
        }
        if writers.len() >= WRITERS_MAX {
            writers.pop_first();
        }
        let writer = Arc::new(Mutex::new(Writer::open(&self.folder(session))?));
        writers.insert(session.clone(), Arc::clone(&writer));
        Ok(writer)
    }

    fn forget(&self, session: &SessionId) {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.remove(session);
    }

    /// Reads everything up to a torn write, and where it ends.
    fn read(&self, session: &SessionId) -> Result<(Vec<SessionRecord>, Tail), StoreError> {
        let bytes = match fs::read(self.folder(session).join("log.jsonl")) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(StoreError::unavailable("read", source)),
        };
        let mut records: Vec<SessionRecord> = Vec::new();
        let mut tail = Tail::default();
        let mut end = 0;
        let mut unread: Option<String> = None;
        for (position, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            end += line.len() as u64;
            if line == b"\n" {
                continue;
            }
            let is_whole = line.ends_with(b"\n");
            match serde_json::from_slice::<Vec<SessionRecord>>(line) {
                // A write that never returned may be torn; nothing can follow it.
                Ok(_) if unread.is_some() => {
                    return Err(StoreError::Corrupt {
                        session: session.clone(),
                        message: unread.unwrap_or_default(),
                    });
                }
                Ok(batch) if is_whole => {
                    records.extend(batch);
                    tail.bytes = end;
                }
                Ok(_) => {}
                Err(error) => {
                    unread.get_or_insert(format!("line {}: {error}", position + 1));
                }
            }
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
        let line = Line::of(records)
            .map_err(|source| StoreError::unavailable("encode records", source))?;
        self.blocking(move |store| store.append_now(&session, fence, &line))
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
