//! The files of the Anthropic memory tool: a folder `/memories` that a model reads and edits.
//! Each file is a fact; an edit replaces it and history keeps what it was.
//!
//! Source: the client-side memory tool `memory_20250818` and its six commands.

use crate::commit::{Commit, Expect, Op, Statement, Verdict};
use crate::scope::Access;
use crate::view::{Pattern, Rest, View};
use crate::{Assertion, Context, ContextError, Moment, Object, Provenance, Value};

const FILE: &str = "memory:file";
const ROOT: &str = "/memories";
/// The longest path, in bytes; it is the name of an entity.
const PATH_BYTES_MAX: usize = 512;
const PAGE: usize = 1_000;

/// The memory folder of a scope.
#[derive(Debug, Clone)]
pub struct MemoryFiles {
    context: Context,
    access: Access,
    provenance: Provenance,
}

/// A command of the memory tool failed. The text is for the model.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path leads out of the folder, or is too long.
    #[error("the path `{path}` is not a path below {ROOT}")]
    Path {
        /// The path.
        path: String,
    },
    /// There is no such file or folder.
    #[error("the path `{path}` does not exist")]
    NotFound {
        /// The path.
        path: String,
    },
    /// Something is there already.
    #[error("the path `{path}` exists already")]
    Exists {
        /// The path.
        path: String,
    },
    /// The text to replace is not there once.
    #[error("the text to replace occurs {times} times in `{path}`, and must occur once")]
    NotOnce {
        /// The path.
        path: String,
        /// How often it occurs.
        times: usize,
    },
    /// The line is beyond the end.
    #[error("`{path}` has {lines} lines: text goes in after line 0 to {lines}")]
    Line {
        /// The path.
        path: String,
        /// How many lines there are.
        lines: usize,
    },
    /// The context refused.
    #[error("the context refused")]
    Context(#[source] ContextError),
}

impl From<ContextError> for FileError {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

impl MemoryFiles {
    /// Makes the folder of a scope; what is written carries this provenance.
    pub fn new(context: Context, access: Access, provenance: Provenance) -> Self {
        Self {
            context,
            access,
            provenance,
        }
    }

    /// Shows a file's text, or the paths below a folder, one on each line.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::Path`].
    pub fn view(&self, path: &str) -> Result<String, FileError> {
        let path = checked(path)?;
        let view = self.context.latest(&self.access);
        if let Some(file) = file(&view, &path)? {
            return Ok(text(&file));
        }
        let below = self.below(&view, &path)?;
        if below.is_empty() && path != ROOT {
            return Err(FileError::NotFound { path });
        }
        let paths = below.into_iter().map(|file| file.subject.name + "\n");
        Ok(paths.collect())
    }

    /// Writes a file, whether it is there or not.
    ///
    /// # Errors
    /// [`FileError::Path`], or when the text is longer than 64 KiB.
    pub fn create(&self, at: Moment, path: &str, content: &str) -> Result<(), FileError> {
        let path = checked(path)?;
        if path == ROOT {
            return Err(FileError::Exists { path });
        }
        let view = self.context.latest(&self.access);
        let old = file(&view, &path)?;
        self.write(&view, at, vec![put(&path, content, old)], &path)
    }

    /// Replaces a text that occurs exactly once.
    ///
    /// # Errors
    /// [`FileError::NotOnce`], [`FileError::NotFound`], [`FileError::Path`].
    pub fn str_replace(
        &self,
        at: Moment,
        path: &str,
        old: &str,
        new: &str,
    ) -> Result<(), FileError> {
        self.edit(at, path, |path, content| {
            match content.matches(old).count() {
                1 => Ok(content.replacen(old, new, 1)),
                times => Err(FileError::NotOnce { path, times }),
            }
        })
    }

    /// Inserts text after a line; 0 is the beginning.
    ///
    /// # Errors
    /// [`FileError::Line`], [`FileError::NotFound`], [`FileError::Path`].
    pub fn insert(&self, at: Moment, path: &str, line: usize, new: &str) -> Result<(), FileError> {
        self.edit(at, path, |path, content| {
            let mut lines: Vec<&str> = content.split_inclusive('\n').collect();
            if line > lines.len() {
                let lines = lines.len();
                return Err(FileError::Line { path, lines });
            }
            let new = match new.ends_with('\n') || line == lines.len() {
                true => new.to_owned(),
                false => format!("{new}\n"),
            };
            let before = line.checked_sub(1).map(|last| lines[last]);
            let joint = before.is_some_and(|before| !before.ends_with('\n'));
            let new = if joint { format!("\n{new}") } else { new };
            lines.insert(line, &new);
            Ok(lines.concat())
        })
    }

    /// Deletes a file, or a folder with all below it.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::Path`].
    pub fn delete(&self, at: Moment, path: &str) -> Result<(), FileError> {
        let path = checked(path)?;
        let view = self.context.latest(&self.access);
        let ops = self
            .at_or_below(&view, &path)?
            .into_iter()
            .map(|file| Op::Judge {
                item: file.id,
                verdict: Verdict::Retract,
            });
        self.write(&view, at, ops.collect(), &path)
    }

    /// Moves a file or folder to a path where nothing is.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::NotFound`], [`FileError::Path`].
    pub fn rename(&self, at: Moment, from: &str, to: &str) -> Result<(), FileError> {
        let (from, to) = (checked(from)?, checked(to)?);
        let view = self.context.latest(&self.access);
        if file(&view, &to)?.is_some() || !self.below(&view, &to)?.is_empty() {
            return Err(FileError::Exists { path: to });
        }
        let mut ops = Vec::new();
        for file in self.at_or_below(&view, &from)? {
            let below = file.subject.name.strip_prefix(&from).unwrap_or_default();
            let path = format!("{to}{below}");
            ops.push(put(&path, &text(&file), None));
            ops.push(Op::Judge {
                item: file.id,
                verdict: Verdict::Retract,
            });
        }
        self.write(&view, at, ops, &to)
    }

    fn edit(
        &self,
        at: Moment,
        path: &str,
        edit: impl FnOnce(String, String) -> Result<String, FileError>,
    ) -> Result<(), FileError> {
        let path = checked(path)?;
        let view = self.context.latest(&self.access);
        let Some(old) = file(&view, &path)? else {
            return Err(FileError::NotFound { path });
        };
        let content = edit(path.clone(), text(&old))?;
        self.write(&view, at, vec![put(&path, &content, Some(old))], &path)
    }

    /// Commits, unless somebody else changed the file since it was read.
    fn write(&self, view: &View, at: Moment, ops: Vec<Op>, path: &str) -> Result<(), FileError> {
        let expect = Expect::Unchanged {
            subject: path.into(),
            predicate: FILE.to_owned(),
            version: view.version(path, FILE)?,
        };
        let commit = Commit::new(at, self.provenance.clone(), ops).expecting(expect);
        self.context.commit(&self.access, commit)?;
        Ok(())
    }

    fn at_or_below(&self, view: &View, path: &str) -> Result<Vec<Assertion>, FileError> {
        let mut files: Vec<_> = file(view, path)?.into_iter().collect();
        files.extend(self.below(view, path)?);
        if files.is_empty() {
            let path = path.to_owned();
            return Err(FileError::NotFound { path });
        }
        Ok(files)
    }

    /// Returns the files below a folder, by path.
    fn below(&self, view: &View, path: &str) -> Result<Vec<Assertion>, ContextError> {
        let folder = format!("{path}/");
        let mut found = Vec::new();
        let mut pattern = Pattern::anything().predicate(FILE).limit(PAGE);
        loop {
            let page = view.query(&pattern)?;
            let last = page.assertions.last().map(|file| file.id);
            let files = page.assertions.into_iter();
            found.extend(files.filter(|file| file.subject.name.starts_with(&folder)));
            match last {
                Some(last) if page.rest != Rest::None => pattern = pattern.after(last),
                _ => break,
            }
        }
        found.sort_by(|a, b| a.subject.name.cmp(&b.subject.name));
        Ok(found)
    }
}

fn put(path: &str, content: &str, old: Option<Assertion>) -> Op {
    let statement = Statement::new(path, FILE, Value::from(content));
    Op::Assert(match old {
        Some(old) => statement.replacing(old.id),
        None => statement,
    })
}

fn file(view: &View, path: &str) -> Result<Option<Assertion>, ContextError> {
    let found = view.query(&Pattern::about(path).predicate(FILE))?;
    Ok(found.assertions.into_iter().next_back())
}

fn text(file: &Assertion) -> String {
    match &file.object {
        Object::Value(value) => value.to_string(),
        Object::Entity(_) => String::new(),
    }
}

/// Returns the path without its end stroke, when it is one below the folder. Paths that differ
/// in upper and lower case only are one path, as names of entities are.
fn checked(path: &str) -> Result<String, FileError> {
    let wrong = || FileError::Path {
        path: path.to_owned(),
    };
    let plain = path.trim_end_matches('/');
    let below = plain == ROOT || plain.starts_with(&format!("{ROOT}/"));
    let mut parts = plain.split('/').skip(1);
    let clean = parts.all(|part| !matches!(part, "" | "." | ".."));
    let fits = plain.len() <= PATH_BYTES_MAX && !plain.chars().any(char::is_control);
    (below && clean && fits && !plain.contains('%'))
        .then(|| plain.to_owned())
        .ok_or_else(wrong)
}
