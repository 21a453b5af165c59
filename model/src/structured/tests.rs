//! Structured answers: each means, the repair, and what is paid.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;

use crate::descriptor::AnswerMeans;
use crate::structured::{Worth, ask_structured};
use crate::{
    AnswerSchema, CallContext, EventStream, Message, Model, ModelDescriptor, ModelError,
    ModelErrorKind, Part, Reply, Request, StopReason, ToolCall, ToolChoice, Usage,
};

/// Gives prepared replies in order and keeps what it was asked.
struct Prepared {
    descriptor: ModelDescriptor,
    replies: Mutex<Vec<Reply>>,
    asked: Mutex<Vec<Request>>,
}

impl Prepared {
    fn new(means: AnswerMeans, mut replies: Vec<Reply>) -> Self {
        replies.reverse();
        Self {
            descriptor: ModelDescriptor {
                answer_means: means,
                ..ModelDescriptor::new("test", "prepared", "test")
            },
            replies: Mutex::new(replies),
            asked: Mutex::default(),
        }
    }
}

#[async_trait]
impl Model for Prepared {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn respond(&self, request: Request, _: CallContext) -> Result<EventStream, ModelError> {
        self.asked.lock().unwrap().push(request);
        let reply = self
            .replies
            .lock()
            .unwrap()
            .pop()
            .expect("a reply is prepared");
        Ok(reply.into_stream())
    }
}

fn schema() -> AnswerSchema {
    AnswerSchema {
        name: "label".into(),
        schema: json!({
            "type": "object",
            "properties": {"label": {"enum": ["spam", "ham"]}},
            "required": ["label"],
        }),
    }
}

fn said(text: &str) -> Reply {
    Reply {
        usage: Usage {
            input_tokens: 10,
            ..Usage::default()
        },
        ..Reply::of("m", vec![Part::text(text)], StopReason::End)
    }
}

fn called(arguments: serde_json::Value) -> Reply {
    let call = ToolCall {
        id: "c".into(),
        name: "label".into(),
        arguments,
    };
    Reply::of("m", vec![Part::ToolCall(call)], StopReason::ToolCalls)
}

fn question() -> Request {
    Request {
        messages: vec![Message::user("which?")],
        ..Request::default()
    }
}

#[tokio::test]
async fn each_means_asks_in_its_own_way() {
    let table = [
        (AnswerMeans::Native, said("{\"label\":\"ham\"}")),
        (AnswerMeans::Tool, called(json!({"label": "ham"}))),
        (AnswerMeans::Tool, said("{\"label\":\"ham\"}")),
        (
            AnswerMeans::Prompt,
            said("Sure [1]:\n```json\n{\"label\": \"ham\"}\n```"),
        ),
    ];
    for (means, reply) in table {
        let model = Prepared::new(means, vec![reply]);
        let context = CallContext::default();
        let answer = ask_structured(&model, question(), &schema(), &context)
            .await
            .unwrap();
        assert_eq!(answer.value, json!({"label": "ham"}));
        assert_eq!(answer.attempts[0].worth, Worth::Productive);
        let asked = model.asked.lock().unwrap().remove(0);
        match means {
            AnswerMeans::Native => assert!(asked.answer.is_some()),
            AnswerMeans::Tool => assert_eq!(asked.tool_choice, ToolChoice::Tool("label".into())),
            AnswerMeans::Prompt => assert!(asked.system.unwrap().contains("\"enum\"")),
        }
    }
}

#[tokio::test]
async fn a_wrong_answer_is_repaired_once_and_both_are_paid() {
    let model = Prepared::new(
        AnswerMeans::Native,
        vec![said("{\"label\":\"eggs\"}"), said("{\"label\":\"spam\"}")],
    );
    let context = CallContext::default();
    let answer = ask_structured(&model, question(), &schema(), &context)
        .await
        .unwrap();
    assert_eq!(answer.usage().input_tokens, 20);
    let worth: Vec<Worth> = answer
        .attempts
        .iter()
        .map(|attempt| attempt.worth)
        .collect();
    assert_eq!(worth, [Worth::Retry, Worth::Productive]);
    assert!(answer.attempts[0].reasons[0].contains("/label"));
    let asked = model.asked.lock().unwrap();
    let Part::Text { text } = &asked[1].messages.last().unwrap().parts[0] else {
        panic!("the reasons are a text");
    };
    assert!(text.contains("eggs"), "{text}");
}

#[tokio::test]
async fn a_repair_of_a_tool_call_answers_the_call() {
    let replies = vec![called(json!({"label": 1})), called(json!({"label": "ham"}))];
    let model = Prepared::new(AnswerMeans::Tool, replies);
    let context = CallContext::default();
    ask_structured(&model, question(), &schema(), &context)
        .await
        .unwrap();
    let asked = model.asked.lock().unwrap();
    let last = asked[1].messages.last().unwrap();
    assert!(
        matches!(&last.parts[..], [Part::ToolResult(result)] if result.call_id == "c" && result.is_error)
    );
}

async fn check_failure(replies: Vec<Reply>, kind: ModelErrorKind, attempts: usize) {
    let model = Prepared::new(AnswerMeans::Native, replies);
    let context = CallContext::default();
    let failure = ask_structured(&model, question(), &schema(), &context)
        .await
        .unwrap_err();
    assert_eq!(
        (failure.error.kind, failure.attempts.len()),
        (kind, attempts)
    );
    assert!(
        failure
            .attempts
            .iter()
            .all(|attempt| attempt.worth == Worth::Retry)
    );
}

#[tokio::test]
async fn what_cannot_be_repaired_ends_with_its_attempts() {
    check_failure(vec![said("no"), said("no")], ModelErrorKind::Malformed, 2).await;
    let cut = Reply {
        reason: StopReason::OutputLimit,
        ..said("{\"label\":")
    };
    check_failure(vec![cut], ModelErrorKind::Malformed, 1).await;
    let refused = Reply {
        reason: StopReason::Refusal,
        ..said("I will not.")
    };
    check_failure(vec![refused], ModelErrorKind::Refused, 1).await;
}

#[tokio::test]
async fn a_wrong_schema_is_found_before_any_call() {
    let model = Arc::new(Prepared::new(AnswerMeans::Native, Vec::new()));
    let schema = AnswerSchema {
        name: "x".into(),
        schema: json!({"type": 7}),
    };
    let context = CallContext::default();
    let failure = ask_structured(&*model, question(), &schema, &context)
        .await
        .unwrap_err();
    assert_eq!(failure.error.kind, ModelErrorKind::InvalidRequest);
    assert!(model.asked.lock().unwrap().is_empty());
}
