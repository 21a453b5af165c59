//! `search`: lines that match a pattern, or files that match a glob, as ripgrep finds them.

use std::path::Path;

use async_trait::async_trait;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::workspace::{Missing, Workspace};
use crate::{EffectClass, Reach};

/// Lines or files that one search shows; more only blur the picture.
const FOUND_MAX: usize = 200;

/// Lines of one file that a search shows, so that one file does not hide the others.
const LINES_OF_FILE_MAX: usize = 30;

/// What is shown of one line.
const LINE_BYTES_MAX: usize = 300;

/// Files that one search looks into; a larger tree wants a narrower path.
const FILES_MAX: usize = 100_000;

/// The most memory for a compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 4 << 20;

/// Searches the workspace.
#[derive(Debug, Clone)]
pub struct Search {
    workspace: Workspace,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    pattern: Option<String>,
    #[serde(default = "here")]
    path: String,
    glob: Option<String>,
    #[serde(default)]
    ignore_case: bool,
}

fn here() -> String {
    ".".to_owned()
}

impl Search {
    /// Makes the tool for a workspace.
    pub fn new(workspace: Workspace) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "pattern": {"type": "string", "minLength": 1, "description": "A regular expression; without it, files are listed"},
                "path": {"type": "string", "description": "Folder or file; the whole workspace if absent"},
                "glob": {"type": "string", "description": "Only these files, for instance *.rs or !*.lock"},
                "ignore_case": {"type": "boolean"}
            },
            "additionalProperties": false
        });
        let about = "Finds lines by a regular expression, or files by a glob. Leaves out hidden files and what .gitignore names.";
        Self {
            workspace,
            spec: ToolSpec::new("search", about, schema)
                .class(EffectClass::Read)
                .reach(Reach::Workspace),
        }
    }
}

#[async_trait]
impl Tool for Search {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let workspace = self.workspace.clone();
        // The walk stops when nobody waits for it any more.
        let token = context.cancellation.child_token();
        let guard = token.clone().drop_guard();
        let found = super::blocking(move || search(&workspace, &asked, &token)).await;
        drop(guard);
        found
    }
}

fn search(
    workspace: &Workspace,
    asked: &Arguments,
    token: &CancellationToken,
) -> Result<ToolOutput, ToolError> {
    let matcher = match &asked.pattern {
        Some(pattern) => Some(matcher(pattern, asked.ignore_case)?),
        None => None,
    };
    // Resolving the start refuses what lies outside; what is below is opened the same way.
    let start = workspace
        .resolved(&asked.path)
        .map_err(|error| ToolError::Failed(error.for_model()))?;
    let files = WalkBuilder::new(&start)
        .overrides(globs(workspace.path(), asked.glob.as_deref())?)
        .require_git(false)
        .sort_by_file_name(Ord::cmp)
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .take(FILES_MAX);
    let mut found = Found::default();
    let mut searcher = SearcherBuilder::new()
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0))
        .build();
    for file in files {
        if token.is_cancelled() {
            return Err(ToolError::Failed("the search was stopped".to_owned()));
        }
        if found.is_full() {
            break;
        }
        let path = file
            .path()
            .strip_prefix(workspace.path())
            .unwrap_or(file.path());
        match &matcher {
            Some(matcher) => lines(workspace, path, matcher, &mut searcher, &mut found),
            None => found.add(path.display().to_string()),
        }
    }
    Ok(ToolOutput::text(found.text()))
}

/// Adds the lines of one file that match.
fn lines(
    workspace: &Workspace,
    path: &Path,
    matcher: &RegexMatcher,
    searcher: &mut Searcher,
    found: &mut Found,
) {
    let Some(name) = path.to_str() else { return };
    // A file that vanished or cannot be read holds no match.
    let Ok(place) = workspace.place(name, Missing::Refused) else {
        return;
    };
    let Ok(file) = place.open_file() else { return };
    let mut count = 0;
    let sink = Lossy(|number, line| {
        count += 1;
        if count > LINES_OF_FILE_MAX {
            found.add(format!("{name}: [more lines match]"));
            return Ok(false);
        }
        found.add(format!("{name}:{number}: {}", shortened(line)));
        Ok(!found.is_full())
    });
    if let Err(error) = searcher.search_file(matcher, &file, sink) {
        tracing::debug!(%error, "a file was not searched");
    }
}

fn matcher(pattern: &str, ignore_case: bool) -> Result<RegexMatcher, ToolError> {
    RegexMatcherBuilder::new()
        .case_insensitive(ignore_case)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .line_terminator(Some(b'\n'))
        .build(pattern)
        .map_err(|error| ToolError::Failed(format!("the pattern cannot be used: {error}")))
}

fn globs(root: &Path, glob: Option<&str>) -> Result<Override, ToolError> {
    let unusable = |error| ToolError::Failed(format!("the glob cannot be used: {error}"));
    let mut builder = OverrideBuilder::new(root);
    if let Some(glob) = glob {
        builder.add(glob).map_err(unusable)?;
    }
    builder.build().map_err(unusable)
}

fn shortened(line: &str) -> &str {
    let line = line.trim_end();
    let mut end = line.len().min(LINE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// What was found, up to a limit.
#[derive(Debug, Default)]
struct Found {
    lines: Vec<String>,
}

impl Found {
    fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() > FOUND_MAX
    }

    fn text(mut self) -> String {
        if self.lines.is_empty() {
            return "[nothing was found]".to_owned();
        }
        if self.is_full() {
            self.lines.truncate(FOUND_MAX);
            self.lines
                .push("[there is more; search for something narrower]".to_owned());
        }
        self.lines.join("\n")
    }
}
