//! Amazon Bedrock's Converse.

use layercake_model::wire::Dialect;
use layercake_model::{Message, ModelErrorKind, Part, Request, Role, StopReason, ToolCall};
use serde_json::json;

use super::body;
use crate::ask::{aws_events, stream_reply};

const BEDROCK: Dialect = Dialect::BedrockConverse;
const HELLO: &str = "messageStart {\"role\":\"assistant\"}\n\
    contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hello\"}}\n\
    contentBlockStop {\"contentBlockIndex\":0}\n";

/// The usage comes in a message behind the one that says why the reply ended (genai changelog);
/// a reply without it is complete all the same.
#[test]
fn bedrock_counts_come_behind_the_stop() {
    let stop = "messageStop {\"stopReason\":\"end_turn\"}\n";
    let usage = "metadata {\"usage\":{\"inputTokens\":3,\"outputTokens\":2}}\n";
    let reply = stream_reply(BEDROCK, &aws_events(&format!("{HELLO}{stop}{usage}"))).unwrap();
    assert_eq!(
        (reply.usage.input_tokens, reply.usage.output_tokens),
        (3, 2)
    );
    let reply = stream_reply(BEDROCK, &aws_events(&format!("{HELLO}{stop}"))).unwrap();
    assert_eq!(
        (reply.text().as_str(), reply.reason),
        ("Hello", StopReason::End)
    );
    let error = stream_reply(BEDROCK, &aws_events(HELLO)).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Interrupted);
}

/// "The toolConfig field must be defined when using toolUse and toolResult content blocks"
/// (vxcontrol/pentagi#196).
#[test]
fn bedrock_gets_tools_declared_for_a_conversation_with_calls() {
    let call = Part::ToolCall(ToolCall {
        id: "c1".into(),
        name: "look".into(),
        arguments: json!({"at": "it"}),
    });
    let mut request = Request {
        messages: vec![Message::of(Role::Assistant, vec![call])],
        ..Request::default()
    };
    let sent = body(BEDROCK, &request, "m");
    let declared = &sent["toolConfig"]["tools"];
    assert_eq!(declared.as_array().map(Vec::len), Some(1), "{sent}");
    assert_eq!(declared[0]["toolSpec"]["name"], "look", "{sent}");
    request.messages = vec![Message::user("hi")];
    let sent = body(BEDROCK, &request, "m");
    assert_eq!(
        sent.get("toolConfig"),
        None,
        "nothing is declared for nothing: {sent}"
    );
}

/// What goes wrong in the middle is a message of its own kind.
#[test]
fn bedrock_exceptions_are_told_apart() {
    let table = [
        ("throttlingException", ModelErrorKind::RateLimited),
        ("serviceUnavailableException", ModelErrorKind::Overloaded),
        ("internalServerException", ModelErrorKind::Server),
        ("modelStreamErrorException", ModelErrorKind::Server),
    ];
    for (name, kind) in table {
        let stream = format!("{HELLO}!{name} {{\"message\":\"Too bad.\"}}\n");
        let error = stream_reply(BEDROCK, &aws_events(&stream)).unwrap_err();
        assert_eq!(error.kind, kind, "{name}: {error:?}");
        assert!(error.message.contains("Too bad."), "{error:?}");
        assert!(error.partial, "{name}");
    }
}

/// Blank texts are rejected, and names of documents take few characters.
#[test]
fn bedrock_gets_no_blank_texts_and_plain_names() {
    let file = Part::File {
        name: "bill_2026/03.pdf".into(),
        media_type: "application/pdf".into(),
        data: "JVBERi0=".into(),
    };
    let request = Request {
        system: Some("  ".into()),
        messages: vec![Message::of(Role::User, vec![Part::text(" \n"), file])],
        ..Request::default()
    };
    let sent = body(BEDROCK, &request, "m");
    assert_eq!(sent.get("system"), None, "{sent}");
    let content = &sent["messages"][0]["content"];
    assert_eq!(content.as_array().map(Vec::len), Some(1), "{sent}");
    assert_eq!(content[0]["document"]["name"], "bill 2026 03 pdf", "{sent}");
}

/// Each message has a checksum; a reply with a wrong one is broken, and worth another try.
#[test]
fn a_garbled_message_is_found_by_its_checksum() {
    let stream = aws_events(&format!(
        "{HELLO}messageStop {{\"stopReason\":\"end_turn\"}}\n"
    ));
    for at in 0..stream.len() {
        let mut garbled = stream.clone();
        garbled[at] ^= 0x20;
        let error = stream_reply(BEDROCK, &garbled).unwrap_err();
        let is_broken = matches!(
            error.kind,
            ModelErrorKind::Malformed | ModelErrorKind::Interrupted
        );
        assert!(is_broken, "byte {at}: {error:?}");
    }
}
