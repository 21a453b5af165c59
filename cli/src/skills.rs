//! Skills of a run: found by name when it starts, and pinned, so that it sees the same text to
//! its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use layercake_engine::{Definition, Digest};
use layercake_harness::skill::{Skill, SkillSet};
use serde_json::Value;

use crate::error::{CommandError, codes};
use crate::executor::SKILL_ATTRIBUTE;

/// The folder of the store in which pinned skills stand, by content.
const PINNED_FOLDER: &str = "skills";
/// How much of a hash names a folder: 128 bits.
const DIGEST_CHARS: usize = 32;

/// Where skills are looked for, and where they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    store: PathBuf,
    folders: Vec<PathBuf>,
}

impl Shelf {
    /// Makes the shelf of a store; the first folder that has a skill wins.
    pub(crate) fn new(store: &Path, folders: Vec<PathBuf>) -> Self {
        Self {
            store: store.to_path_buf(),
            folders,
        }
    }

    /// Returns the same shelf with folders that come before the others.
    pub(crate) fn with_first(&self, folders: &[PathBuf]) -> Self {
        let folders = folders.iter().chain(&self.folders).cloned().collect();
        Self::new(&self.store, folders)
    }

    /// Pins the skills that a routine names, and returns them as attributes of its run.
    ///
    /// # Errors
    ///
    /// A skill is nowhere to be found, or cannot be read.
    pub(crate) fn pin_for(
        &self,
        definition: &Definition,
    ) -> Result<BTreeMap<String, String>, CommandError> {
        let mut names = Vec::new();
        skill_names(definition.document(), &mut names);
        let mut pins = BTreeMap::new();
        for name in names {
            let digest = match find(&name, &self.folders) {
                Ok(skill) => pin(&skill, &self.store)?,
                // A published routine is started where its files may not be.
                Err(error) => self.published(definition, &name).ok_or(error)?,
            };
            pins.insert(format!("{SKILL_ATTRIBUTE}{name}"), digest);
        }
        Ok(pins)
    }

    /// Keeps the skills of a routine for runs that are started elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Shelf::pin_for`], and when the store cannot be written.
    pub(crate) fn publish(&self, definition: &Definition) -> Result<(), CommandError> {
        let pins = self.pin_for(definition)?;
        let folder = self.store.join(PINNED_FOLDER);
        let text = serde_json::to_vec(&pins).expect("a map of texts is JSON");
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(pins_name(definition)), text))
            .map_err(unkept)
    }

    fn published(&self, definition: &Definition, name: &str) -> Option<String> {
        let path = self.store.join(PINNED_FOLDER).join(pins_name(definition));
        let pins: BTreeMap<String, String> =
            serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        pins.get(&format!("{SKILL_ATTRIBUTE}{name}")).cloned()
    }

    /// Reads a skill that was pinned.
    ///
    /// # Errors
    ///
    /// The store does not have it any more.
    pub(crate) fn read_pinned(&self, name: &str, digest: &str) -> Result<Skill, CommandError> {
        Skill::read(pinned(&self.store, digest, name)).map_err(|error| {
            let happened = format!("the skill `{name}` that the run is pinned to is gone");
            CommandError::new(codes::SKILL_BROKEN, happened).because(error)
        })
    }

    /// Pins all skills of the folders, by name.
    ///
    /// # Errors
    ///
    /// A skill cannot be read, or the store not be written.
    pub(crate) fn pin_all(&self) -> Result<BTreeMap<String, String>, CommandError> {
        let set = all(&self.folders)?;
        let pins = set
            .iter()
            .map(|skill| Ok((skill.name().to_owned(), pin(skill, &self.store)?)));
        pins.collect()
    }
}

fn pins_name(definition: &Definition) -> String {
    format!("{}.json", &definition.digest().to_hex()[..DIGEST_CHARS])
}

/// Collects the skills that the agent steps of a document name.
fn skill_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| skill_names(item, names)),
        Value::Object(members) => {
            let is_agent = members
                .get("call")
                .and_then(Value::as_str)
                .is_some_and(|call| call.starts_with("agent:"));
            if is_agent && let Some(Value::Array(skills)) = value.pointer("/with/skills") {
                names.extend(skills.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            members
                .values()
                .for_each(|member| skill_names(member, names));
        }
        _ => {}
    }
}

/// Finds a skill by name; the first folder that has it wins.
///
/// # Errors
///
/// No folder has it, or it cannot be read.
fn find(name: &str, folders: &[PathBuf]) -> Result<Skill, CommandError> {
    let mut candidates = folders.iter().map(|folder| folder.join(name));
    match candidates.find(|folder| folder.join("SKILL.md").is_file()) {
        Some(folder) => Skill::read(&folder).map_err(|error| {
            let happened = format!("the skill {} cannot be loaded", folder.display());
            CommandError::new(codes::SKILL_BROKEN, happened)
                .caused_by(&error)
                .next("mend its SKILL.md")
        }),
        None => {
            let looked: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
            let happened = format!("there is no skill `{name}`");
            Err(CommandError::new(codes::SKILL_BROKEN, happened)
                .because(format!("looked in {}", looked.join(", ")))
                .next(format!("write {name}/SKILL.md in one of them")))
        }
    }
}

/// Finds all skills of the folders; what cannot be read is an error, not left out.
///
/// # Errors
///
/// A skill cannot be read.
fn all(folders: &[PathBuf]) -> Result<SkillSet, CommandError> {
    let (set, errors) = SkillSet::scan(folders.iter().cloned());
    match errors.into_iter().next() {
        None => Ok(set),
        Some(error) => Err(
            CommandError::new(codes::SKILL_BROKEN, "a skill cannot be loaded")
                .because(error)
                .next("mend it, or move it out of the folder"),
        ),
    }
}

/// Copies a skill into the store and returns the name of that content.
///
/// # Errors
///
/// The skill cannot be read, or the store not written.
fn pin(skill: &Skill, store: &Path) -> Result<String, CommandError> {
    let mut files = skill.files();
    files.push("SKILL.md".to_owned());
    files.sort();
    let mut contents = Vec::new();
    let mut listing = String::new();
    for file in files {
        let bytes = std::fs::read(skill.folder().join(&file)).map_err(unkept)?;
        listing.push_str(&format!("{file}\n{}\n", Digest::of_bytes(&bytes)));
        contents.push((file, bytes));
    }
    let digest = Digest::of_bytes(listing.as_bytes()).to_hex()[..DIGEST_CHARS].to_owned();
    let target = pinned(store, &digest, skill.name());
    if !target.is_dir() {
        for (file, bytes) in contents {
            let path = target.join(file);
            let folder = path.parent().unwrap_or(&target);
            std::fs::create_dir_all(folder).map_err(unkept)?;
            std::fs::write(&path, bytes).map_err(unkept)?;
        }
    }
    Ok(digest)
}

fn unkept(error: std::io::Error) -> CommandError {
    CommandError::new(
        codes::FILE_UNREADABLE,
        "a skill cannot be kept in the store",
    )
    .because(error)
}

fn pinned(store: &Path, digest: &str, name: &str) -> PathBuf {
    store.join(PINNED_FOLDER).join(digest).join(name)
}

#[cfg(test)]
mod tests {
    use super::{Shelf, all, find, pin};
    use crate::bundle;

    #[test]
    fn a_skill_is_found_and_stays_as_it_was_when_the_run_began() {
        let folder = tempfile::tempdir().unwrap();
        bundle::unpack(folder.path()).unwrap();
        let folders = [folder.path().join("skills")];
        let skill = find("company-voice", &folders).unwrap();
        assert!(skill.problems().is_empty(), "{:?}", skill.problems());
        assert_eq!(all(&folders).unwrap().iter().count(), 1);
        let store = folder.path().join("store");
        let digest = pin(&skill, &store).unwrap();
        std::fs::remove_dir_all(&folders[0]).unwrap();
        let shelf = Shelf::new(&store, Vec::new());
        let kept = shelf.read_pinned("company-voice", &digest).unwrap();
        assert_eq!(kept.body(), skill.body());
        assert_eq!(
            find("company-voice", &folders).unwrap_err().code.id,
            "LC0901"
        );
    }
}
