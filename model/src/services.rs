//! What some providers offer beside answers: counting tokens, embeddings, lists of models.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{CallContext, ModelError, Request, Usage};

/// Counts the tokens of a request without answering it.
#[async_trait]
pub trait CountTokens: Send + Sync {
    /// Returns how many input tokens the request has.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the provider has no such call, and
    /// whatever a call can fail with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    async fn count_tokens(
        &self,
        request: &Request,
        context: &CallContext,
    ) -> Result<u64, ModelError>;
}

/// Turns texts into vectors whose distances say how alike the texts are.
#[async_trait]
pub trait Embed: Send + Sync {
    /// Returns one vector for each text, in the order of the texts.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the provider has no such call, of kind
    /// `Malformed` when it returns fewer or more vectors than texts, and whatever a call can
    /// fail with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call. The provider may still bill it.
    async fn embed(
        &self,
        texts: &[String],
        context: &CallContext,
    ) -> Result<Embeddings, ModelError>;
}

/// Lists the models of a provider.
#[async_trait]
pub trait ListModels: Send + Sync {
    /// Returns the models that the key may use, in the provider's order.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Configuration` when the provider has no such call, and
    /// whatever a call can fail with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    async fn list_models(&self, context: &CallContext) -> Result<Vec<ListedModel>, ModelError>;
}

/// The vectors of some texts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Embeddings {
    /// The model as the provider reports it; empty when it does not.
    pub model: String,
    /// One vector for each text.
    pub vectors: Vec<Vec<f32>>,
    /// What the call used; zero when the provider does not say.
    pub usage: Usage,
}

/// A model as its provider lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedModel {
    /// Its name, as it stands in a spec behind the provider's.
    pub name: String,
    /// The size of its context window in tokens, where the list says so.
    pub context_tokens_max: Option<u64>,
    /// The most tokens of one reply, where the list says so.
    pub output_tokens_max: Option<u64>,
}
