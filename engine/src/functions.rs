//! An executor made of Rust functions, by the names that definitions call them with.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::runtime::Clock;
use crate::{
    Catalog, Effect, EffectClass, EffectRequest, Executor, ExecutorError, FunctionSpec, Outcome,
    Problem, StandardCall,
};

type Body = Arc<dyn Fn(Effect) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// Functions by name and version, and the [`Executor`] that calls them.
///
/// It knows `now` and `uuid` from the start, and with the feature `http` what is HTTP: `http`, `openapi`, `a2a`, `mcp`. Give
/// the engine the [`Functions::catalog`] of the same functions, so that definitions are
/// checked against what can really be called.
#[derive(Clone)]
pub struct Functions {
    catalog: Catalog,
    bodies: BTreeMap<(String, String), Body>,
    /// Calls of the standard, and who performs them.
    others: BTreeMap<String, Arc<dyn Executor>>,
    clock: Clock,
    #[cfg(feature = "http")]
    http: crate::Http,
}

impl Functions {
    /// Makes a registry with the built-in functions.
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// Makes a registry with the built-in functions and another clock for `now`.
    pub fn with_clock(clock: Clock) -> Self {
        let standard = Catalog::standard();
        let built_in = [NOW, UUID].into_iter();
        let specs = built_in.filter_map(|(name, version)| standard.function(name, version));
        let catalog = specs.cloned().fold(Catalog::default(), Catalog::with);
        #[cfg(feature = "http")]
        let catalog = [StandardCall::OpenApi, StandardCall::A2a, StandardCall::Mcp]
            .into_iter()
            .fold(catalog, Catalog::with_standard);
        Self {
            catalog,
            bodies: BTreeMap::new(),
            others: BTreeMap::new(),
            #[cfg(feature = "http")]
            http: crate::Http::new(clock.clone()),
            clock,
        }
    }

    /// Adds a function that takes its arguments and returns a result; any of either is
    /// admissible. The version is `1.0.0`: definitions call it as `name:1.0.0@default`.
    #[must_use]
    pub fn function<F, R>(self, name: &str, class: EffectClass, body: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, Problem>> + Send + 'static,
    {
        let spec = FunctionSpec {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            input: Value::Bool(true),
            output: Value::Bool(true),
            class,
        };
        self.with(spec, move |effect| {
            let result = body(arguments_of(effect));
            async move {
                match result.await {
                    Ok(output) => Outcome::completed(output),
                    Err(problem) => Outcome::failed(problem),
                }
            }
        })
    }

    /// Adds a function that is published with schemas, and sees the whole effect: its id, its
    /// idempotency key, its deadline. The same name and version replaces.
    #[must_use]
    pub fn with<F, R>(mut self, spec: FunctionSpec, body: F) -> Self
    where
        F: Fn(Effect) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        let key = (spec.name.clone(), spec.version.clone());
        self.bodies
            .insert(key, Arc::new(move |effect| Box::pin(body(effect))));
        self.catalog = self.catalog.with(spec);
        self
    }

    /// Lets somebody else perform a call of the standard: scripts, commands and containers
    /// ([`crate::Processes`]), or `mcp` with servers that are started as programs.
    #[must_use]
    pub fn with_standard(mut self, call: StandardCall, executor: Arc<dyn Executor>) -> Self {
        self.others.insert(call.name().to_owned(), executor);
        self.catalog = self.catalog.with_standard(call);
        self
    }

    /// Performs `call: http` with this instead of the built-in one.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn with_http(mut self, http: crate::Http) -> Self {
        self.http = http;
        self
    }

    /// Returns what definitions may call.
    pub fn catalog(&self) -> Catalog {
        self.catalog.clone()
    }

    fn now(&self) -> Value {
        let now = self.clock.now();
        json!({ "iso": now.to_string(), "millis": now.as_millis() })
    }
}

const NOW: (&str, &str) = ("now", "1.0.0");
const UUID: (&str, &str) = ("uuid", "1.0.0");

impl Default for Functions {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Executor for Functions {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let EffectRequest::Call(call) = &effect.request else {
            let message = "only calls are performed by functions".to_owned();
            return Err(ExecutorError { message });
        };
        let key = (call.function.clone(), call.version.clone());
        if let Some(body) = self.bodies.get(&key) {
            return Ok(body(effect.clone()).await);
        }
        match (call.function.as_str(), call.version.as_str()) {
            (name, "") if self.others.contains_key(name) => self.others[name].perform(effect).await,
            NOW => Ok(Outcome::completed(self.now())),
            UUID => uuid().map(Outcome::completed),
            #[cfg(feature = "http")]
            ("http" | "openapi" | "a2a" | "mcp", "") => self.http.perform(effect).await,
            (name, version) => Err(ExecutorError {
                message: format!("no function `{name}:{version}` is registered"),
            }),
        }
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("names", &self.bodies.keys())
            .field("others", &self.others.keys())
            .finish_non_exhaustive()
    }
}

fn arguments_of(effect: Effect) -> Value {
    match effect.request {
        EffectRequest::Call(call) => call.arguments,
        _ => Value::Null,
    }
}

/// Draws a random UUID.
///
/// Source: RFC 9562, 5.4 (version 4).
fn uuid() -> Result<Value, ExecutorError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ExecutorError {
        message: format!("no randomness: {error}"),
    })?;
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(Value::String(parts.join("-")))
}
