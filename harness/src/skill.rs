//! Skills: folders of know-how that are disclosed in three stages. First only name and
//! description are in the prompt; the `skill` tool loads the body; files come on demand.
//!
//! Source: the Agent Skills format (agentskills.io, specification and the page for clients).

mod header;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use header::{SkillHeader, SkillProblem};
use header::{check_header, split};

use crate::rule::{Rule, RuleVerdict};
use crate::spec::SkillCard;
use crate::workspace::{Missing, Workspace};

/// The name of the file that makes a folder a skill.
const SKILL_FILE: &str = "SKILL.md";

/// A larger file is no skill: its body alone would be 25,000 tokens.
const SKILL_FILE_BYTES_MAX: u64 = 100 * 1024;

/// A larger file of a skill is not for a model to read.
const RESOURCE_BYTES_MAX: u64 = 1024 * 1024;

/// Skills in one folder that are looked at; a prompt could not even list them.
const SKILLS_MAX: usize = 500;

/// Files of a skill that are listed with its body.
const FILES_LISTED_MAX: usize = 100;

/// Where skills are kept, below a project or a home folder.
const SKILL_FOLDERS: [&str; 2] = [".layercake/skills", ".agents/skills"];

/// One skill.
#[derive(Debug, Clone)]
pub struct Skill {
    header: SkillHeader,
    body: String,
    folder: PathBuf,
}

impl Skill {
    /// Reads the skill in a folder.
    ///
    /// # Errors
    ///
    /// Returns [`SkillError`] when there is no readable `SKILL.md`, its header is no YAML, or it
    /// has no description. Lesser faults are reported by [`Skill::problems`].
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, SkillError> {
        let folder = folder.as_ref();
        let unreadable = |source: io::Error| SkillError::Unreadable {
            folder: folder.to_owned(),
            source,
        };
        let space = Workspace::open(folder).map_err(|error| unreadable(io::Error::other(error)))?;
        let place = space
            .place(SKILL_FILE, Missing::Refused)
            .map_err(|error| unreadable(io::Error::other(error)))?;
        let bytes = place.read(SKILL_FILE_BYTES_MAX).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&bytes);
        let (yaml, body) = split(&text).ok_or_else(|| SkillError::NoHeader {
            folder: folder.to_owned(),
        })?;
        let header: SkillHeader =
            serde_saphyr::from_str(yaml).map_err(|error| SkillError::BadHeader {
                folder: folder.to_owned(),
                message: error.to_string(),
            })?;
        if header.description.trim().is_empty() {
            return Err(SkillError::NoDescription {
                folder: folder.to_owned(),
            });
        }
        Ok(Self {
            header,
            body: body.trim().to_owned(),
            folder: space.path().to_owned(),
        })
    }

    /// Returns the header.
    pub fn header(&self) -> &SkillHeader {
        &self.header
    }

    /// Returns the name by which the skill is asked for: the header's, or the folder's when the
    /// header has none.
    pub fn name(&self) -> &str {
        match self.header.name.as_str() {
            "" => self.folder_name(),
            name => name,
        }
    }

    /// Returns the body, without the header.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the skill's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Says what the specification does not allow about the skill.
    pub fn problems(&self) -> Vec<SkillProblem> {
        check_header(&self.header, self.folder_name(), &self.body)
    }

    /// Returns what the prompt says of the skill.
    pub fn card(&self) -> SkillCard {
        SkillCard {
            name: self.name().to_owned(),
            description: one_line(&self.header.description),
        }
    }

    /// Reads a text file of the skill.
    ///
    /// # Errors
    ///
    /// Returns [`SkillError::Unreadable`] when there is none, it leads out of the skill's
    /// folder, it is no text, or it is too large.
    pub fn resource(&self, path: &str) -> Result<String, SkillError> {
        let unreadable = |source: io::Error| SkillError::Unreadable {
            folder: self.folder.join(path),
            source,
        };
        let other = |error| unreadable(io::Error::other(error));
        let space = Workspace::open(&self.folder).map_err(other)?;
        let place = space.place(path, Missing::Refused).map_err(other)?;
        let bytes = place.read(RESOURCE_BYTES_MAX).map_err(unreadable)?;
        String::from_utf8(bytes).map_err(|error| unreadable(io::Error::other(error)))
    }

    /// Returns the paths of the skill's files, in order: those of its folder and of the folders
    /// in it, which is as deep as the specification goes.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for (name, kind) in sorted_entries(&self.folder) {
            if kind.is_dir() {
                let inner = sorted_entries(&self.folder.join(&name));
                let inner = inner.into_iter().filter(|(_, kind)| kind.is_file());
                files.extend(inner.map(|(file, _)| format!("{name}/{file}")));
            } else if kind.is_file() && name != SKILL_FILE {
                files.push(name);
            }
        }
        files.truncate(FILES_LISTED_MAX);
        files
    }

    fn folder_name(&self) -> &str {
        self.folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }
}

/// The skills that an agent can load, by name.
#[derive(Debug, Clone, Default)]
pub struct SkillSet {
    skills: BTreeMap<String, Skill>,
}

impl Skill {
    /// Returns the rules that allow what the skill's `allowed-tools` names, in the name of the
    /// person who adopts them. A skill by itself allows nothing: it is a text, and whoever wrote
    /// it may not be whom the agent works for.
    pub fn rules(&self, by: &str) -> Vec<Rule> {
        let tools = self.header().allowed_tools();
        let rules = tools.map(|allowed| {
            let (tool, calls) = match allowed.split_once('(') {
                Some((tool, calls)) => (tool, Some(calls.trim_end_matches(')'))),
                None => (allowed, None),
            };
            // The specification's `git:*` means the command `git` with anything after it.
            let command = calls.map(|calls| match calls.strip_suffix(":*") {
                Some(words) => format!("{words}{{, *}}"),
                None => calls.to_owned(),
            });
            Rule {
                tool: Some(tool.to_ascii_lowercase()),
                command,
                why: format!("the skill `{}` works with it", self.name()),
                ..Rule::new(format!("skill {}", self.name()), RuleVerdict::Allow, by)
            }
        });
        rules.collect()
    }
}

impl SkillSet {
    /// Makes a set of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a skill, unless one of the same name is there: what comes first wins.
    pub fn add(&mut self, skill: Skill) {
        self.skills.entry(skill.name().to_owned()).or_insert(skill);
    }

    /// Reads all skills in folders of skills; earlier folders win over later ones. A folder
    /// that does not exist holds no skills. Returns what could not be read beside the set.
    pub fn scan(folders: impl IntoIterator<Item = PathBuf>) -> (Self, Vec<SkillError>) {
        let mut set = Self::new();
        let mut errors = Vec::new();
        for folder in folders {
            let entries = sorted_entries(&folder).into_iter().take(SKILLS_MAX);
            for (name, _) in entries {
                let candidate = folder.join(name);
                if !candidate.join(SKILL_FILE).is_file() {
                    continue;
                }
                match Skill::read(&candidate) {
                    Ok(skill) => set.add(skill),
                    Err(error) => errors.push(error),
                }
            }
        }
        (set, errors)
    }

    /// Returns a skill.
    pub fn get(&self, name: &str) -> Option<&Skill> {
        self.skills.get(name)
    }

    /// Returns all skills, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Skill> {
        self.skills.values()
    }

    /// Returns what the prompt says of the skills, by name.
    pub fn cards(&self) -> Vec<SkillCard> {
        self.iter().map(Skill::card).collect()
    }
}

/// Returns the folders of skills below a project folder and a home folder. The project's come
/// first, so that they win; a caller that does not trust the project leaves them out.
pub fn skill_folders(project: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let roots = project.into_iter().chain(home);
    roots
        .flat_map(|root| SKILL_FOLDERS.map(|folder| root.join(folder)))
        .collect()
}

/// Lists a folder in order of names; one that cannot be read is empty.
fn sorted_entries(folder: &Path) -> Vec<(String, std::fs::FileType)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries
        .filter_map(|entry| {
            Some((
                entry.file_name().into_string().ok()?,
                entry.file_type().ok()?,
            ))
        })
        .collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A folder is no usable skill.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// A file of it cannot be read.
    #[error("`{}` cannot be read", folder.display())]
    Unreadable {
        /// The folder or file.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `SKILL.md` does not begin with a header between `---` lines.
    #[error("the skill `{}` does not begin with a header between `---` lines", folder.display())]
    NoHeader {
        /// The folder.
        folder: PathBuf,
    },
    /// The header is no YAML, or its fields have the wrong types.
    #[error("the header of the skill `{}` is unusable: {message}", folder.display())]
    BadHeader {
        /// The folder.
        folder: PathBuf,
        /// What is wrong and where.
        message: String,
    },
    /// The header has no description, so nobody would know when to use the skill.
    #[error("the skill `{}` has no description", folder.display())]
    NoDescription {
        /// The folder.
        folder: PathBuf,
    },
}
