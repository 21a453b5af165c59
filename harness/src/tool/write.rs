//! `write`: a whole file of the workspace, old or new but never half.

use std::io;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Probe, Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::image::FileImages;
use crate::workspace::{Missing, Workspace};
use crate::{Digest, EffectClass, Reach};

/// Files larger than this are not hashed, read or edited as a whole.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Writes a file of the workspace.
#[derive(Debug, Clone)]
pub struct Write {
    workspace: Workspace,
    images: Option<FileImages>,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    path: String,
    content: String,
}

impl Write {
    /// Makes the tool for a workspace.
    pub fn new(workspace: Workspace) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Path in the workspace"},
                "content": {"type": "string", "description": "The whole new content"}
            },
            "required": ["path", "content"],
            "additionalProperties": false
        });
        let about =
            "Writes a file as a whole, and makes its folders. Use `edit` for small changes.";
        Self {
            workspace,
            images: None,
            spec: ToolSpec::new("write", about, schema)
                .class(EffectClass::Verifiable)
                .reach(Reach::Workspace),
        }
    }

    /// Keeps what files were before each call, so that they can be put back.
    #[must_use]
    pub fn with_images(mut self, images: FileImages) -> Self {
        self.images = Some(images);
        self
    }
}

#[async_trait]
impl Tool for Write {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let workspace = self.workspace.clone();
        super::blocking(move || write(&workspace, &asked)).await
    }

    async fn mark(&self, arguments_: &Value) -> Option<Value> {
        let asked: Arguments = arguments(arguments_.clone()).ok()?;
        let workspace = self.workspace.clone();
        let images = self.images.clone();
        let before = super::blocking(move || Ok(kept_before(&workspace, images, &asked.path)));
        Some(json!({ "before": before.await.ok().flatten() }))
    }

    async fn probe(&self, arguments_: &Value, mark: Option<&Value>) -> Probe {
        let asked: Arguments = match arguments(arguments_.clone()) {
            Ok(asked) => asked,
            Err(error) => return Probe::Unclear(error.to_string()),
        };
        let after = Digest::of_bytes(asked.content.as_bytes());
        let before = digest_in(mark, "before");
        if before == Some(after) {
            // The file had this content before the call: there was nothing to do.
            return Probe::DidNotHappen;
        }
        let workspace = self.workspace.clone();
        let path = asked.path.clone();
        let now = super::blocking(move || Ok(digest_of(&workspace, &path))).await;
        probe_file(&asked.path, before, after, now.ok().flatten(), || {
            written(&asked, before, after)
        })
    }
}

fn write(workspace: &Workspace, asked: &Arguments) -> Result<ToolOutput, ToolError> {
    let before = digest_of(workspace, &asked.path);
    let place = workspace
        .place(&asked.path, Missing::Made)
        .map_err(|error| ToolError::Failed(error.for_model()))?;
    place
        .write(asked.content.as_bytes())
        .map_err(|error| ToolError::Failed(format!("`{}` was not written: {error}", asked.path)))?;
    let after = Digest::of_bytes(asked.content.as_bytes());
    Ok(written(asked, before, after))
}

fn written(asked: &Arguments, before: Option<Digest>, after: Digest) -> ToolOutput {
    let text = format!("Wrote {} bytes to `{}`.", asked.content.len(), asked.path);
    ToolOutput::text(text).with_evidence(evidence(&asked.path, before, after))
}

/// What an operator sees of a changed file.
pub(super) fn evidence(path: &str, before: Option<Digest>, after: Digest) -> Value {
    json!({ "path": path, "before": before, "after": after })
}

/// Returns the digest of a file, or `None` when there is none that can be read.
pub(super) fn digest_of(workspace: &Workspace, path: &str) -> Option<Digest> {
    let read = |workspace: &Workspace| -> io::Result<Vec<u8>> {
        let place = workspace
            .place(path, Missing::Refused)
            .map_err(io::Error::other)?;
        place.read(FILE_BYTES_MAX)
    };
    read(workspace).ok().map(|bytes| Digest::of_bytes(&bytes))
}

/// Returns the digest of a file, and keeps its content when somebody wants it kept.
pub(super) fn kept_before(
    workspace: &Workspace,
    images: Option<FileImages>,
    path: &str,
) -> Option<Digest> {
    let Some(images) = images else {
        return digest_of(workspace, path);
    };
    let place = workspace.place(path, Missing::Refused).ok()?;
    let content = place.read(FILE_BYTES_MAX).ok()?;
    // Without room for the image the change still happens: a rewind says that it is missing.
    let kept = images.keep(&content);
    Some(kept.unwrap_or_else(|_| Digest::of_bytes(&content)))
}

/// Reads a digest from a mark.
pub(super) fn digest_in(mark: Option<&Value>, name: &str) -> Option<Digest> {
    mark?.get(name)?.as_str()?.parse().ok()
}

/// Compares a file with what it was before a call and what it must be after it.
pub(super) fn probe_file(
    path: &str,
    before: Option<Digest>,
    after: Digest,
    now: Option<Digest>,
    output: impl FnOnce() -> ToolOutput,
) -> Probe {
    if now == Some(after) {
        Probe::Happened(output())
    } else if now == before {
        Probe::DidNotHappen
    } else {
        Probe::Unclear(format!(
            "`{path}` has neither the content of before the call nor the one of after it"
        ))
    }
}
