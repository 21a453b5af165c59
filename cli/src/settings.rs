//! What holds for one invocation: flag, then environment, then project file, then user file.
//!
//! Nothing else reads the environment or a settings file.

mod file;
mod mcp;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use layercake_harness::Autonomy;
use rust_decimal::Decimal;

use crate::args::GlobalArguments;
use crate::error::{CommandError, codes};
use file::{Origin, SettingsFile};
pub(crate) use mcp::McpSetting;

/// The name of the project file.
pub(crate) const PROJECT_FILE: &str = "layercake.toml";
const STORE_FOLDER: &str = ".layercake";
const SKILLS_FOLDER: &str = "skills";

/// What holds for one invocation.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The folder that relative paths of runs mean: the project file's, else the store's parent.
    pub(crate) project: PathBuf,
    /// The folder of the store.
    pub(crate) store: PathBuf,
    /// The project file, if there is one.
    pub(crate) config: Option<PathBuf>,
    /// Model specs by alias.
    pub(crate) models: BTreeMap<String, ModelSetting>,
    /// By a provider's name: another address of a known one (a text), or a whole row (a table).
    pub(crate) providers: BTreeMap<String, toml::Value>,
    /// Folders with skills, the first wins.
    pub(crate) skills: Vec<PathBuf>,
    /// MCP servers that agents get tools from, by name.
    pub(crate) servers: BTreeMap<String, McpSetting>,
    /// Defaults of agents.
    pub(crate) agent: AgentSettings,
    /// Who sits at the terminal, for records.
    pub(crate) person: String,
}

/// What stands behind an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelSetting {
    /// The spec, for instance `anthropic/claude-haiku-4-5`.
    pub(crate) spec: String,
    /// The folder that a path in the spec is relative to.
    pub(crate) base: PathBuf,
    /// Who says so, for messages: a file, or `--model`.
    pub(crate) origin: String,
}

/// Defaults of agents.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentSettings {
    /// The alias of the model.
    pub(crate) model: Option<String>,
    /// How far agents may act without a person.
    pub(crate) autonomy: Option<Autonomy>,
    /// The tools that an agent gets.
    pub(crate) tools: Option<Vec<String>>,
    /// The most turns.
    pub(crate) turns: Option<u32>,
    /// The most money of one run, in US dollars.
    pub(crate) budget: Option<Decimal>,
}

impl Settings {
    /// Reads the settings that hold in a folder.
    ///
    /// # Errors
    ///
    /// A settings file that was named but is missing, or that has a mistake.
    pub(crate) fn load(global: &GlobalArguments, cwd: &Path) -> Result<Self, CommandError> {
        let user = user_file().map_or(Ok(None), |path| file::read_if_there(&path))?;
        let project = match &global.config {
            Some(path) => Some(file::read(&cwd.join(path))?),
            None => nearest(cwd).map_or(Ok(None), |path| file::read_if_there(&path))?,
        };
        Ok(Self::merge(global, cwd, user, project))
    }

    fn merge(
        global: &GlobalArguments,
        cwd: &Path,
        user: Option<(Origin, SettingsFile)>,
        project: Option<(Origin, SettingsFile)>,
    ) -> Self {
        let config = project.as_ref().map(|(origin, _)| origin.path.clone());
        let home = config.as_ref().and_then(|path| path.parent());
        let store = match (&global.store, &project) {
            (Some(store), _) => cwd.join(store),
            (None, Some((origin, file))) => origin
                .folder()
                .join(file.store.as_deref().unwrap_or(Path::new(STORE_FOLDER))),
            (None, None) => cwd.join(STORE_FOLDER),
        };
        let folder = home.or(store.parent()).unwrap_or(cwd).to_path_buf();
        let mut settings = Self {
            skills: vec![folder.join(SKILLS_FOLDER)],
            project: folder,
            store,
            config,
            models: BTreeMap::new(),
            providers: BTreeMap::new(),
            servers: BTreeMap::new(),
            agent: AgentSettings::default(),
            person: person(),
        };
        // The later overrides the earlier: user first, then project.
        for (origin, file) in user.into_iter().chain(project) {
            settings.adopt(&origin, file);
        }
        settings
    }

    fn adopt(&mut self, origin: &Origin, file: SettingsFile) {
        for (alias, spec) in file.models {
            self.set_model(
                alias,
                spec,
                origin.folder(),
                &origin.path.display().to_string(),
            );
        }
        self.providers.extend(file.providers);
        for folder in file.skills.into_iter().rev() {
            self.skills.insert(0, origin.folder().join(folder));
        }
        for (name, section) in file.mcp.servers {
            let base = origin.folder().to_path_buf();
            self.servers.insert(name, McpSetting { section, base });
        }
        let agent = file.agent;
        self.agent = AgentSettings {
            model: agent.model.or(self.agent.model.take()),
            autonomy: agent.autonomy.or(self.agent.autonomy),
            tools: agent.tools.or(self.agent.tools.take()),
            turns: agent.turns.or(self.agent.turns),
            budget: agent.budget.or(self.agent.budget),
        };
    }

    /// Puts another model behind an alias.
    pub(crate) fn set_model(&mut self, alias: String, spec: String, base: &Path, origin: &str) {
        let setting = ModelSetting {
            spec,
            base: base.to_path_buf(),
            origin: origin.to_owned(),
        };
        self.models.insert(alias, setting);
    }

    /// Returns the settings with the store's folder made sure of.
    ///
    /// # Errors
    ///
    /// The store does not exist, and the command only reads.
    pub(crate) fn require_store(&self) -> Result<(), CommandError> {
        if self.store.is_dir() {
            return Ok(());
        }
        let error = CommandError::new(
            codes::STORE_MISSING,
            format!("there is no store at {}", self.store.display()),
        );
        Err(error
            .because("no run was made here yet")
            .next("layercake demo")
            .next("layercake run FILE"))
    }
}

fn person() -> String {
    let named = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "operator".to_owned())
}

fn nearest(cwd: &Path) -> Option<PathBuf> {
    let candidates = cwd.ancestors().map(|folder| folder.join(PROJECT_FILE));
    candidates.into_iter().find(|path| path.is_file())
}

fn user_file() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".config"),
    };
    Some(base.join("layercake").join("config.toml"))
}

#[cfg(test)]
mod tests;
