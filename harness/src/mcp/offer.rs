//! What a server has, as plain data that a session keeps: the same tools in every process.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::{McpHints, McpSettings};
use crate::output::cut_to;
use crate::{Digest, EffectClass};

/// The most tools of one server; more would drown every other tool.
const TOOLS_MAX: usize = 128;
/// The longest description of a tool, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 2 * 1024;
/// The largest schema of arguments, in bytes.
const SCHEMA_BYTES_MAX: usize = 16 * 1024;
/// Providers refuse longer tool names.
const NAME_BYTES_MAX: usize = 64;
/// How much of a digest tells two shortened names apart.
const SUFFIX_BYTES: usize = 8;

/// What a server has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct McpOffer {
    /// The server, by its name in the settings.
    pub server: String,
    /// The protocol revision that was spoken.
    pub revision: String,
    /// Its tools, by name.
    pub tools: Vec<OfferedTool>,
    /// Tools that cannot be used, and why.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// A tool of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedTool {
    /// The name that the model uses.
    pub name: String,
    /// The server's own name.
    pub remote: String,
    /// What it does, as the server says.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// What repeating a call means, as the settings say.
    pub class: EffectClass,
}

/// Makes the offer from what a server listed.
pub(super) fn offer(
    settings: &McpSettings,
    revision: String,
    listed: Vec<rmcp::model::Tool>,
) -> McpOffer {
    let mut offer = McpOffer {
        server: settings.name.clone(),
        revision,
        tools: Vec::new(),
        left_out: Vec::new(),
    };
    let mut names = BTreeSet::new();
    for tool in listed {
        if settings.tools.as_ref().is_some_and(|only| {
            let is_it = |name: &String| *name == tool.name;
            !only.iter().any(is_it)
        }) {
            continue;
        }
        match offered(settings, &tool) {
            _ if offer.tools.len() == TOOLS_MAX => {
                let why = format!("{}: more than {TOOLS_MAX} tools", tool.name);
                offer.left_out.push(why);
                break;
            }
            Ok(it) if names.insert(it.name.clone()) => offer.tools.push(it),
            Ok(it) => offer.left_out.push(format!("{}: named twice", it.remote)),
            Err(why) => offer.left_out.push(why),
        }
    }
    offer.tools.sort_by(|a, b| a.name.cmp(&b.name));
    offer
}

fn offered(settings: &McpSettings, tool: &rmcp::model::Tool) -> Result<OfferedTool, String> {
    let schema = Value::Object((*tool.input_schema).clone());
    let size = schema.to_string().len();
    if size > SCHEMA_BYTES_MAX {
        return Err(format!("{}: its schema has {size} bytes", tool.name));
    }
    // Nothing is fetched: a schema that points elsewhere cannot be checked and is no schema.
    if let Err(error) = jsonschema::validator_for(&schema) {
        return Err(format!("{}: {error}", tool.name));
    }
    let said = tool.description.as_deref().unwrap_or_default();
    Ok(OfferedTool {
        name: name(&settings.name, &tool.name),
        remote: tool.name.clone().into_owned(),
        description: cut_to(
            format!("{said} (A tool of the MCP server `{}`.)", settings.name),
            DESCRIPTION_BYTES_MAX,
        ),
        input_schema: schema,
        class: class(settings, tool),
    })
}

/// What repeating a call means: our settings first; hints only where they are believed.
fn class(settings: &McpSettings, tool: &rmcp::model::Tool) -> EffectClass {
    if let Some(class) = settings.classes.get(tool.name.as_ref()) {
        return *class;
    }
    let hints = match settings.hints {
        McpHints::Trusted => tool.annotations.as_ref(),
        McpHints::Untrusted => None,
    };
    match hints {
        Some(it) if it.read_only_hint == Some(true) => EffectClass::Read,
        Some(it) if it.idempotent_hint == Some(true) => EffectClass::Idempotent,
        _ => settings.class,
    }
}

/// Makes the name that the model uses: `SERVER__TOOL`, in the letters that providers take.
pub(super) fn name(server: &str, tool: &str) -> String {
    let letter = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => c,
        _ => '_',
    };
    let whole = format!("{server}__{tool}");
    let mut name: String = whole.chars().map(letter).collect();
    if name != whole || name.len() > NAME_BYTES_MAX {
        let digest = Digest::of_bytes(whole.as_bytes()).to_string();
        let suffix = digest.rsplit(':').next().unwrap_or_default();
        name.truncate(NAME_BYTES_MAX - SUFFIX_BYTES - 1);
        name.push('_');
        name.extend(suffix.chars().take(SUFFIX_BYTES));
    }
    name
}

#[cfg(test)]
mod tests {
    use rmcp::model::{Tool, ToolAnnotations};
    use serde_json::json;

    use super::*;
    use crate::mcp::settings::{McpAddress, McpLogin, McpWeb};

    fn settings() -> McpSettings {
        let address = McpAddress::Web(McpWeb {
            url: "http://127.0.0.1:1/mcp".to_owned(),
            headers: Vec::new(),
            login: McpLogin::default(),
        });
        McpSettings::new("shop", address)
    }

    fn tool(name: &'static str, schema: Value) -> Tool {
        let Value::Object(schema) = schema else {
            panic!("a schema is an object")
        };
        let mut tool = Tool::new(name, "sells", schema);
        let mut hints = ToolAnnotations::default();
        hints.read_only_hint = Some(true);
        tool.annotations = Some(hints);
        tool
    }

    #[test]
    fn a_hint_counts_only_where_it_is_trusted() {
        let listed = || vec![tool("look", json!({"type": "object"}))];
        let mut settings = settings();
        let class =
            |settings: &McpSettings| offer(settings, String::new(), listed()).tools[0].class;
        assert_eq!(class(&settings), EffectClass::Unsafe);
        settings.hints = McpHints::Trusted;
        assert_eq!(class(&settings), EffectClass::Read);
        settings
            .classes
            .insert("look".to_owned(), EffectClass::Idempotent);
        assert_eq!(class(&settings), EffectClass::Idempotent);
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_said() {
        let listed = vec![
            tool("b", json!({"type": "object"})),
            tool("a", json!({"type": "object"})),
            tool("far", json!({"$ref": "http://192.0.2.1/schema.json"})),
            tool("wrong", json!({"type": 7})),
        ];
        let offer = offer(&settings(), String::new(), listed);
        let names: Vec<_> = offer.tools.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["shop__a", "shop__b"]);
        assert_eq!(offer.left_out.len(), 2, "{:?}", offer.left_out);
    }

    #[test]
    fn every_name_is_one_that_providers_take() {
        assert_eq!(name("shop", "buy-it_now"), "shop__buy-it_now");
        let dotted = name("shop", "a.b");
        assert_ne!(dotted, name("shop", "a/b"));
        let long = name("shop", &"x".repeat(200));
        assert_eq!(long.len(), 64);
        assert!(dotted.starts_with("shop__a_b_"), "{dotted}");
    }
}
