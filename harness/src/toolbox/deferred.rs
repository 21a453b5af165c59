//! Tools that the model is not shown until it looks for them, so that a request stays small
//! however many there are. They stand in namespaces; `tool_search` finds them, `tool_call` calls
//! them. Neither changes the list of tools, so that the prefix of every request stays the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use layercake_model::ToolCall;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::EffectClass;
use crate::tool::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};

/// The tool that finds tools.
pub(crate) const SEARCH: &str = "tool_search";
/// The tool that calls what was found. It never runs itself: it stands for the other one.
pub(crate) const CALL: &str = "tool_call";

/// Tools that one search shows; more would fill the window that this is to spare.
const FOUND_MAX: usize = 5;
/// Names that one search lists when nothing was asked for.
const NAMES_MAX: usize = 100;

/// Returns the call that a call stands for.
pub(crate) fn unwrapped(call: &ToolCall) -> Cow<'_, ToolCall> {
    let name = call.arguments.get("name").and_then(Value::as_str);
    match name {
        Some(name) if call.name == CALL => Cow::Owned(ToolCall {
            id: call.id.clone(),
            name: name.to_owned(),
            arguments: match call.arguments.get("arguments") {
                Some(arguments) => arguments.clone(),
                None => json!({}),
            },
        }),
        _ => Cow::Borrowed(call),
    }
}

/// One tool as the search shows it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) namespace: String,
    pub(super) spec: layercake_model::ToolSpec,
}

/// Finds tools by words.
#[derive(Debug)]
pub(super) struct SearchTools {
    spec: ToolSpec,
    tools: Vec<Found>,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    #[serde(default)]
    query: String,
    namespace: Option<String>,
}

impl SearchTools {
    /// Makes the tool over namespaces, with what each is about, and their tools.
    pub(super) fn new(namespaces: &BTreeMap<String, String>, tools: Vec<Found>) -> Self {
        let mut about = "Finds more tools and shows their arguments; call them with `tool_call`. \
                         There are tools for:"
            .to_owned();
        for (name, words) in namespaces {
            let count = tools.iter().filter(|tool| tool.namespace == *name);
            about.push_str(&format!("\n- {name} ({}): {words}", count.count()));
        }
        let schema = json!({
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What the tool is to do, in a few words; lists names if absent"},
                "namespace": {"type": "string", "description": "Look only there"}
            },
            "additionalProperties": false
        });
        Self {
            spec: ToolSpec::new(SEARCH, about, schema).class(EffectClass::Pure),
            tools,
        }
    }

    fn search(&self, asked: &Arguments) -> String {
        let within = |tool: &&Found| {
            let wanted = asked.namespace.as_ref();
            wanted.is_none_or(|wanted| *wanted == tool.namespace)
        };
        let words: Vec<String> = words_of(&asked.query).collect();
        let candidates = self.tools.iter().filter(within);
        if words.is_empty() {
            let names: Vec<&str> = candidates
                .map(|tool| tool.spec.name.as_str())
                .take(NAMES_MAX)
                .collect();
            return format!("The tools are: {}.", names.join(", "));
        }
        let mut ranked: Vec<(usize, &Found)> = candidates
            .map(|tool| (rank(tool, &words), tool))
            .filter(|(rank, _)| *rank > 0)
            .collect();
        ranked.sort_by_key(|(rank, tool)| (usize::MAX - rank, tool.spec.name.clone()));
        if ranked.is_empty() {
            return "No tool fits. Use other words, or leave the query out for all names."
                .to_owned();
        }
        let shown = ranked.into_iter().take(FOUND_MAX).map(|(_, tool)| {
            format!(
                "{}: {}\nArguments: {}\n",
                tool.spec.name, tool.spec.description, tool.spec.input_schema
            )
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// A word in the name says more than one in the description.
fn rank(tool: &Found, words: &[String]) -> usize {
    let name: Vec<String> = words_of(&tool.spec.name).collect();
    let about: Vec<String> = words_of(&tool.spec.description).collect();
    let hits = |among: &[String], word: &String| among.iter().any(|it| it.starts_with(word));
    let scores = words
        .iter()
        .map(|word| 3 * usize::from(hits(&name, word)) + usize::from(hits(&about, word)));
    scores.sum()
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[async_trait]
impl Tool for SearchTools {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        Ok(ToolOutput::text(self.search(&asked)))
    }
}

/// Stands for the tools that were found.
#[derive(Debug)]
pub(super) struct CallTool {
    spec: ToolSpec,
}

impl CallTool {
    pub(super) fn new() -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The tool, as `tool_search` names it"},
                "arguments": {"type": "object", "description": "Its arguments"}
            },
            "required": ["name"],
            "additionalProperties": false
        });
        Self {
            spec: ToolSpec::new(CALL, "Calls a tool that `tool_search` found.", schema),
        }
    }
}

#[async_trait]
impl Tool for CallTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        Err(ToolError::Failed(
            "there is no tool of that name; `tool_search` lists them".to_owned(),
        ))
    }
}
