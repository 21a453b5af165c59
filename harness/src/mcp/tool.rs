//! A server's tool as a tool of the harness.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::call::Call;
use super::link::Link;
use super::offer::OfferedTool;
use super::people::People;
use crate::approval::Approver;
use crate::tool::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};

/// A server's tool.
pub struct McpTool {
    spec: ToolSpec,
    pub(super) remote: String,
    pub(super) link: Arc<Link>,
    agent: String,
    approver: Arc<dyn Approver>,
    /// Tasks that a server carries out for calls, by the call's key: written when a task
    /// begins and when a lease of an earlier process is read, read by the call.
    tasks: Mutex<BTreeMap<String, String>>,
}

impl McpTool {
    pub(super) fn new(
        link: &Arc<Link>,
        offered: &OfferedTool,
        agent: &str,
        approver: &Arc<dyn Approver>,
    ) -> Self {
        let settings = &link.settings;
        let mut spec = ToolSpec::new(
            &offered.name,
            &offered.description,
            offered.input_schema.clone(),
        )
        .class(offered.class)
        .call_ms_max(settings.call_ms_max);
        spec.output_bytes_max = settings.output_bytes_max;
        Self {
            spec,
            remote: offered.remote.clone(),
            link: Arc::clone(link),
            agent: agent.to_owned(),
            approver: Arc::clone(approver),
            tasks: Mutex::default(),
        }
    }

    /// Remembers the task that stands for a call.
    pub(super) fn remember(&self, key: &str, task: &str) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.insert(key.to_owned(), task.to_owned());
    }

    /// Forgets the task of a call that has ended.
    pub(super) fn forget(&self, key: &str) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.remove(key);
    }

    /// Returns the task that stands for a call.
    pub(super) fn task_of(&self, key: &str) -> Option<String> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.get(key).cloned()
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let people = Arc::new(People {
            approver: Arc::clone(&self.approver),
            server: self.link.settings.name.clone(),
            agent: self.agent.clone(),
            tool: self.spec.name.clone(),
            class: self.spec.class,
            context,
        });
        let _entered = self.link.under_way.enter(Arc::clone(&people));
        let call = Call {
            tool: self,
            people: &people,
        };
        call.make(arguments).await
    }

    async fn reclaim(&self, leases: &[Value]) -> String {
        let Some(lease) = leases.last() else {
            return String::new();
        };
        let text = |name: &str| lease.get(name).and_then(Value::as_str);
        let (Some(task), Some(key)) = (text("task"), text("key")) else {
            return String::new();
        };
        self.remember(key, task);
        format!(
            "the MCP server `{}` carried it out as its task `{task}`",
            self.link.settings.name
        )
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}
