//! The calls beside answers over HTTP.

use async_trait::async_trait;

use super::{ERROR_BYTES_MAX, HttpModel, REPLY_BYTES_MAX, body_of, head_of, read_all};
use crate::limits::Limits;
use crate::services::{CountTokens, Embed, Embeddings, ListModels, ListedModel};
use crate::wire::WireRequest;
use crate::wire::services;
use crate::{CallContext, ModelError, Request};

/// The most pages of a list of models that are read; a page has up to a thousand.
const PAGES_MAX: usize = 20;

impl HttpModel {
    /// Makes one call that is answered at once, and returns the body of its answer.
    async fn exchange(
        &self,
        wire: WireRequest,
        context: &CallContext,
    ) -> Result<Vec<u8>, ModelError> {
        let method = match wire.body.is_empty() {
            true => reqwest::Method::GET,
            false => reqwest::Method::POST,
        };
        let limits = Limits::of(context);
        let mut request = self.http_request(wire, context)?;
        *request.method_mut() = method;
        let response = limits.first_byte(self.client.client.execute(request)).await;
        let response = response?.map_err(|error| self.unreachable(&error))?;
        let head = head_of(&response);
        let is_success = (200..300).contains(&head.status);
        let bytes_max = if is_success {
            REPLY_BYTES_MAX
        } else {
            ERROR_BYTES_MAX
        };
        let body = read_all(body_of(response), bytes_max, &limits).await?;
        if is_success {
            return Ok(body);
        }
        Err(head.error(&body))
    }

    async fn count(&self, request: &Request, context: &CallContext) -> Result<u64, ModelError> {
        let endpoint = &self.endpoint;
        let wire = services::count_request(endpoint.dialect, request, &endpoint.target)?;
        services::read_count(&self.exchange(wire, context).await?)
    }

    async fn vectors(
        &self,
        texts: &[String],
        context: &CallContext,
    ) -> Result<Embeddings, ModelError> {
        if texts.is_empty() {
            return Ok(Embeddings::default());
        }
        let endpoint = &self.endpoint;
        let wire = services::embed_request(endpoint.dialect, &endpoint.target.model, texts)?;
        services::read_embeddings(&self.exchange(wire, context).await?, texts.len())
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ListedModel>, ModelError> {
        let mut models = Vec::new();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let path = services::list_path(self.endpoint.dialect, after.as_deref())?;
            let page = self.exchange(self.plain_request(path), context).await?;
            let page = services::read_list(&page)?;
            models.extend(page.models);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(models)
    }

    /// Asks for a path, with the headers that the dialect always has.
    fn plain_request(&self, path: String) -> WireRequest {
        let endpoint = &self.endpoint;
        let said = endpoint
            .dialect
            .encode(&Request::default(), &endpoint.target);
        let headers = said.map(|wire| wire.headers).unwrap_or_default();
        WireRequest {
            path,
            headers,
            body: String::new(),
        }
    }
}

#[async_trait]
impl CountTokens for HttpModel {
    async fn count_tokens(
        &self,
        request: &Request,
        context: &CallContext,
    ) -> Result<u64, ModelError> {
        let counted = self.count(request, context).await;
        counted.map_err(|error| self.redacted(error))
    }
}

#[async_trait]
impl Embed for HttpModel {
    async fn embed(
        &self,
        texts: &[String],
        context: &CallContext,
    ) -> Result<Embeddings, ModelError> {
        let embedded = self.vectors(texts, context).await;
        embedded.map_err(|error| self.redacted(error))
    }
}

#[async_trait]
impl ListModels for HttpModel {
    async fn list_models(&self, context: &CallContext) -> Result<Vec<ListedModel>, ModelError> {
        let listed = self.models(context).await;
        listed.map_err(|error| self.redacted(error))
    }
}
