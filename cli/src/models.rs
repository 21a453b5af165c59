//! The models behind the aliases: opened from their specs, once, with keys from the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use layercake_model::layer::{RetryPolicy, Retrying};
use layercake_model::provider::{ModelSpec, Provider};
use layercake_model::{Model, ModelError, ModelErrorKind, Providers, ScriptedModel, Secret};

use crate::bundle;
use crate::error::{CommandError, codes};
use crate::settings::{ModelSetting, Settings};

/// The alias that is meant when nobody names one.
pub(crate) const DEFAULT_ALIAS: &str = "default";

/// Models by alias.
pub(crate) struct Models {
    settings: BTreeMap<String, ModelSetting>,
    providers: Providers,
    /// Filled by whoever first asks for an alias; never emptied.
    open: Mutex<BTreeMap<String, Arc<dyn Model>>>,
}

impl Models {
    /// Makes the table, and opens what will surely be needed or can be opened without a key.
    ///
    /// # Errors
    ///
    /// The default model or a script cannot be opened.
    pub(crate) fn open(settings: &Settings) -> Result<Self, CommandError> {
        let models = Self::unopened(settings)?;
        let scripted = models
            .settings
            .iter()
            .filter(|(_, setting)| setting.spec.trim().starts_with("scripted"))
            .map(|(alias, _)| alias.as_str());
        for alias in std::iter::once(DEFAULT_ALIAS).chain(scripted) {
            models.get(alias)?;
        }
        Ok(models)
    }

    /// Makes the table and opens nothing.
    ///
    /// # Errors
    ///
    /// A provider in the settings is not understood.
    pub(crate) fn unopened(settings: &Settings) -> Result<Self, CommandError> {
        Ok(Self {
            settings: settings.models.clone(),
            providers: providers(settings)?,
            open: Mutex::default(),
        })
    }

    /// Returns the model behind an alias.
    ///
    /// # Errors
    ///
    /// The alias is not set, or its model cannot be opened.
    pub(crate) fn get(&self, alias: &str) -> Result<Arc<dyn Model>, CommandError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = open.get(alias) {
            return Ok(Arc::clone(model));
        }
        let model = match self.settings.get(alias) {
            Some(setting) => self.open_one(alias, setting)?,
            None if alias == DEFAULT_ALIAS => Arc::new(built_in()),
            None => return Err(self.unknown(alias)),
        };
        open.insert(alias.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    /// Returns the aliases that are set, with their specs.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.settings.iter();
        set.map(|(alias, setting)| (alias.as_str(), setting.spec.as_str()))
    }

    fn open_one(
        &self,
        alias: &str,
        setting: &ModelSetting,
    ) -> Result<Arc<dyn Model>, CommandError> {
        let wrong = |error: ModelError| refused(alias, setting, &error);
        let spec = match setting.spec.parse().map_err(wrong)? {
            ModelSpec::Scripted(None) => return Ok(Arc::new(built_in())),
            ModelSpec::Scripted(Some(file)) => ModelSpec::Scripted(Some(setting.base.join(file))),
            hosted @ ModelSpec::Hosted { .. } => hosted,
        };
        let key = |name: &str| std::env::var(name).ok().map(Secret::new);
        let model = self.providers.open(&spec, &key).map_err(wrong)?;
        // The jitter must differ between programs that were started together.
        let seed = u64::from(std::process::id());
        Ok(Arc::new(Retrying::new(model, RetryPolicy::default(), seed)))
    }

    fn unknown(&self, alias: &str) -> CommandError {
        let known: Vec<&str> = self.settings.keys().map(String::as_str).collect();
        let why = match known.as_slice() {
            [] => "no settings file names a model".to_owned(),
            known => format!("the settings name {}", known.join(", ")),
        };
        CommandError::new(
            codes::MODEL_SPEC,
            format!("there is no model alias `{alias}`"),
        )
        .because(why)
        .next(format!(
            "add to layercake.toml, under [models]: {alias} = \"scripted\""
        ))
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.aliases()).finish()
    }
}

/// Returns the table of providers, with the addresses and rows of the settings.
fn providers(settings: &Settings) -> Result<Providers, CommandError> {
    let mut set = settings.providers.iter();
    set.try_fold(
        Providers::builtin(),
        |providers, (name, value)| match value {
            toml::Value::String(address) => Ok(providers.with_address(name, address)),
            row => Ok(providers.with_row(provider(name, row.clone())?)),
        },
    )
}

/// Reads a row. Its name is that of its table.
fn provider(name: &str, mut row: toml::Value) -> Result<Provider, CommandError> {
    if let Some(fields) = row.as_table_mut() {
        fields.insert("name".to_owned(), name.into());
    }
    row.try_into().map_err(|error: toml::de::Error| {
        CommandError::new(
            codes::MODEL_SPEC,
            format!("the provider `{name}` in the settings is not understood"),
        )
        .because(error.message())
        .next(format!(
            "write [providers.{name}] with address = \"…\" and dialect = \"openai-chat\""
        ))
    })
}

/// The scripted model that answers when no model is configured: the rules of the example, which
/// say plainly what they are when they do not know.
fn built_in() -> ScriptedModel {
    ScriptedModel::from_yaml("the built-in rules", bundle::text(bundle::RULES))
        .expect("a test reads the bundled rules")
}

fn refused(alias: &str, setting: &ModelSetting, error: &ModelError) -> CommandError {
    let (code, next) = match error.kind {
        ModelErrorKind::Script => (codes::MODEL_SCRIPT, format!("mend {}", setting.spec)),
        _ => (
            codes::MODEL_SPEC,
            format!("look at the line `{alias} = …` in {}", setting.origin),
        ),
    };
    let happened = format!("the model `{alias}` (`{}`) cannot be opened", setting.spec);
    CommandError::new(code, happened)
        .because(&error.message)
        .next(next)
}

#[cfg(test)]
mod tests;
