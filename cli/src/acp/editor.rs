//! The editor at the other end: requests both ways, one JSON document a line.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::error::CommandError;

/// The editor.
#[derive(Debug, Default)]
pub(super) struct Editor {
    /// Counts requests to the editor.
    next: AtomicU64,
    /// Requests that the editor has not answered; written by whoever asks.
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Option<Value>>>>,
    /// Whether the editor hands out what is in its buffers; set once, by its greeting.
    reads: AtomicBool,
}

/// Why a request cannot be answered.
#[derive(Debug)]
pub(super) struct Refusal {
    code: i32,
    message: String,
}

impl Refusal {
    pub(super) fn unreadable() -> Self {
        Self::new(-32700, "the line is no JSON document")
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        Self::new(-32601, &format!("there is no method `{method}`"))
    }

    pub(super) fn params(message: &str) -> Self {
        Self::new(-32602, message)
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(-32603, message)
    }

    pub(super) fn of(error: &CommandError) -> Self {
        Self::internal(&error.told())
    }

    fn new(code: i32, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }
}

impl Editor {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Says whether the editor hands out what is in its buffers.
    pub(super) fn set_reads(&self, reads: bool) {
        self.reads.store(reads, Ordering::Relaxed);
    }

    /// Tells the editor what happens in a session.
    pub(super) fn update(&self, session: &str, update: &Value) {
        self.write(&json!({
            "jsonrpc": "2.0",
            "method": "session/update",
            "params": {"sessionId": session, "update": update},
        }));
    }

    pub(super) fn answer(&self, id: Value, result: &Value) {
        self.write(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    pub(super) fn refuse(&self, id: Value, refusal: &Refusal) {
        let error = json!({"code": refusal.code, "message": refusal.message});
        self.write(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
    }

    /// Asks the editor for something; nothing when it refuses.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the request with the editor; its answer is then forgotten.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(id, sender);
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        receiver.await.ok().flatten()
    }

    /// Reads a file as the editor has it, with what is not saved yet.
    pub(super) async fn read(&self, session: &str, path: &str) -> Option<String> {
        if !self.reads.load(Ordering::Relaxed) {
            return None;
        }
        let params = json!({"sessionId": session, "path": path});
        let answer = self.ask("fs/read_text_file", params).await?;
        Some(answer.get("content")?.as_str()?.to_owned())
    }

    /// Takes the answer to a request of ours.
    pub(super) fn answered(&self, message: &Value) {
        let id = message.get("id").and_then(Value::as_u64);
        let Some(sender) = id.and_then(|id| self.waiting().remove(&id)) else {
            return;
        };
        // Whoever asked may have given up.
        drop(sender.send(message.get("result").cloned()));
    }

    /// Writes one message; an editor that has gone is noticed by its silence.
    fn write(&self, message: &Value) {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{message}").and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::debug!(%error, "the editor does not listen");
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Option<Value>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
