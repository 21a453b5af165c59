//! From a model's name to a model: the table of providers, their keys and their prices.

mod services;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::services::Backend;

use crate::price_table::PriceTable;
#[cfg(feature = "bedrock")]
use crate::provider::AuthForm;
use crate::provider::{KeyNeed, ModelSpec, Provider};
use crate::wire::Delivery;
use crate::{Model, ModelDescriptor, ModelError, ModelErrorKind, ScriptedModel, Secret};

/// The providers that are known, and what is needed to open a model of theirs.
///
/// The library reads no environment: keys come from the closure that [`Providers::open`] is
/// given.
#[derive(Debug, Clone)]
pub struct Providers {
    rows: BTreeMap<String, Provider>,
    prices: PriceTable,
    delivery: Delivery,
    proxy: Option<String>,
    #[cfg(feature = "http")]
    clients: Arc<Clients>,
}

impl Default for Providers {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Providers {
    /// Makes the table that is built in.
    pub fn builtin() -> Self {
        let rows = Provider::builtin().into_iter();
        Self {
            rows: rows.map(|row| (row.name.clone(), row)).collect(),
            prices: PriceTable::builtin(),
            delivery: Delivery::Stream,
            proxy: None,
            #[cfg(feature = "http")]
            clients: Arc::default(),
        }
    }

    /// Adds a row, or replaces the one of the same name.
    #[must_use]
    pub fn with_row(mut self, row: Provider) -> Self {
        self.rows.insert(row.name.clone(), row);
        self
    }

    /// Changes the address of a provider; an unknown name changes nothing.
    #[must_use]
    pub fn with_address(mut self, provider: &str, address: impl Into<String>) -> Self {
        if let Some(row) = self.rows.get_mut(provider) {
            row.address = address.into();
        }
        self
    }

    /// Replaces the prices.
    #[must_use]
    pub fn with_prices(mut self, prices: PriceTable) -> Self {
        self.prices = prices;
        self
    }

    /// Sets whether replies come in pieces, which is the default, or at once.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sends every call through a forward proxy.
    #[must_use]
    pub fn with_proxy(mut self, address: impl Into<String>) -> Self {
        self.proxy = Some(address.into());
        self
    }

    /// Returns the rows, ordered by name.
    pub fn rows(&self) -> impl Iterator<Item = &Provider> {
        self.rows.values()
    }

    /// Returns the prices.
    pub fn prices(&self) -> &PriceTable {
        &self.prices
    }

    /// Makes the model that a spec names. `key` finds a key by its name, for instance in the
    /// environment. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` for an unknown provider, of kind
    /// `Authentication` when its key is missing, and of kind `Script` for a broken script.
    pub fn open(
        &self,
        spec: &ModelSpec,
        key: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Arc<dyn Model>, ModelError> {
        match self.backend(spec, key)? {
            Backend::Scripted(model) => Ok(model),
            #[cfg(feature = "http")]
            Backend::Http(model) => Ok(model),
        }
    }

    fn backend(
        &self,
        spec: &ModelSpec,
        key: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Backend, ModelError> {
        match spec {
            ModelSpec::Scripted(None) => Ok(Backend::Scripted(Arc::new(ScriptedModel::builtin()))),
            ModelSpec::Scripted(Some(file)) => {
                Ok(Backend::Scripted(Arc::new(ScriptedModel::from_file(file)?)))
            }
            ModelSpec::Hosted { provider, model } => {
                let row = self.row(provider)?;
                let key = find_key(row, key)?;
                self.open_hosted(row, model, key)
            }
        }
    }

    fn row(&self, name: &str) -> Result<&Provider, ModelError> {
        self.rows.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.rows.keys().map(String::as_str).collect();
            let message = format!(
                "there is no provider `{name}`; known are {}",
                known.join(", ")
            );
            ModelError::new(ModelErrorKind::Configuration, message)
        })
    }

    /// Describes a model of a row, with its price as far as it is known.
    fn describe(&self, row: &Provider, model: &str) -> ModelDescriptor {
        let known = self.prices.row(&row.name, model);
        ModelDescriptor {
            price: known.map(|known| known.price),
            context_tokens_max: known.and_then(|known| known.context_tokens_max),
            output_tokens_max: known.and_then(|known| known.output_tokens_max),
            answer_means: row.quirks.answer_means,
            ..ModelDescriptor::new(&row.name, model, row.dialect.name())
        }
    }

    #[cfg(feature = "http")]
    fn open_hosted(
        &self,
        row: &Provider,
        model: &str,
        key: Option<Secret>,
    ) -> Result<Backend, ModelError> {
        let descriptor = self.describe(row, model);
        let endpoint = crate::http::Endpoint {
            address: row.address.clone(),
            dialect: row.dialect,
            auth: row.auth.clone(),
            key,
            headers: Vec::new(),
            target: crate::wire::Target {
                provider: row.name.clone(),
                model: model.to_owned(),
                delivery: self.delivery,
                quirks: row.quirks.clone(),
                output_tokens_max: descriptor.output_tokens_max,
            },
        };
        let client = self.clients.of(&row.address, self.proxy.as_deref())?;
        let model = crate::http::HttpModel::new(client, endpoint, descriptor);
        Ok(Backend::Http(Arc::new(model)))
    }

    #[cfg(not(feature = "http"))]
    fn open_hosted(
        &self,
        row: &Provider,
        model: &str,
        _key: Option<Secret>,
    ) -> Result<Backend, ModelError> {
        let message = format!(
            "{}/{model} needs the feature `http`, which is not part of this build",
            self.describe(row, model).provider,
        );
        Err(ModelError::new(ModelErrorKind::Configuration, message))
    }
}

fn find_key(
    row: &Provider,
    key: &dyn Fn(&str) -> Option<Secret>,
) -> Result<Option<Secret>, ModelError> {
    let Some(variable) = &row.key_variable else {
        return Ok(None);
    };
    let set = |name: &str| key(name).filter(|key| !key.expose().trim().is_empty());
    let found = set(variable);
    #[cfg(feature = "bedrock")]
    let found = match row.auth {
        AuthForm::AwsSignature => found.or_else(|| aws_key(&set)),
        _ => found,
    };
    if found.is_none() && row.key_need == KeyNeed::Required {
        let message = format!("there is no key for {}: set {variable}", row.name);
        return Err(ModelError::new(ModelErrorKind::Authentication, message));
    }
    Ok(found)
}

/// Joins the keys of Amazon's own names into one.
#[cfg(feature = "bedrock")]
fn aws_key(set: &dyn Fn(&str) -> Option<Secret>) -> Option<Secret> {
    let (id, secret) = (set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?);
    let mut key = format!("{}:{}", id.expose().trim(), secret.expose().trim());
    if let Some(session) = set("AWS_SESSION_TOKEN") {
        key = format!("{key}:{}", session.expose().trim());
    }
    Some(Secret::new(key))
}

/// The connections that the models of one table share, made when they are first needed.
#[cfg(feature = "http")]
#[derive(Debug, Default)]
struct Clients {
    secure: std::sync::OnceLock<crate::http::HttpClient>,
    plain: std::sync::OnceLock<crate::http::HttpClient>,
}

#[cfg(feature = "http")]
impl Clients {
    fn of(
        &self,
        address: &str,
        proxy: Option<&str>,
    ) -> Result<crate::http::HttpClient, ModelError> {
        let is_plain = address.starts_with("http://");
        let place = if is_plain { &self.plain } else { &self.secure };
        if let Some(client) = place.get() {
            return Ok(client.clone());
        }
        let client = if is_plain {
            crate::http::HttpClient::plain(proxy)?
        } else {
            crate::http::HttpClient::secure(proxy)?
        };
        Ok(place.get_or_init(|| client).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::Providers;
    use crate::provider::Provider;
    use crate::{ModelErrorKind, Secret};

    fn no_key(_: &str) -> Option<Secret> {
        None
    }

    #[track_caller]
    fn check_error(spec: &str, kind: ModelErrorKind, words: &str) {
        let opened = Providers::builtin().open(&spec.parse().unwrap(), &no_key);
        let Err(error) = opened else {
            panic!("{spec} cannot be opened");
        };
        assert_eq!(error.kind, kind);
        assert!(error.message.contains(words), "{}", error.message);
    }

    #[test]
    fn what_is_missing_is_named() {
        check_error(
            "anthropic/claude-x",
            ModelErrorKind::Authentication,
            "set ANTHROPIC_API_KEY",
        );
        check_error(
            "antropic/claude-x",
            ModelErrorKind::Configuration,
            "known are anthropic, azure",
        );
        check_error(
            "scripted:/nowhere.yaml",
            ModelErrorKind::Script,
            "/nowhere.yaml",
        );
    }

    #[test]
    fn a_row_of_configuration_opens_without_code() {
        let row: Provider = serde_json::from_str(
            r#"{"name": "mine", "address": "http://127.0.0.1:9/v1", "dialect": "openai-chat",
                "keyNeed": "optional", "quirks": {"effort": "field"}}"#,
        )
        .unwrap();
        let providers = Providers::builtin().with_row(row);
        let model = providers
            .open(&"mine/llama".parse().unwrap(), &no_key)
            .unwrap();
        assert_eq!(model.descriptor().provider, "mine");
        assert_eq!(model.descriptor().price, None);
    }

    #[test]
    fn every_builtin_row_opens_with_a_key() {
        let providers = Providers::builtin();
        for row in providers.rows() {
            let spec = format!("{}/m", row.name).parse().unwrap();
            let key = |_: &str| Some(Secret::new("k-123456"));
            let model = providers.open(&spec, &key).unwrap();
            assert_eq!(model.descriptor().provider, row.name);
        }
    }
}
