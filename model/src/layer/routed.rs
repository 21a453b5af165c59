//! Chooses a model by the request.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::loss::Loss;
use crate::request::Effort;
use crate::wire::WireRequest;
use crate::{
    CallContext, EventStream, Model, ModelDescriptor, ModelError, Part, Request, estimate,
};

/// When a route is taken: everything that is given must hold. `Default` always holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RouteRule {
    /// The request holds a picture, or holds none.
    pub has_images: Option<bool>,
    /// The request offers tools, or offers none.
    pub has_tools: Option<bool>,
    /// The request wants a structured answer, or wants none.
    pub structured: Option<bool>,
    /// The request has more tokens than this, by estimate.
    pub input_tokens_above: Option<u64>,
    /// The request asks for this effort.
    pub effort: Option<Effort>,
    /// The request has a label of this name and value.
    pub label: Option<(String, String)>,
}

impl RouteRule {
    /// Says whether the rule holds for a request.
    pub fn fits(&self, request: &Request) -> bool {
        let parts = || request.messages.iter().flat_map(|message| &message.parts);
        let has_images = || parts().any(|part| matches!(part, Part::Image { .. }));
        let holds = |wanted: Option<bool>, fact: &dyn Fn() -> bool| {
            wanted.is_none_or(|wanted| wanted == fact())
        };
        holds(self.has_images, &has_images)
            && holds(self.has_tools, &|| !request.tools.is_empty())
            && holds(self.structured, &|| request.answer.is_some())
            && self
                .input_tokens_above
                .is_none_or(|limit| estimate::input_tokens(request) > limit)
            && self
                .effort
                .is_none_or(|effort| request.sampling.effort == Some(effort))
            && self
                .label
                .as_ref()
                .is_none_or(|(name, value)| request.metadata.get(name) == Some(value))
    }
}

/// Several models, of which the request's first fitting rule chooses one.
pub struct Routed {
    routes: Vec<(RouteRule, Arc<dyn Model>)>,
    otherwise: Arc<dyn Model>,
    descriptor: ModelDescriptor,
}

impl Routed {
    /// Makes a router that sends everything to one model.
    pub fn new(otherwise: Arc<dyn Model>) -> Self {
        Self {
            descriptor: otherwise.descriptor().clone(),
            routes: Vec::new(),
            otherwise,
        }
    }

    /// Adds a route behind those that are there.
    ///
    /// The router describes itself as the model for everything else; its price is known only
    /// if all models have the same.
    #[must_use]
    pub fn with_route(mut self, rule: RouteRule, model: Arc<dyn Model>) -> Self {
        self.routes.push((rule, model));
        let models = self.routes.iter().map(|(_, model)| Arc::clone(model));
        let models: Vec<_> = std::iter::once(Arc::clone(&self.otherwise))
            .chain(models)
            .collect();
        self.descriptor = common_descriptor(&models);
        self
    }

    /// Returns the model that a request goes to.
    pub fn choose(&self, request: &Request) -> &Arc<dyn Model> {
        let mut routes = self.routes.iter();
        let found = routes.find(|(rule, _)| rule.fits(request));
        found.map_or(&self.otherwise, |(_, model)| model)
    }
}

impl std::fmt::Debug for Routed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self
            .routes
            .iter()
            .map(|(rule, model)| (rule, &model.descriptor().model));
        let mut shown = formatter.debug_map();
        shown.entries(routes).finish()
    }
}

#[async_trait]
impl Model for Routed {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    fn check(&self, request: &Request) -> Vec<Loss> {
        self.choose(request).check(request)
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        self.choose(request).encode(request)
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        self.choose(&request).respond(request, context).await
    }
}

/// Describes several models as one: the first, with what can be said of all of them. A price
/// that not all share is unknown, since it would be wrong for some.
pub(super) fn common_descriptor(models: &[Arc<dyn Model>]) -> ModelDescriptor {
    let mut common = models[0].descriptor().clone();
    for model in &models[1..] {
        let other = model.descriptor();
        let least = |one: Option<u64>, other: Option<u64>| Some(one?.min(other?));
        common.price = common.price.filter(|price| Some(*price) == other.price);
        common.context_tokens_max = least(common.context_tokens_max, other.context_tokens_max);
        common.output_tokens_max = least(common.output_tokens_max, other.output_tokens_max);
        common.answer_means = common.answer_means.max(other.answer_means);
    }
    common
}
