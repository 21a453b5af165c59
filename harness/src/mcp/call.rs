//! One call of a server's tool, through all the rounds that it takes.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, InputRequests, InputRequiredResult, InputResponses,
    RequestMetaObject,
};
use rmcp::service::ServiceError;
use serde_json::Value;

use super::content::output;
use super::link::{Connected, challenge};
use super::people::{Answers, People, Wait};
use super::tool::McpTool;
use crate::EffectClass;
use crate::tool::{Tool, ToolError, ToolOutput};

/// Rounds of questions in one call.
const ROUNDS_MAX: usize = 10;
/// The pause before a call is made again for a server that only asked for that; it doubles.
const STATE_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const STATE_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Connections that may break under a call that can be repeated.
const REPEATS_MAX: u32 = 2;
/// Where our key travels, for servers that apply a call once for each key.
const KEY: &str = "layercake/idempotencyKey";

/// One call.
pub(super) struct Call<'a> {
    pub(super) tool: &'a McpTool,
    pub(super) people: &'a Arc<People>,
}

impl Call<'_> {
    /// Makes the call, or takes up the task that stands for it.
    pub(super) async fn make(&self, arguments: Value) -> Result<ToolOutput, ToolError> {
        let cancelled = self.people.context.cancellation.clone();
        let key = &self.people.context.idempotency_key;
        let result = tokio::select! {
            result = self.whole(arguments) => result,
            () = cancelled.cancelled() => self.stopped().await,
        };
        if !matches!(result, Err(ToolError::Waiting(_) | ToolError::Asking(_))) {
            self.tool.forget(key);
        }
        result
    }

    /// The dropped request has told the server to stop; what it did until then is done. What
    /// can be taken up again is left to go on.
    async fn stopped(&self) -> Result<ToolOutput, ToolError> {
        if self.class() == EffectClass::Resumable {
            return Err(ToolError::Waiting(format!(
                "the server `{}` goes on with it",
                self.server()
            )));
        }
        self.cancel_task().await;
        Err(self.cut_off("the call was stopped"))
    }

    async fn whole(&self, arguments: Value) -> Result<ToolOutput, ToolError> {
        if let Some(task) = self.tool.task_of(&self.people.context.idempotency_key) {
            return self.follow(&task, None).await;
        }
        let mut params = self.params(arguments)?;
        let mut pause = STATE_PAUSE;
        for _ in 0..ROUNDS_MAX {
            match self.send(&params).await? {
                CallToolResponse::Complete(result) => {
                    return Ok(output(self.server(), &self.tool.remote, result));
                }
                CallToolResponse::InputRequired(wanted) => {
                    let asks = wanted.input_requests.as_ref();
                    if asks.is_none_or(InputRequests::is_empty) {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(STATE_PAUSE_MAX);
                    }
                    self.answer(&mut params, wanted).await?;
                }
                CallToolResponse::Task(begun) => {
                    return self.begin(begun.task).await;
                }
                _ => {
                    return Err(self.cut_off("the server answered in a way that is not known here"));
                }
            }
        }
        Err(ToolError::Failed(format!(
            "the server wanted more than {ROUNDS_MAX} rounds of questions"
        )))
    }

    fn params(&self, arguments: Value) -> Result<CallToolRequestParams, ToolError> {
        let mut params = CallToolRequestParams::new(self.tool.remote.clone());
        params.arguments = match arguments {
            Value::Object(members) => Some(members),
            Value::Null => None,
            _ => {
                let message = "the arguments are no object".to_owned();
                return Err(ToolError::Failed(message));
            }
        };
        let mut meta = RequestMetaObject::new();
        let key = self.people.context.idempotency_key.clone();
        meta.insert(KEY.to_owned(), Value::from(key));
        params.meta = Some(meta);
        Ok(params)
    }

    /// Answers what the server wants to know, in the next round's parameters.
    async fn answer(
        &self,
        params: &mut CallToolRequestParams,
        wanted: InputRequiredResult,
    ) -> Result<(), ToolError> {
        let asks = wanted.input_requests.unwrap_or_default();
        let answers = self.answers(&asks).await?;
        params.input_responses = (!answers.is_empty()).then_some(answers);
        params.request_state = wanted.request_state;
        Ok(())
    }

    /// Gets the answers of people to what the server wants to know.
    pub(super) async fn answers(&self, asks: &InputRequests) -> Result<InputResponses, ToolError> {
        let wait = match self.class() {
            EffectClass::Resumable => Wait::Aside,
            _ => Wait::Here,
        };
        match self.people.answer(asks, wait).await {
            Answers::Complete(answers) => Ok(answers),
            Answers::Open(questions) => Err(ToolError::Asking(questions)),
            Answers::Refused(why) => Err(ToolError::Failed(why)),
        }
    }

    /// Sends one request; after a break it is sent again only where that is harmless.
    async fn send(&self, params: &CallToolRequestParams) -> Result<CallToolResponse, ToolError> {
        let mut repeats = 0;
        loop {
            let connected = self.connected().await?;
            if !connected.tools.iter().any(|it| it.name == self.tool.remote) {
                return Err(ToolError::Failed(format!(
                    "the server no longer has the tool `{}`",
                    self.tool.remote
                )));
            }
            let error = match connected.peer.call_tool_once(params.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if let Some(challenge) = challenge(&error) {
                let link = &self.tool.link;
                let login = link.challenged(connected.generation, &challenge).await;
                login.map_err(|error| ToolError::Failed(error.to_string()))?;
                continue;
            }
            if let ServiceError::McpError(error) = error {
                return Err(ToolError::Failed(format!(
                    "the server refused the call: {} ({})",
                    error.message, error.code.0
                )));
            }
            if !self.can_repeat() || repeats == REPEATS_MAX {
                return Err(self.cut_off(&format!("the connection to the server broke: {error}")));
            }
            repeats += 1;
        }
    }

    /// Returns the connection. Nothing was sent when this fails.
    pub(super) async fn connected(&self) -> Result<Connected, ToolError> {
        let connected = self.tool.link.connected().await;
        connected.map_err(|error| ToolError::Failed(format!("the call was not made: {error}")))
    }

    pub(super) fn server(&self) -> &str {
        &self.tool.link.settings.name
    }

    fn class(&self) -> EffectClass {
        self.tool.spec().class
    }

    fn can_repeat(&self) -> bool {
        self.class().only_looks() || self.class() == EffectClass::Idempotent
    }

    /// Says what is true about a call of which nobody saw the end.
    pub(super) fn cut_off(&self, why: &str) -> ToolError {
        if self.class().only_looks() {
            ToolError::Failed(why.to_owned())
        } else {
            ToolError::Unknown(format!(
                "{why}, and the call may have had its effect or a part of it"
            ))
        }
    }
}
