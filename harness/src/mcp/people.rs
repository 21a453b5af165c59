//! What a server asks a person in the middle of a call, as a question to the approver.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ElicitRequestParams, ElicitResult, ElicitationAction, InputRequest, InputRequests,
    InputResponses,
};
use serde_json::{Map, Value, json};

use crate::approval::{Approver, Decision, Question, QuestionKind};
use crate::output::cut_to;
use crate::tool::ToolContext;
use crate::{ApprovalId, Digest, EffectClass};

/// How often an approver that has no decision yet is asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// The longest title of a question, in bytes.
const TITLE_BYTES_MAX: usize = 300;
/// The most questions in one answer of a server.
const QUESTIONS_MAX: usize = 16;

/// The people behind one call.
pub(super) struct People {
    pub(super) approver: Arc<dyn Approver>,
    pub(super) server: String,
    pub(super) agent: String,
    pub(super) tool: String,
    pub(super) class: EffectClass,
    pub(super) context: ToolContext,
}

/// What to do while nobody has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Ask again until somebody has.
    Here,
    /// Put the call aside; it is taken up again by its key.
    Aside,
}

/// What came of asking.
pub(super) enum Elicited {
    /// Somebody decided.
    Decided(ElicitResult),
    /// Nobody has yet.
    Open(Box<Question>),
}

/// The answers to everything that a server asked.
pub(super) enum Answers {
    /// All of them.
    Complete(InputResponses),
    /// Questions that nobody has decided.
    Open(Vec<Question>),
    /// The server asked for something that is never given.
    Refused(String),
}

impl People {
    /// Answers everything that a server wants to know before it goes on.
    pub(super) async fn answer(&self, requests: &InputRequests, wait: Wait) -> Answers {
        if requests.len() > QUESTIONS_MAX {
            return Answers::Refused(format!(
                "the server asked {} questions at once",
                requests.len()
            ));
        }
        let mut answers = InputResponses::new();
        let mut open = Vec::new();
        for (key, request) in requests {
            let answer = match request {
                InputRequest::Elicitation(request) => {
                    match self.elicit(&request.params, wait).await {
                        Elicited::Decided(result) => serde_json::to_value(result),
                        Elicited::Open(question) => {
                            open.push(*question);
                            continue;
                        }
                    }
                }
                InputRequest::ListRoots(_) => Ok(json!({ "roots": [] })),
                _ => {
                    return Answers::Refused(
                        "the server wanted to use this agent's model, which it may not".to_owned(),
                    );
                }
            };
            match answer {
                Ok(answer) => drop(answers.insert(key.clone(), answer)),
                Err(error) => return Answers::Refused(error.to_string()),
            }
        }
        if open.is_empty() {
            Answers::Complete(answers)
        } else {
            Answers::Open(open)
        }
    }

    /// Puts one question of a server to the approver.
    pub(super) async fn elicit(&self, request: &ElicitRequestParams, wait: Wait) -> Elicited {
        let (message, wanted) = wanted(request);
        let question = self.question(&message, &wanted);
        loop {
            let decision = match self.approver.decide(&question).await {
                Ok(decision) => decision,
                Err(error) => {
                    tracing::warn!(%error, server = %self.server, "a server's question was not asked");
                    return Elicited::Decided(ElicitResult::new(ElicitationAction::Cancel));
                }
            };
            let schema = wanted.get("schema");
            match decision {
                Decision::Approved { .. } => {
                    return Elicited::Decided(accept(schema, None));
                }
                Decision::Answered { text, .. } => {
                    return Elicited::Decided(accept(schema, Some(&text)));
                }
                Decision::Rejected { .. } => {
                    return Elicited::Decided(ElicitResult::new(ElicitationAction::Decline));
                }
                Decision::Pending { .. } if wait == Wait::Aside => {
                    return Elicited::Open(Box::new(question));
                }
                Decision::Pending { .. } => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    fn question(&self, message: &str, wanted: &Value) -> Question {
        let digest = Digest::of_value(wanted);
        let title = format!("the MCP server `{}` asks: {message}", self.server);
        Question {
            id: ApprovalId::derive(&self.context.session, self.context.call, digest),
            kind: QuestionKind::Answer,
            session: self.context.session.clone(),
            agent: self.agent.clone(),
            call: self.context.call,
            tool: self.tool.clone(),
            class: self.class,
            title: cut_to(title, TITLE_BYTES_MAX),
            arguments: wanted.clone(),
            arguments_digest: digest,
            ticket: None,
        }
    }
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People")
            .field("server", &self.server)
            .field("call", &self.context.call)
            .finish_non_exhaustive()
    }
}

/// Says what a server wants to know: the words, and what the person decides on.
fn wanted(request: &ElicitRequestParams) -> (String, Value) {
    match request {
        ElicitRequestParams::FormElicitationParams {
            message,
            requested_schema,
            ..
        } => {
            let schema = serde_json::to_value(requested_schema).unwrap_or_default();
            (
                message.clone(),
                json!({ "message": message, "schema": schema }),
            )
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => (
            format!("{message} (open {url})"),
            json!({ "message": message, "url": url }),
        ),
        _ => (
            "something in a form that this version does not know".to_owned(),
            json!({}),
        ),
    }
}

/// Makes the answer of a person who agreed. What the person did not say has the default that
/// the server gave it; an answer that does not fit what was asked for is no answer.
fn accept(schema: Option<&Value>, said: Option<&str>) -> ElicitResult {
    let accepted = ElicitResult::new(ElicitationAction::Accept);
    let Some(schema) = schema else {
        return accepted;
    };
    let mut content = defaults(schema);
    if let Some(text) = said {
        match read(schema, text) {
            Some(members) => content.extend(members),
            None => return ElicitResult::new(ElicitationAction::Cancel),
        }
    }
    let content = Value::Object(content);
    let fits = jsonschema::validator_for(schema).is_ok_and(|schema| schema.is_valid(&content));
    if fits || said.is_none() {
        accepted.with_content(content)
    } else {
        ElicitResult::new(ElicitationAction::Cancel)
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

fn defaults(schema: &Value) -> Map<String, Value> {
    properties(schema)
        .filter_map(|(name, it)| Some((name.clone(), it.get("default")?.clone())))
        .collect()
}

/// Reads what a person typed: a JSON object, or the value of the only thing that was asked for.
fn read(schema: &Value, text: &str) -> Option<Map<String, Value>> {
    if let Ok(Value::Object(members)) = serde_json::from_str(text) {
        return Some(members);
    }
    let mut properties = properties(schema);
    let (Some((name, only)), None) = (properties.next(), properties.next()) else {
        return None;
    };
    let value = match only.get("type").and_then(Value::as_str) {
        Some("string") => Value::from(text),
        _ => serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::from(text)),
    };
    Some(Map::from_iter([(name.clone(), value)]))
}

#[cfg(test)]
mod tests {
    use rmcp::model::ElicitationAction;
    use serde_json::{Value, json};

    use super::accept;

    #[track_caller]
    fn check(said: Option<&str>, action: ElicitationAction, content: Value) {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "default": "nobody"},
                "age": {"type": "integer"},
            },
            "required": ["name"],
        });
        let result = accept(Some(&schema), said);
        assert_eq!(result.action, action);
        assert_eq!(result.content.unwrap_or_default(), content);
    }

    #[test]
    fn what_nobody_said_has_its_default() {
        check(None, ElicitationAction::Accept, json!({"name": "nobody"}));
        check(
            Some(r#"{"age": 7}"#),
            ElicitationAction::Accept,
            json!({"name": "nobody", "age": 7}),
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_none() {
        check(
            Some(r#"{"age": "old"}"#),
            ElicitationAction::Cancel,
            Value::Null,
        );
        check(Some("just words"), ElicitationAction::Cancel, Value::Null);
    }

    #[test]
    fn words_answer_a_single_question() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let result = accept(Some(&schema), Some("42"));
        assert_eq!(result.content, Some(json!({"city": "42"})));
    }
}
