//! Results of servers as text for the model. Binary content is named, never inlined.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::json;

use crate::tool::ToolOutput;

/// Turns a result into what the model reads. The driver cuts it to the tool's limit.
pub(super) fn output(server: &str, tool: &str, result: CallToolResult) -> ToolOutput {
    let mut parts: Vec<String> = result.content.iter().map(text_of).collect();
    // Servers repeat structured content as text for clients that read none.
    if let Some(structured) = result.structured_content
        && parts.iter().all(String::is_empty)
    {
        parts.push(structured.to_string());
    }
    let content = match parts.is_empty() {
        true => "[no content]".to_owned(),
        false => parts.join("\n"),
    };
    ToolOutput {
        is_error: result.is_error.unwrap_or_default(),
        ..ToolOutput::text(content)
    }
    .with_evidence(json!({ "server": server, "tool": tool }))
}

fn text_of(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => binary("image", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => binary("audio", &audio.mime_type, audio.data.len()),
        ContentBlock::Resource(embedded) => resource(&embedded.resource),
        ContentBlock::ResourceLink(link) => format!("[resource {}: {}]", link.uri, link.name),
        _ => "[content of a kind that this version does not know]".to_owned(),
    }
}

fn resource(contents: &ResourceContents) -> String {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => {
            format!("[resource {uri}]\n{text}")
        }
        ResourceContents::BlobResourceContents {
            uri,
            blob,
            mime_type,
            ..
        } => {
            let kind = mime_type.as_deref().unwrap_or("unknown type");
            format!("[resource {uri}] {}", binary("data", kind, blob.len()))
        }
        _ => "[resource of a kind that this version does not know]".to_owned(),
    }
}

fn binary(what: &str, kind: &str, base64_bytes: usize) -> String {
    format!("[{what}, {kind}, about {} bytes]", base64_bytes / 4 * 3)
}
