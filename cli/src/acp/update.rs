//! Records of a run as what an editor shows: text, calls, the plan.

use layercake_engine::{Record, RecordKind, RunId};
use layercake_harness::CallId;
use layercake_harness::session::{CallPurpose, ModelOutcome, SessionEvent};
use layercake_model::Part;
use serde_json::{Value, json};

/// The tool whose newest call is the plan.
const PLAN: &str = "plan";

/// Returns what an editor is told because of a record of the run that it asked for. What runs
/// below do is shown as the call that asked for them.
pub(super) fn updates(run: RunId, record: &Record) -> Vec<Value> {
    let RecordKind::Session { event, body } = &record.kind else {
        return Vec::new();
    };
    if record.run != run {
        return Vec::new();
    }
    let body = body.inline().cloned().unwrap_or_default();
    let event = serde_json::from_value(json!({"kind": event, "body": body}));
    match event {
        Ok(SessionEvent::ModelSettled(settled)) if settled.purpose == CallPurpose::Turn => {
            match settled.outcome {
                ModelOutcome::Replied(reply) => reply.parts.iter().filter_map(said).collect(),
                ModelOutcome::Failed(_) | ModelOutcome::Lost => Vec::new(),
            }
        }
        Ok(SessionEvent::ToolIntended(intended)) if intended.call.name == PLAN => {
            vec![plan(&intended.call.arguments)]
        }
        Ok(SessionEvent::ToolIntended(intended)) => vec![json!({
            "sessionUpdate": "tool_call",
            "toolCallId": call_name(run, intended.id),
            "title": intended.call.name,
            "kind": kind(&intended.call.name),
            "status": "in_progress",
            "rawInput": intended.call.arguments,
        })],
        Ok(SessionEvent::ToolSettled(settled)) => {
            let status = if settled.is_error {
                "failed"
            } else {
                "completed"
            };
            vec![ended(run, settled.id, status, &settled.content)]
        }
        Ok(SessionEvent::ToolRefused(refused)) => {
            let id = call_name(run, refused.id);
            vec![json!({
                "sessionUpdate": "tool_call",
                "toolCallId": id,
                "title": refused.message,
                "status": "failed",
            })]
        }
        Ok(SessionEvent::ToolUnknown(unknown)) => {
            vec![ended(run, unknown.id, "failed", &unknown.explanation)]
        }
        _ => Vec::new(),
    }
}

/// Names a call in all messages about it.
pub(super) fn call_name(run: RunId, call: CallId) -> String {
    format!("{run}/{call}")
}

fn said(part: &Part) -> Option<Value> {
    let (update, text) = match part {
        Part::Text { text } => ("agent_message_chunk", text),
        Part::Reasoning(reasoning) => ("agent_thought_chunk", &reasoning.text),
        _ => return None,
    };
    let content = json!({"type": "text", "text": text});
    (!text.is_empty()).then(|| json!({"sessionUpdate": update, "content": content}))
}

fn ended(run: RunId, call: CallId, status: &str, text: &str) -> Value {
    json!({
        "sessionUpdate": "tool_call_update",
        "toolCallId": call_name(run, call),
        "status": status,
        "content": [{"type": "content", "content": {"type": "text", "text": text}}],
    })
}

/// The kind of a tool, for the editor's icon.
pub(super) fn kind(tool: &str) -> &'static str {
    match tool {
        "read" | "list" => "read",
        "search" => "search",
        "write" | "edit" => "edit",
        "shell" => "execute",
        "fetch" => "fetch",
        _ => "other",
    }
}

/// Reads the plan, a list of steps each marked done, doing or open.
fn plan(arguments: &Value) -> Value {
    let text = arguments.get("plan").and_then(Value::as_str);
    let lines = text.unwrap_or_default().lines();
    let entries = lines.filter(|line| !line.trim().is_empty()).map(|line| {
        let lower = line.to_lowercase();
        let status = match () {
            () if lower.contains("done") || lower.contains("[x]") => "completed",
            () if lower.contains("doing") => "in_progress",
            () => "pending",
        };
        json!({"content": line.trim(), "priority": "medium", "status": status})
    });
    json!({"sessionUpdate": "plan", "entries": entries.collect::<Vec<_>>()})
}
