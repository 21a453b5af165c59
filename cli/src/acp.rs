//! Agents for editors: the Agent Client Protocol, version 1, one JSON document a line over the
//! standard streams.
//!
//! An editor's session is a conversation: each prompt is a run of its own, which is given what
//! was said before as material. So everything that `ls`, `show`, `diff` and `cost` do with runs
//! they do with what an editor asked for.
//!
//! The protocol's own Rust library switches on insertion order of JSON objects for the whole
//! program, and with it other bytes of everything that is stored; the few messages of version 1
//! are written here instead.

mod conversation;
mod editor;
mod prompt;
mod update;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use layercake_harness::Autonomy;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::run::fresh_id;
use crate::error::CommandError;
use crate::host::Store;
use crate::host::protocol::{Answer, Request};
use crate::settings::Settings;
use conversation::Conversation;
use editor::{Editor, Refusal};

/// The version that is spoken.
const VERSION: u32 = 1;
/// The longest message of an editor, in bytes.
const LINE_BYTES_MAX: usize = 16 << 20;

/// What every session begins with, unless the editor says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The alias of the model.
    pub(crate) model: Option<String>,
    /// How far agents may act without a person.
    pub(crate) autonomy: Autonomy,
    /// The tools that agents get.
    pub(crate) tools: Option<Vec<String>>,
    /// Folders with skills, absolute.
    pub(crate) skills: Vec<PathBuf>,
}

/// The agent's side of one connection.
struct Desk {
    editor: Arc<Editor>,
    store: tokio::sync::Mutex<Store>,
    settings: Settings,
    choice: Choice,
    /// Prompts that are worked on, by session; written by prompts, cancelled by the editor.
    at_work: Mutex<BTreeMap<String, CancellationToken>>,
}

/// Serves an editor until it closes the connection.
///
/// # Errors
///
/// The store cannot be used.
pub(crate) async fn serve(
    store: Store,
    settings: &Settings,
    choice: Choice,
) -> Result<(), CommandError> {
    let desk = Arc::new(Desk {
        editor: Arc::new(Editor::new()),
        store: tokio::sync::Mutex::new(store),
        settings: settings.clone(),
        choice,
        at_work: Mutex::default(),
    });
    let mut lines = BufReader::new(tokio::io::stdin());
    let mut tasks = JoinSet::new();
    loop {
        let mut line = Vec::new();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) if line.len() > LINE_BYTES_MAX => break,
            Ok(_) => {}
        }
        let Ok(message) = serde_json::from_slice::<Value>(&line) else {
            desk.editor.refuse(Value::Null, &Refusal::unreadable());
            continue;
        };
        while tasks.try_join_next().is_some() {}
        let desk = Arc::clone(&desk);
        match message.get("method").and_then(Value::as_str) {
            None => desk.editor.answered(&message),
            // Cancelling must overtake the prompt that is worked on.
            Some("session/cancel") => desk.cancel(&message),
            Some(_) => drop(tasks.spawn(async move { desk.handle(message).await })),
        }
    }
    for token in desk.at_work().values() {
        token.cancel();
    }
    tasks.shutdown().await;
    if let Some(desk) = Arc::into_inner(desk) {
        desk.store.into_inner().close().await;
    }
    Ok(())
}

impl Desk {
    async fn handle(&self, message: Value) {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let params = &message["params"];
        let answer = match method.as_str() {
            "initialize" => Ok(self.initialize(params)),
            "authenticate" => Ok(json!({})),
            "session/new" => self.new_session(params),
            "session/load" => self.load_session(params).await,
            "session/set_mode" => self.set_mode(params),
            "session/prompt" => self.prompt(params).await,
            _ => Err(Refusal::unknown_method(&method)),
        };
        // Notifications have no id, and no answer.
        let Some(id) = message.get("id").cloned() else {
            return;
        };
        match answer {
            Ok(result) => self.editor.answer(id, &result),
            Err(refusal) => self.editor.refuse(id, &refusal),
        }
    }

    fn initialize(&self, params: &Value) -> Value {
        let reads = params.pointer("/clientCapabilities/fs/readTextFile");
        self.editor.set_reads(reads == Some(&Value::Bool(true)));
        json!({
            "protocolVersion": VERSION,
            "agentInfo": {"name": "layercake", "title": "Layercake", "version": env!("CARGO_PKG_VERSION")},
            "agentCapabilities": {
                "loadSession": true,
                "promptCapabilities": {"image": false, "audio": false, "embeddedContext": true},
            },
            "authMethods": [],
        })
    }

    fn new_session(&self, params: &Value) -> Result<Value, Refusal> {
        let id = fresh_id().map_err(|error| Refusal::of(&error))?.to_string();
        let cwd = folder(params)?;
        let conversation =
            Conversation::begin(&self.settings.store, &id, cwd, self.choice.autonomy);
        conversation
            .save()
            .map_err(|error| Refusal::internal(&error.to_string()))?;
        Ok(json!({ "sessionId": id, "modes": modes(self.choice.autonomy) }))
    }

    async fn load_session(&self, params: &Value) -> Result<Value, Refusal> {
        let mut conversation = self.conversation(params)?;
        if let Ok(cwd) = folder(params) {
            conversation.set_folder(cwd);
            conversation
                .save()
                .map_err(|error| Refusal::internal(&error.to_string()))?;
        }
        let mut store = self.another().await?;
        for turn in conversation.turns() {
            let said = json!({"type": "text", "text": turn.prompt});
            let update = json!({"sessionUpdate": "user_message_chunk", "content": said});
            self.editor.update(conversation.id(), &update);
            let request = Request::Records {
                run: turn.run,
                from: 1,
            };
            let answer = store
                .ask(request)
                .await
                .map_err(|error| Refusal::of(&error))?;
            if let Answer::Records(records) = answer {
                for record in &records {
                    for update in update::updates(turn.run, record) {
                        self.editor.update(conversation.id(), &update);
                    }
                }
            }
        }
        Ok(json!({ "modes": modes(conversation.autonomy()) }))
    }

    fn set_mode(&self, params: &Value) -> Result<Value, Refusal> {
        let mut conversation = self.conversation(params)?;
        let wanted = params["modeId"].as_str().unwrap_or_default();
        let level = Autonomy::ALL
            .into_iter()
            .find(|level| level.word() == wanted);
        let level =
            level.ok_or_else(|| Refusal::params(&format!("there is no mode `{wanted}`")))?;
        conversation.set_autonomy(level);
        conversation
            .save()
            .map_err(|error| Refusal::internal(&error.to_string()))?;
        Ok(json!({}))
    }

    fn cancel(&self, message: &Value) {
        let session = message.pointer("/params/sessionId").and_then(Value::as_str);
        if let Some(token) = session.and_then(|it| self.at_work().get(it).cloned()) {
            token.cancel();
        }
    }

    fn conversation(&self, params: &Value) -> Result<Conversation, Refusal> {
        let id = params["sessionId"].as_str().unwrap_or_default();
        Conversation::load(&self.settings.store, id)
            .ok_or_else(|| Refusal::params(&format!("there is no session `{id}`")))
    }

    async fn another(&self) -> Result<Store, Refusal> {
        let store = self.store.lock().await;
        store.another().await.map_err(|error| Refusal::of(&error))
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, CancellationToken>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn folder(params: &Value) -> Result<PathBuf, Refusal> {
    let cwd = PathBuf::from(params["cwd"].as_str().unwrap_or_default());
    if cwd.is_absolute() {
        Ok(cwd)
    } else {
        Err(Refusal::params("`cwd` must be an absolute path"))
    }
}

/// The autonomy levels as the modes of a session.
fn modes(current: Autonomy) -> Value {
    let modes = Autonomy::ALL.map(|level| json!({"id": level.word(), "name": level.word()}));
    json!({ "currentModeId": current.word(), "availableModes": modes.as_slice() })
}
