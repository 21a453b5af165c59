//! The calls beside answers, opened from a spec.

use std::sync::Arc;

use super::Providers;
use crate::provider::ModelSpec;
use crate::services::{CountTokens, Embed, ListModels};
use crate::{ModelError, ScriptedModel, Secret};

impl Providers {
    /// Makes what counts the tokens of a model. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Providers::open`]. Whether the provider has such a call shows
    /// when it is made.
    pub fn open_counter(
        &self,
        spec: &ModelSpec,
        key: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Arc<dyn CountTokens>, ModelError> {
        match self.backend(spec, key)? {
            Backend::Scripted(model) => Ok(model),
            #[cfg(feature = "http")]
            Backend::Http(model) => Ok(model),
        }
    }

    /// Makes what embeds texts with a model. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Providers::open`]. Whether the provider has such a call shows
    /// when it is made.
    pub fn open_embedder(
        &self,
        spec: &ModelSpec,
        key: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Arc<dyn Embed>, ModelError> {
        match self.backend(spec, key)? {
            Backend::Scripted(model) => Ok(model),
            #[cfg(feature = "http")]
            Backend::Http(model) => Ok(model),
        }
    }

    /// Makes what lists the models of a spec's provider. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Providers::open`]. Whether the provider has such a call shows
    /// when it is made.
    pub fn open_lister(
        &self,
        spec: &ModelSpec,
        key: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Arc<dyn ListModels>, ModelError> {
        match self.backend(spec, key)? {
            Backend::Scripted(model) => Ok(model),
            #[cfg(feature = "http")]
            Backend::Http(model) => Ok(model),
        }
    }
}

/// What stands behind a spec.
pub(super) enum Backend {
    Scripted(Arc<ScriptedModel>),
    #[cfg(feature = "http")]
    Http(Arc<crate::http::HttpModel>),
}
