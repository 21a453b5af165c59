//! The calls beside answers, offline: an estimate, vectors of hashed words, one model.

use async_trait::async_trait;

use super::ScriptedModel;
use crate::services::{CountTokens, Embed, Embeddings, ListModels, ListedModel};
use crate::{CallContext, Model, ModelError, Request, Usage, estimate};

/// The length of a vector. Enough that few words of a short text fall together.
const DIMENSIONS: usize = 256;

#[async_trait]
impl CountTokens for ScriptedModel {
    /// Returns an estimate: the scripted model has no tokens.
    async fn count_tokens(&self, request: &Request, _: &CallContext) -> Result<u64, ModelError> {
        Ok(estimate::input_tokens(request))
    }
}

#[async_trait]
impl Embed for ScriptedModel {
    /// Returns vectors that are alike when the texts share words, whatever they mean.
    async fn embed(&self, texts: &[String], _: &CallContext) -> Result<Embeddings, ModelError> {
        Ok(Embeddings {
            model: self.descriptor().model.clone(),
            vectors: texts.iter().map(|text| hashed_words(text)).collect(),
            usage: Usage::default(),
        })
    }
}

#[async_trait]
impl ListModels for ScriptedModel {
    async fn list_models(&self, _: &CallContext) -> Result<Vec<ListedModel>, ModelError> {
        let descriptor = self.descriptor();
        Ok(vec![ListedModel {
            name: descriptor.model.clone(),
            context_tokens_max: descriptor.context_tokens_max,
            output_tokens_max: descriptor.output_tokens_max,
        }])
    }
}

/// Counts every word in the place that its hash names, and brings the vector to length one.
///
/// Source: feature hashing, Weinberger et al. (2009); the hash is FNV-1a.
fn hashed_words(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in word.to_lowercase().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[hash as usize % DIMENSIONS] += sign;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}
