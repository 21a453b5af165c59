//! One prompt: a run of an agent, followed until it has ended; its questions put to the editor.

use layercake_engine::{Record, Verdict};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::conversation::Conversation;
use super::editor::Refusal;
use super::{Desk, update};
use crate::commands::follow::deciding;
use crate::commands::run::fresh_id;
use crate::error::CommandError;
use crate::host::Store;
use crate::host::protocol::{AgentStarting, Answer, Request, Until};
use crate::report::inbox::QuestionView;
use crate::report::run::RunView;

/// How much of earlier answers an agent is given, in bytes for each.
const EARLIER_BYTES_MAX: usize = 4 * 1024;
/// How many earlier prompts an agent is told of.
const EARLIER_MAX: usize = 20;

/// What a person typed, and what came with it.
struct Typed {
    text: String,
    material: Vec<Value>,
}

impl Desk {
    /// Answers `session/prompt`.
    pub(super) async fn prompt(&self, params: &Value) -> Result<Value, Refusal> {
        let mut conversation = self.conversation(params)?;
        let token = CancellationToken::new();
        let id = conversation.id().to_owned();
        self.at_work().insert(id.clone(), token.clone());
        let answered = self.work(&mut conversation, params, &token).await;
        self.at_work().remove(&id);
        let stop = answered?;
        Ok(json!({ "stopReason": stop }))
    }

    async fn work(
        &self,
        conversation: &mut Conversation,
        params: &Value,
        token: &CancellationToken,
    ) -> Result<&'static str, Refusal> {
        let failed = |error: CommandError| Refusal::of(&error);
        let mut store = self.another().await?;
        let typed = self.typed(conversation.id(), &params["prompt"]).await;
        let earlier = earlier(&mut store, conversation).await;
        let run = fresh_id().map_err(failed)?;
        let starting = AgentStarting {
            id: run,
            goal: typed.text.clone(),
            material: material(earlier, typed.material),
            model: self.choice.model.clone(),
            autonomy: Some(conversation.autonomy()),
            skills: self.choice.skills.clone(),
            tools: self.choice.tools.clone(),
            cwd: Some(conversation.folder().to_owned()),
            key: None,
            budget: None,
            by: self.settings.person.clone(),
        };
        store
            .ask(Request::StartAgent(Box::new(starting)))
            .await
            .map_err(failed)?;
        conversation.push(&typed.text, run);
        conversation
            .save()
            .map_err(|error| Refusal::internal(&error.to_string()))?;
        let mut shown = 0;
        loop {
            let mut each = |record: &Record| {
                // Following again tells from the beginning.
                if record.run == run && record.seq > shown {
                    shown = record.seq;
                    for update in update::updates(run, record) {
                        self.editor.update(conversation.id(), &update);
                    }
                }
            };
            let view = tokio::select! {
                view = store.follow(run, Until::Waiting, &mut each) => Some(view.map_err(failed)?),
                () = token.cancelled() => None,
            };
            let Some(view) = view.filter(|_| !token.is_cancelled()) else {
                let by = self.settings.person.clone();
                let mut store = self.another().await?;
                // What has ended in the meantime needs no cancelling.
                drop(store.ask(Request::Cancel { run, by }).await);
                return Ok("cancelled");
            };
            if !self
                .decide(&mut store, conversation.id(), &view, token)
                .await?
            {
                return stop(&view);
            }
        }
    }

    /// Puts the open questions of a run to the editor; `false` when there are none.
    async fn decide(
        &self,
        store: &mut Store,
        session: &str,
        view: &RunView,
        token: &CancellationToken,
    ) -> Result<bool, Refusal> {
        let failed = |error: CommandError| Refusal::of(&error);
        let mut asked = false;
        for wait in view
            .waiting_for
            .iter()
            .filter(|wait| wait.kind == "approval")
        {
            asked = true;
            let Answer::Inbox(inbox) = store.ask(Request::Inbox).await.map_err(failed)? else {
                continue;
            };
            let Some(item) = inbox.items.into_iter().find(|item| item.id == wait.id) else {
                continue;
            };
            let verdict = tokio::select! {
                verdict = self.permission(session, &item) => verdict,
                () = token.cancelled() => return Ok(true),
            };
            let decision = deciding(&item, verdict, &self.settings.person).map_err(failed)?;
            // Somebody may have decided in another terminal meanwhile; that decision stands.
            drop(store.ask(Request::Decide(decision)).await);
        }
        Ok(asked)
    }

    /// Asks the editor's person; whoever does not say yes says no.
    async fn permission(&self, session: &str, item: &QuestionView) -> Verdict {
        let tool = item.shown["tool"].as_str().unwrap_or_default();
        let params = json!({
            "sessionId": session,
            "toolCall": {
                "toolCallId": item.id,
                "title": item.title,
                "kind": update::kind(tool),
                "status": "pending",
                "rawInput": item.shown["arguments"],
            },
            "options": [
                {"optionId": "approve", "name": "Allow once", "kind": "allow_once"},
                {"optionId": "reject", "name": "Reject", "kind": "reject_once"},
            ],
        });
        let answer = self.editor.ask("session/request_permission", params).await;
        let chosen = answer
            .as_ref()
            .and_then(|it| it.pointer("/outcome/optionId"));
        match chosen.and_then(Value::as_str) {
            Some("approve") => Verdict::Approve,
            _ => Verdict::Reject,
        }
    }

    /// Reads a prompt's blocks; a linked file is read as the editor has it.
    async fn typed(&self, session: &str, blocks: &Value) -> Typed {
        let mut text = Vec::new();
        let mut material = Vec::new();
        for block in blocks.as_array().into_iter().flatten() {
            match block["type"].as_str() {
                Some("text") => text.push(block["text"].as_str().unwrap_or_default().to_owned()),
                Some("resource") => material.push(json!({
                    "file": block["resource"]["uri"],
                    "text": block["resource"]["text"],
                })),
                Some("resource_link") => {
                    let uri = block["uri"].as_str().unwrap_or_default();
                    let path = uri.strip_prefix("file://").unwrap_or(uri);
                    text.push(path.to_owned());
                    if let Some(content) = self.editor.read(session, path).await {
                        material.push(json!({ "file": path, "text": content }));
                    }
                }
                _ => {}
            }
        }
        Typed {
            text: text.join("\n"),
            material,
        }
    }
}

/// Joins what was said before and what came with a prompt; null for nothing.
fn material(mut earlier: Vec<Value>, typed: Vec<Value>) -> Value {
    earlier.extend(typed);
    match earlier.is_empty() {
        true => Value::Null,
        false => Value::Array(earlier),
    }
}

/// What was said in the session before.
async fn earlier(store: &mut Store, conversation: &Conversation) -> Vec<Value> {
    let turns = conversation.turns();
    let mut said = Vec::new();
    for turn in &turns[turns.len().saturating_sub(EARLIER_MAX)..] {
        let Ok(Answer::View(view)) = store.ask(Request::View { run: turn.run }).await else {
            continue;
        };
        let answer = view.output["text"].as_str().unwrap_or_default();
        let answer: String = answer.chars().take(EARLIER_BYTES_MAX).collect();
        said.push(json!({ "earlier prompt": turn.prompt, "your answer": answer }));
    }
    said
}

/// Says why a prompt's work ended.
fn stop(view: &RunView) -> Result<&'static str, Refusal> {
    let put_aside = |kind: &str| view.waiting_for.iter().any(|wait| wait.kind == kind);
    match view.status.as_str() {
        "completed" => Ok("end_turn"),
        "cancelled" => Ok("cancelled"),
        _ if put_aside("budget") => Ok("max_turn_requests"),
        status => {
            let title = view.error["title"]
                .as_str()
                .unwrap_or("the agent did not end");
            let detail = view.error["detail"].as_str().unwrap_or(status);
            Err(Refusal::internal(&format!("{title}: {detail}")))
        }
    }
}
