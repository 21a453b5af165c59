//! One message as plain data: who, what about, the readable text, what is attached.

use mail_parser::{Address, Message, MessageParser, MimeHeaders};
use serde_json::{Value, json};

use super::TEXT_CHARS_MAX;

/// The most attachments that are named.
const ATTACHMENTS_MAX: usize = 100;
/// The most characters of a header that are kept.
const HEADER_CHARS_MAX: usize = 1_000;

/// Reads a message. The error says why it is none.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or("it is not a message")?;
    if message.from().is_none() && message.subject().is_none() && message.date().is_none() {
        return Err("it is not a message: it has neither sender, nor subject, nor date".to_owned());
    }
    let text = text(&message);
    if text.trim().is_empty() && message.subject().is_none() && message.attachment_count() == 0 {
        return Err("the message is empty".to_owned());
    }
    let reply_to = message.reply_to().or(message.from()).and_then(address);
    let cut = text.chars().nth(TEXT_CHARS_MAX).is_some();
    Ok(json!({
        "messageId": message.message_id().map(header),
        "from": message.from().and_then(person),
        "replyTo": reply_to,
        "to": message.to().and_then(person),
        "subject": message.subject().map(header),
        "date": message.date().map(|date| date.to_rfc3339()),
        "text": super::bounded(&text),
        "truncated": cut,
        "attachments": attachments(&message),
    }))
}

/// Returns the readable text: the plain bodies, or what the library makes of HTML ones.
fn text(message: &Message<'_>) -> String {
    let bodies = (0..message.text_body_count()).filter_map(|i| message.body_text(i));
    let bodies: Vec<String> = bodies.map(|body| body.replace("\r\n", "\n")).collect();
    bodies.join("\n")
}

fn person(address: &Address<'_>) -> Option<Value> {
    let first = address.first()?;
    Some(json!({
        "name": first.name().map(header),
        "address": first.address().map(header),
    }))
}

fn address(address: &Address<'_>) -> Option<String> {
    address.first()?.address().map(header)
}

fn header(text: &str) -> String {
    let plain = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(HEADER_CHARS_MAX).collect()
}

fn attachments(message: &Message<'_>) -> Vec<Value> {
    let describe = |part: &mail_parser::MessagePart<'_>| {
        let kind = part.content_type().map(|kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        });
        json!({
            "name": part.attachment_name().map(header),
            "mediaType": kind,
            "sizeBytes": part.contents().len(),
        })
    };
    message
        .attachments()
        .take(ATTACHMENTS_MAX)
        .map(describe)
        .collect()
}
