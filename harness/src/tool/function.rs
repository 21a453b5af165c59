//! Plain Rust functions as tools: the schema comes from the type of the argument.
//!
//! A function and not a derive: a derive would need a crate of its own for the macro, and says
//! nothing that the type of the argument does not say.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};

type Pending = Pin<Box<dyn Future<Output = Result<ToolOutput, ToolError>> + Send>>;

/// A function as a tool.
///
/// ```
/// use layercake_harness::EffectClass;
/// use layercake_harness::tool::FunctionTool;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Sum {
///     /// The first number.
///     a: i64,
///     /// The second number.
///     b: i64,
/// }
///
/// async fn add(sum: Sum) -> Result<i64, String> {
///     sum.a.checked_add(sum.b).ok_or_else(|| "too large".to_owned())
/// }
///
/// let tool = FunctionTool::new("add", "Adds two numbers.", add)
///     .declared(|spec| spec.class(EffectClass::Pure).call_ms_max(1_000));
/// # let _ = tool;
/// ```
pub struct FunctionTool {
    spec: ToolSpec,
    function: Box<dyn Fn(Value) -> Pending + Send + Sync>,
}

impl FunctionTool {
    /// Makes a tool of a function. What it returns is shown to the model: a text as it is,
    /// anything else as JSON. It is of the most cautious kind until it is
    /// [`declared`](Self::declared) otherwise.
    pub fn new<A, R, E, W>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: impl Fn(A) -> W + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize,
        E: fmt::Display,
        W: Future<Output = Result<R, E>> + Send + 'static,
    {
        let schema = Value::from(schemars::schema_for!(A));
        let call = move |given: Value| -> Pending {
            let working = arguments::<A>(given).map(&function);
            Box::pin(async move {
                match working?.await {
                    Ok(result) => Ok(ToolOutput::text(shown(&result)?)),
                    Err(error) => Err(ToolError::Failed(error.to_string())),
                }
            })
        };
        Self {
            spec: ToolSpec::new(name, description, schema),
            function: Box::new(call),
        }
    }

    /// Declares what a call means, how far it reaches, its limits and its examples.
    #[must_use]
    pub fn declared(mut self, declare: impl FnOnce(ToolSpec) -> ToolSpec) -> Self {
        self.spec = declare(self.spec);
        self
    }
}

fn shown(result: &impl Serialize) -> Result<String, ToolError> {
    let value = serde_json::to_value(result)
        .map_err(|error| ToolError::Failed(format!("the result is no JSON: {error}")))?;
    Ok(match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for FunctionTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        (self.function)(arguments).await
    }
}
