//! Calls that a server carries out as tasks: the task's id finds them again, also after a
//! crash of this process.

use std::collections::BTreeSet;
use std::time::Duration;

use rmcp::model::{
    CallToolResult, CancelTaskParams, GetTaskParams, InputRequests, Task, TaskPayload,
    UpdateTaskParams,
};
use rmcp::service::ServiceError;
use serde_json::{Value, json};

use super::call::Call;
use super::content::output;
use crate::tool::{ToolError, ToolOutput};

/// How often a server is asked that names no interval.
const POLL: Duration = Duration::from_secs(1);
/// The shortest interval that is honoured.
const POLL_MIN: Duration = Duration::from_millis(50);
/// The longest interval that is honoured.
const POLL_MAX: Duration = Duration::from_secs(30);
/// Questions about a task that may stay without an answer in a row.
const MISSES_MAX: u32 = 5;
/// How long a server may take to hear that a task is no longer wanted.
const CANCEL_TIME: Duration = Duration::from_secs(1);

impl Call<'_> {
    /// Notes a task durably, then waits for it.
    pub(super) async fn begin(&self, task: Task) -> Result<ToolOutput, ToolError> {
        let context = &self.people.context;
        let key = &context.idempotency_key;
        self.tool.remember(key, &task.task_id);
        let lease = json!({ "server": self.server(), "task": task.task_id, "key": key });
        context.leases.note(lease).await;
        self.follow(&task.task_id, task.poll_interval_ms).await
    }

    /// Waits for a task, and answers what it asks on the way.
    pub(super) async fn follow(
        &self,
        task: &str,
        interval_ms: Option<u64>,
    ) -> Result<ToolOutput, ToolError> {
        let mut interval = interval(interval_ms);
        let mut answered = BTreeSet::new();
        let mut misses = 0;
        loop {
            let connected = self.connected().await?;
            let found = match connected.peer.get_task(GetTaskParams::new(task)).await {
                Ok(found) => found.task,
                Err(ServiceError::McpError(error)) => {
                    let why = format!("the server lost its task `{task}`: {}", error.message);
                    return Err(self.cut_off(&why));
                }
                Err(error) if misses < MISSES_MAX => {
                    tracing::info!(%error, task, "a task is asked for again");
                    misses += 1;
                    tokio::time::sleep(interval).await;
                    continue;
                }
                Err(error) => return Err(self.cut_off(&error.to_string())),
            };
            misses = 0;
            interval = self::interval(found.task.poll_interval_ms);
            match found.payload {
                TaskPayload::Completed { result } => return self.result_of(result),
                TaskPayload::Failed { error } => {
                    let why = error.get("message").and_then(Value::as_str);
                    let why = why.unwrap_or("the server does not say why");
                    return Err(ToolError::Failed(format!("the task failed: {why}")));
                }
                TaskPayload::Cancelled => {
                    let why = "the server cancelled the task";
                    return Err(self.cut_off(why));
                }
                TaskPayload::InputRequired { input_requests } => {
                    self.tell(task, input_requests, &mut answered).await?;
                }
                _ => {}
            }
            tokio::time::sleep(interval).await;
        }
    }

    /// Answers those questions of a task that were not answered before.
    async fn tell(
        &self,
        task: &str,
        mut asks: InputRequests,
        answered: &mut BTreeSet<String>,
    ) -> Result<(), ToolError> {
        asks.retain(|key, _| !answered.contains(key));
        if asks.is_empty() {
            return Ok(());
        }
        let answers = self.answers(&asks).await?;
        let connected = self.connected().await?;
        let update = UpdateTaskParams::new(task, answers);
        match connected.peer.update_task(update).await {
            Ok(()) => {
                answered.extend(asks.into_keys());
                Ok(())
            }
            Err(error) => Err(self.cut_off(&format!("the task's question stays open: {error}"))),
        }
    }

    fn result_of(&self, result: rmcp::model::JsonObject) -> Result<ToolOutput, ToolError> {
        let result: CallToolResult = serde_json::from_value(Value::Object(result))
            .map_err(|error| self.cut_off(&format!("the result cannot be read: {error}")))?;
        Ok(output(self.server(), &self.tool.remote, result))
    }

    /// Tells the server that the task of this call is no longer wanted, if there is one.
    pub(super) async fn cancel_task(&self) {
        let Some(task) = self.tool.task_of(&self.people.context.idempotency_key) else {
            return;
        };
        let telling = async {
            let connected = self.connected().await?;
            let cancel = CancelTaskParams::new(task);
            let told = connected.peer.cancel_task(cancel).await;
            told.map_err(|error| ToolError::Failed(error.to_string()))
        };
        // It is a courtesy; the call counts as cut off either way.
        drop(tokio::time::timeout(CANCEL_TIME, telling).await);
    }
}

fn interval(millis: Option<u64>) -> Duration {
    millis
        .map_or(POLL, Duration::from_millis)
        .clamp(POLL_MIN, POLL_MAX)
}
