//! `edit`: one place of a text file replaced, or nothing.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::write::{FILE_BYTES_MAX, digest_in, digest_of, evidence, kept_before, probe_file};
use super::{Probe, Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::image::FileImages;
use crate::workspace::{Missing, Place, Workspace};
use crate::{Digest, EffectClass, Reach};

/// Replaces a text that occurs exactly once in a file of the workspace.
#[derive(Debug, Clone)]
pub struct Edit {
    workspace: Workspace,
    images: Option<FileImages>,
    spec: ToolSpec,
}

#[derive(Debug, Clone, Deserialize)]
struct Arguments {
    path: String,
    old: String,
    new: String,
}

impl Edit {
    /// Makes the tool for a workspace.
    pub fn new(workspace: Workspace) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Path in the workspace"},
                "old": {"type": "string", "minLength": 1, "description": "The text to replace, exactly as it stands in the file; it must occur once"},
                "new": {"type": "string", "description": "The text to put there"}
            },
            "required": ["path", "old", "new"],
            "additionalProperties": false
        });
        let about = "Replaces one place of a text file. `old` must occur exactly once: add lines around it if need be.";
        Self {
            workspace,
            images: None,
            spec: ToolSpec::new("edit", about, schema)
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
impl Tool for Edit {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let workspace = self.workspace.clone();
        super::blocking(move || edit(&workspace, &asked)).await
    }

    async fn mark(&self, arguments_: &Value) -> Option<Value> {
        let asked: Arguments = arguments(arguments_.clone()).ok()?;
        let workspace = self.workspace.clone();
        let images = self.images.clone();
        let change = super::blocking(move || {
            let change = plan(&workspace, &asked)?;
            kept_before(&workspace, images, &asked.path);
            Ok(change)
        })
        .await
        .ok()?;
        Some(json!({ "before": change.before, "after": change.after }))
    }

    async fn probe(&self, arguments_: &Value, mark: Option<&Value>) -> Probe {
        let asked: Arguments = match arguments(arguments_.clone()) {
            Ok(asked) => asked,
            Err(error) => return Probe::Unclear(error.to_string()),
        };
        let before = digest_in(mark, "before");
        let Some(after) = digest_in(mark, "after") else {
            // There was no change to plan: the call could only fail.
            return Probe::DidNotHappen;
        };
        let workspace = self.workspace.clone();
        let path = asked.path.clone();
        let now = super::blocking(move || Ok(digest_of(&workspace, &path))).await;
        probe_file(&asked.path, before, after, now.ok().flatten(), || {
            edited(&asked.path, before, after)
        })
    }
}

/// A change that can be made.
struct Change {
    place: Place,
    content: String,
    before: Digest,
    after: Digest,
}

fn edit(workspace: &Workspace, asked: &Arguments) -> Result<ToolOutput, ToolError> {
    let change = plan(workspace, asked)?;
    change
        .place
        .write(change.content.as_bytes())
        .map_err(|error| ToolError::Failed(format!("`{}` was not changed: {error}", asked.path)))?;
    Ok(edited(&asked.path, Some(change.before), change.after))
}

/// Reads the file and works out the new content; changes nothing.
fn plan(workspace: &Workspace, asked: &Arguments) -> Result<Change, ToolError> {
    let refuse =
        |why: String| ToolError::Failed(format!("`{}` was not changed: {why}", asked.path));
    let place = workspace
        .place(&asked.path, Missing::Refused)
        .map_err(|error| ToolError::Failed(error.for_model()))?;
    let bytes = place
        .read(FILE_BYTES_MAX)
        .map_err(|error| refuse(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not a text file".to_owned()))?;
    let Some(start) = text.find(&asked.old) else {
        return Err(refuse("`old` does not occur in it".to_owned()));
    };
    // The last occurrence is the first one exactly when there is only one, overlaps included.
    if text.rfind(&asked.old) != Some(start) {
        return Err(refuse("`old` occurs more than once in it".to_owned()));
    }
    let end = start + asked.old.len();
    let content = [&text[..start], &asked.new, &text[end..]].concat();
    Ok(Change {
        before: Digest::of_bytes(text.as_bytes()),
        after: Digest::of_bytes(content.as_bytes()),
        place,
        content,
    })
}

fn edited(path: &str, before: Option<Digest>, after: Digest) -> ToolOutput {
    ToolOutput::text(format!("Changed one place in `{path}`."))
        .with_evidence(evidence(path, before, after))
}
