//! The folder that an agent works in. Paths are resolved link by link from its handle, so that
//! none leads out, not even one that changes while it is resolved.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Links that one path may lead through; the kernel's own limit is 40.
const LINKS_MAX: usize = 40;

/// Directories that one path may lead through; each holds a handle while it is resolved.
const DEPTH_MAX: usize = 128;

/// Makes the names of unfinished files differ within the process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// The folder that an agent works in.
#[derive(Clone)]
pub struct Workspace {
    root: Arc<OwnedFd>,
    path: PathBuf,
}

/// A place in the workspace: a directory and a name in it that is no link.
pub(crate) struct Place {
    directory: Arc<OwnedFd>,
    name: OsString,
    /// What the name stands for; `None` when there is nothing.
    pub(crate) kind: Option<FileType>,
}

impl Workspace {
    /// Opens a folder as a workspace.
    ///
    /// # Errors
    ///
    /// Returns [`WorkspaceError::Unusable`] when it is no folder that can be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WorkspaceError> {
        let unusable = |source: io::Error| WorkspaceError::Unusable {
            path: path.as_ref().to_owned(),
            source,
        };
        let absolute = path.as_ref().canonicalize().map_err(unusable)?;
        let root = rustix::fs::open(&absolute, directory_flags(), Mode::empty())
            .map_err(|errno| unusable(errno.into()))?;
        Ok(Self {
            root: Arc::new(root),
            path: absolute,
        })
    }

    /// Returns the folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finds the place that a path names, following links as long as they stay inside.
    /// Directories on the way that do not exist are an error, or are made, as `missing` says.
    pub(crate) fn place(&self, path: &str, missing: Missing) -> Result<Place, WorkspaceError> {
        let mut rest = self.components(path, Path::new(path))?;
        let mut stack = vec![Arc::clone(&self.root)];
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                stack.pop();
                if stack.is_empty() {
                    return Err(outside(path));
                }
                continue;
            }
            let directory = Arc::clone(stack.last().expect("the root is never popped"));
            match rustix::fs::readlinkat(&*directory, &name, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(failed(path, Errno::LOOP.into()));
                    }
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    if target.is_absolute() {
                        stack.truncate(1);
                    }
                    let target = self.components(path, &target)?;
                    for part in target.into_iter().rev() {
                        rest.push_front(part);
                    }
                    continue;
                }
                // Not a link, or nothing at all: both are looked at below.
                Err(Errno::INVAL | Errno::NOENT) => {}
                Err(errno) => return Err(failed(path, errno.into())),
            }
            if rest.is_empty() {
                return place_in(directory, name).map_err(|error| failed(path, error));
            }
            if stack.len() >= DEPTH_MAX {
                return Err(failed(path, Errno::NAMETOOLONG.into()));
            }
            let next = open_directory(&directory, &name, missing);
            stack.push(Arc::new(next.map_err(|error| failed(path, error))?));
        }
        let directory = Arc::clone(stack.last().expect("the root is never popped"));
        place_in(directory, OsString::from(".")).map_err(|error| failed(path, error))
    }

    /// Returns where a path leads, with all links followed, after making sure that it leads
    /// nowhere outside. For walks that open everything below by [`Workspace::place`] again.
    pub(crate) fn resolved(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let place = self.place(path, Missing::Refused)?;
        if place.kind.is_none() {
            return Err(failed(path, io::ErrorKind::NotFound.into()));
        }
        let resolved = self
            .path
            .join(path)
            .canonicalize()
            .map_err(|error| failed(path, error))?;
        if resolved.starts_with(&self.path) {
            Ok(resolved)
        } else {
            Err(outside(path))
        }
    }

    /// Splits a path into names relative to the root. An absolute path must lie in the root.
    fn components(&self, asked: &str, path: &Path) -> Result<VecDeque<OsString>, WorkspaceError> {
        let inner = if path.is_absolute() {
            path.strip_prefix(&self.path).map_err(|_| outside(asked))?
        } else {
            path
        };
        let names = inner.components().filter_map(|component| match component {
            Component::CurDir => None,
            other => Some(other.as_os_str().to_owned()),
        });
        Ok(names.collect())
    }
}

/// What happens to directories on the way that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// They are an error.
    Refused,
    /// They are made.
    Made,
}

impl Place {
    /// Opens the file for reading. Never blocks on a pipe, never opens a device.
    pub(crate) fn open_file(&self) -> io::Result<File> {
        match self.kind {
            Some(FileType::RegularFile) => {}
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => return Err(io::Error::other("it is neither a file nor a folder")),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&*self.directory, &self.name, flags, Mode::empty())?;
        Ok(File::from(file))
    }

    /// Reads the whole file, when it is no larger than a limit.
    pub(crate) fn read(&self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.open_file()?;
        let size = file.metadata()?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(bytes_max)).unwrap_or(0));
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            let message = format!("it is larger than {bytes_max} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }

    /// Replaces the file's content as a whole, durably: other readers see the old or the new
    /// content, also after a crash.
    pub(crate) fn write(&self, content: &[u8]) -> io::Result<()> {
        let mode = match self.kind {
            Some(FileType::RegularFile) => {
                let stat =
                    rustix::fs::statat(&*self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
                Mode::from_raw_mode(stat.st_mode & 0o777)
            }
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => return Err(io::Error::other("it is neither a file nor a folder")),
            None => Mode::from_raw_mode(0o644),
        };
        let unfinished = unfinished_name();
        let written = self.write_beside(&unfinished, mode, content);
        if written.is_err() {
            // Nothing more can be done about a left-over than to try.
            let _ = rustix::fs::unlinkat(&*self.directory, &unfinished, AtFlags::empty());
        }
        written
    }

    fn write_beside(&self, unfinished: &OsStr, mode: Mode, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*self.directory, unfinished, flags, mode)?;
        // The process's mask may have taken bits away that the old file had.
        rustix::fs::fchmod(&file, mode)?;
        let mut file = File::from(file);
        file.write_all(content)?;
        file.sync_all()?;
        rustix::fs::renameat(&*self.directory, unfinished, &*self.directory, &self.name)?;
        rustix::fs::fsync(&*self.directory)?;
        Ok(())
    }

    /// Removes the file, durably.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if self.kind != Some(FileType::RegularFile) {
            return Err(io::ErrorKind::NotFound.into());
        }
        rustix::fs::unlinkat(&*self.directory, &self.name, AtFlags::empty())?;
        rustix::fs::fsync(&*self.directory)?;
        Ok(())
    }

    /// Opens the folder for listing and as the starting point of further opens.
    pub(crate) fn open_directory(&self) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(
            &*self.directory,
            &self.name,
            directory_flags() | OFlags::NOFOLLOW,
            Mode::empty(),
        )?)
    }
}

fn place_in(directory: Arc<OwnedFd>, name: OsString) -> io::Result<Place> {
    let kind = match rustix::fs::statat(&*directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Some(FileType::from_raw_mode(stat.st_mode)),
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(errno.into()),
    };
    Ok(Place {
        directory,
        name,
        kind,
    })
}

fn open_directory(parent: &OwnedFd, name: &OsStr, missing: Missing) -> io::Result<OwnedFd> {
    let flags = directory_flags() | OFlags::NOFOLLOW;
    match rustix::fs::openat(parent, name, flags, Mode::empty()) {
        Err(Errno::NOENT) if missing == Missing::Made => {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
        }
        other => Ok(other?),
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn unfinished_name() -> OsString {
    let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    format!(".unfinished-{}-{number}", std::process::id()).into()
}

fn outside(path: &str) -> WorkspaceError {
    WorkspaceError::Outside {
        path: path.to_owned(),
    }
}

fn failed(path: &str, source: io::Error) -> WorkspaceError {
    WorkspaceError::Failed {
        path: path.to_owned(),
        source,
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Workspace").field(&self.path).finish()
    }
}

/// A path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The folder cannot be a workspace.
    #[error("`{}` cannot be a workspace", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path leads out of the workspace.
    #[error("`{path}` leads out of the workspace")]
    Outside {
        /// The path as it was given.
        path: String,
    },
    /// The system refused.
    #[error("`{path}` cannot be used")]
    Failed {
        /// The path as it was given.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl WorkspaceError {
    /// Says in one sentence what is wrong, for a model.
    pub(crate) fn for_model(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
